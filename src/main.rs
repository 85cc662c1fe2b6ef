use std::env;
use std::ffi::OsString;
use std::io::{self, Write};
use std::process::ExitCode;

use launch_doctor::cli::{Cli, is_for_monitoring};
use launch_doctor::commands;
use launch_doctor::exit::{Exit, PluginState};
use launch_doctor::report::{plugin_failure, printable};
use launch_probes::sandbox::keep_memory_private;

fn main() -> ExitCode {
    keep_memory_private();
    let args: Vec<OsString> = env::args_os().collect();
    let message = match Cli::from_args(&args) {
        Ok(cli) => match commands::run(cli) {
            Ok(status) => return status,
            Err(error) => format!("{error:#}"),
        },
        Err(error) => match error.show_help() {
            Some(exit) => return exit.into(),
            None => error.to_string(),
        },
    };
    // A monitoring system reads standard output alone, and takes a 2 for an alarm.
    if is_for_monitoring(&args)
        && io::stdout().write_all(plugin_failure(&message).as_bytes()).is_ok()
    {
        return PluginState::Unknown.into();
    }
    // It may show what stands in a file that is anybody's.
    eprintln!("doctor: {}", printable(&message));
    Exit::Usage.into()
}
