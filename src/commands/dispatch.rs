use std::process::ExitCode;

use super::{check, completions, diff, explain, gate, list, man, matrix, record};
use crate::cli::{Cli, Command};

/// Does what the command line asks for.
///
/// # Errors
/// When it asks for something that cannot be, or a report could not be written.
pub fn run(cli: Cli) -> anyhow::Result<ExitCode> {
    let exit = match cli.command {
        None => return check::run(&[], &cli.options),
        Some(Command::Check { names, options }) => return check::run(&names, &options),
        Some(Command::Gate { names, against, examine, report }) => {
            return gate::run(&names, &examine, &report, against.as_ref());
        }
        Some(Command::Record { names, output, options }) => {
            record::run(&names, &options, output.as_ref())?
        }
        Some(Command::Diff { a, b, format, color }) => diff::run(&a, &b, format, &color)?,
        Some(Command::List { names, color }) => list::run(&names, &color)?,
        Some(Command::Explain { id, format, color }) => explain::run(&id, format, &color)?,
        Some(Command::Matrix { records }) => matrix::run(&records)?,
        Some(Command::Completions { shell }) => completions::run(shell)?,
        Some(Command::Man { command }) => man::run(command.as_deref())?,
    };
    Ok(exit.into())
}
