use std::env;
use std::process::ExitCode;

use launch_doctor::cli::{Cli, explain_error};
use launch_doctor::exit::Exit;

fn main() -> ExitCode {
    let cli = match Cli::from_args(env::args_os()) {
        Ok(cli) => cli,
        Err(error) => return explain_error(&error).into(),
    };
    match cli.run() {
        Ok(exit) => exit.into(),
        Err(error) => {
            eprintln!("doctor: {error:#}");
            Exit::Usage.into()
        }
    }
}
