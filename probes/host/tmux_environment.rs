use std::ffi::OsString;
use std::os::unix::ffi::OsStringExt;
use std::time::{Duration, Instant};

use super::TmuxSocket;
use crate::sandbox::{Command, CommandError, Completed, Running};

/// How long a server may take to answer. A healthy one takes milliseconds.
const PATIENCE: Duration = Duration::from_secs(2);

/// A variable of a tmux server's global environment, with the command that told it.
#[derive(Debug, Clone)]
pub struct Variable {
    /// Its value; `None` if it is not set, or marked to be taken away from what tmux starts.
    pub value: Option<OsString>,
    /// The command.
    pub told_by: Completed,
}

/// A question to a tmux server that is under way.
pub struct AskedVariables {
    control: Running,
    variables: Vec<(String, Running)>,
}

/// Why a tmux server told nothing.
#[derive(Debug)]
pub enum Untold {
    /// It takes the connection and does not answer: it is stopped, or busy.
    Silent,
    /// Nothing can be asked through its socket; the text is what tmux says.
    Unreachable(String),
    /// The tmux command could not be run.
    Failed(CommandError),
}

impl TmuxSocket {
    /// A tmux command to this server.
    pub fn command(&self, deadline: Instant) -> Command {
        // With -u the answer comes byte for byte; without it tmux writes `_` for what is not ASCII.
        Command::new("tmux", deadline).args(["-u", "-S"]).arg(&self.path)
    }

    /// Asks for variables of the global environment, and for nothing else of it, without waiting
    /// for the answer.
    ///
    /// # Errors
    /// When tmux cannot be started.
    pub fn ask(&self, names: &[&str], deadline: Instant) -> Result<AskedVariables, CommandError> {
        let tmux = || self.command(deadline).within(PATIENCE);
        // An unset variable is an error like any other, so a question that has an answer stands
        // beside it.
        let control = tmux().args(["show-options", "-s", "exit-empty"]).start()?;
        let ask = |name: &&str| {
            let running = tmux().args(["show-environment", "-g", name]).start()?;
            Ok(((*name).to_owned(), running))
        };
        Ok(AskedVariables { control, variables: names.iter().map(ask).collect::<Result<_, _>>()? })
    }
}

impl AskedVariables {
    /// Waits for the answer, two seconds at the most, and gives the variables in the order in which
    /// they were asked for.
    ///
    /// # Errors
    /// When the server does not tell.
    pub fn answer(self) -> Result<Vec<Variable>, Untold> {
        let control = self.control.wait()?;
        if !control.success() {
            return Err(Untold::Unreachable(control.failure()));
        }
        let read = |(name, running): (String, Running)| {
            let told_by = running.wait()?;
            Ok(Variable { value: value_of(&name, &told_by.stdout), told_by })
        };
        self.variables.into_iter().map(read).collect()
    }
}

impl From<CommandError> for Untold {
    fn from(error: CommandError) -> Self {
        match error {
            CommandError::Deadline { .. } => Self::Silent,
            error => Self::Failed(error),
        }
    }
}

/// The value in an answer `NAME=VALUE`; a variable that is to be taken away is `-NAME` (tmux(1),
/// show-environment).
pub(crate) fn value_of(name: &str, answer: &[u8]) -> Option<OsString> {
    let value = answer.strip_prefix(name.as_bytes())?.strip_prefix(b"=")?;
    Some(OsString::from_vec(value.strip_suffix(b"\n").unwrap_or(value).to_owned()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_value_of_a_variable_is_read_from_the_answer() {
        let value = |answer: &str| value_of("KEY", answer.as_bytes());
        assert_eq!(value("KEY=/run/user/1\n"), Some("/run/user/1".into()));
        assert_eq!(value("KEY=a\nb=c\n"), Some("a\nb=c".into()));
        assert_eq!(value("KEY=\n"), Some("".into()));
        assert_eq!(value("-KEY\n"), None);
        assert_eq!(value("KEY2=x\n"), None);
        assert_eq!(value(""), None);
    }
}
