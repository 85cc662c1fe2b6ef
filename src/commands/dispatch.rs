use std::process::ExitCode;

use super::{
    check, completions, diagnose, diff, explain, fanout, gate, list, locks, man, matrix, preview,
    record, scopes,
};
use crate::cli::{Cli, Command};

/// Runs the command of a command line.
///
/// # Errors
/// When an argument is wrong, or a report could not be written.
pub fn run(cli: Cli) -> anyhow::Result<ExitCode> {
    let exit = match cli.command {
        None => return check::run(&[], &cli.options),
        Some(Command::Check { names, options }) => return check::run(&names, &options),
        Some(Command::Gate { names, against, record, examine, report }) => {
            return gate::run(&names, &examine, &report, against.as_ref(), record.as_ref());
        }
        Some(Command::Record { names, output, options }) => {
            record::run(&names, &options, output.as_ref())?
        }
        Some(Command::Diff { a, b, format, color }) => diff::run(&a, &b, format, &color)?,
        Some(Command::Diagnose(options)) => diagnose::run(&options)?,
        Some(Command::List { names, color }) => list::run(&names, &color)?,
        Some(Command::Explain { id, verbose, format, color }) => {
            explain::run(&id, verbose, format, &color)?
        }
        Some(Command::Fanout(options)) => return fanout::run(&options),
        Some(Command::Scopes(options)) => scopes::run(&options)?,
        Some(Command::Locks(options)) => return locks::run(&options),
        Some(Command::Matrix { records }) => matrix::run(&records)?,
        Some(Command::Preview(options)) => preview::run(&options)?,
        Some(Command::Completions { shell }) => completions::run(shell)?,
        Some(Command::Man { command }) => man::run(command.as_deref())?,
    };
    Ok(exit.into())
}
