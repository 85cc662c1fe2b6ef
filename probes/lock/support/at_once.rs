use crate::exec::{Child, Command, CommandError, Output};

/// Starts all commands, then waits for all of them.
///
/// # Errors
/// When one cannot be started, or is still running at its deadline.
pub(crate) fn run_at_once(
    commands: impl Iterator<Item = Command>,
) -> Result<Vec<Output>, CommandError> {
    let children: Vec<Child> = commands.map(|command| command.start()).collect::<Result<_, _>>()?;
    children.into_iter().map(Child::wait).collect()
}

/// Returns the runs that failed.
pub(crate) fn failures(runs: &[Output]) -> impl Iterator<Item = &Output> {
    runs.iter().filter(|run| !run.success())
}
