use std::env;
use std::ffi::OsString;
use std::io::{self, IsTerminal, Write};
use std::path::Path;
use std::process::ExitCode;

use launch_doctor::cli::Cli;
use launch_doctor::commands;
use launch_doctor::exit::Exit;
use launch_doctor::report::{PluginState, plugin_failure, requests_nagios};
use launch_doctor::text::printable;
use launch_probes::exec::close_inherited_on_exec;
use launch_probes::runner::disable_core_dumps;

fn main() -> ExitCode {
    disable_core_dumps();
    close_inherited_on_exec();
    let args: Vec<OsString> = env::args_os().collect();
    let message = match Cli::from_args(&args) {
        Ok(cli) => match commands::run(cli) {
            Ok(status) => {
                suggest_container();
                return status;
            }
            Err(error) => format!("{error:#}"),
        },
        Err(error) => match error.show_help() {
            Some(exit) => return exit.into(),
            None => error.to_string(),
        },
    };
    // A monitoring system reads standard output alone, and takes a 2 for an alarm.
    if requests_nagios(&args) && io::stdout().write_all(plugin_failure(&message).as_bytes()).is_ok()
    {
        return PluginState::Unknown.into();
    }
    // It may quote a file that anyone wrote.
    eprintln!("doctor: {}", printable(&message));
    Exit::Usage.into()
}

/// Names the command that examines a container, to a person who tries the doctor by `cargo run` where PID 1 is not systemd.
fn suggest_container() {
    let by_cargo = env::var_os("CARGO_MANIFEST_DIR").is_some();
    // The directory that sd_booted(3) looks for.
    if by_cargo && io::stderr().is_terminal() && !Path::new("/run/systemd/system").exists() {
        eprintln!("PID 1 is not systemd here: `ci/doctor` examines a container in which it is");
    }
}
