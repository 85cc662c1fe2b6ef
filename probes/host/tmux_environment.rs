use std::ffi::OsString;
use std::os::unix::ffi::OsStringExt;
use std::time::{Duration, Instant};

use super::{QueryError, TmuxServer};
use crate::exec::{Child, Command, CommandError, Output};

/// How long a server may take to answer. A healthy server takes milliseconds.
const ANSWER_TIMEOUT: Duration = Duration::from_secs(2);

/// A variable of a tmux server's global environment, and the command that read it.
#[derive(Debug, Clone)]
pub struct Variable {
    /// The value; `None` if the variable is unset, or removed from what tmux starts.
    pub value: Option<OsString>,
    /// The `tmux` command.
    pub source: Output,
}

/// A query to a tmux server whose answer has not been read.
pub struct PendingVariables {
    control: Child,
    variables: Vec<(String, Child)>,
}

impl TmuxServer {
    /// Returns a `tmux` command to this server.
    pub fn command(&self, deadline: Instant) -> Command {
        let path = self.path_from_here().unwrap_or_else(|| self.path.clone());
        // Without -u tmux replaces each byte that is not ASCII by `_`.
        Command::new(self.client_program(), deadline).args(["-u", "-S"]).arg(path)
    }

    /// Asks for variables of the global environment, and for no others: environments contain secrets.
    /// Does not wait for the answer.
    ///
    /// # Errors
    /// If tmux cannot be started.
    pub fn query(
        &self,
        names: &[&str],
        deadline: Instant,
    ) -> Result<PendingVariables, CommandError> {
        let tmux = || self.command(deadline).timeout(ANSWER_TIMEOUT);
        // tmux reports an unset variable like any other error. The control distinguishes a server that does not
        // answer from one that has no such variable.
        let control = tmux().args(["show-options", "-s", "exit-empty"]).start()?;
        let query = |name: &&str| {
            let running = tmux().args(["show-environment", "-g", name]).start()?;
            Ok(((*name).to_owned(), running))
        };
        Ok(PendingVariables {
            control,
            variables: names.iter().map(query).collect::<Result<_, _>>()?,
        })
    }
}

impl PendingVariables {
    /// Waits up to two seconds for the answer, and returns the variables in the order of the query.
    ///
    /// # Errors
    /// If the server does not answer.
    pub fn wait(self) -> Result<Vec<Variable>, QueryError> {
        let control = self.control.wait()?;
        if !control.success() {
            return Err(QueryError::Unreachable(control.error_summary()));
        }
        let read = |(name, running): (String, Child)| {
            let source = running.wait()?;
            Ok(Variable { value: value_of(&name, &source.stdout), source })
        };
        self.variables.into_iter().map(read).collect()
    }
}

/// Parses the answer `NAME=VALUE`. `-NAME` is a variable that tmux removes (tmux(1), show-environment).
pub(crate) fn value_of(name: &str, answer: &[u8]) -> Option<OsString> {
    let value = answer.strip_prefix(name.as_bytes())?.strip_prefix(b"=")?;
    Some(OsString::from_vec(value.strip_suffix(b"\n").unwrap_or(value).to_owned()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_value_of_a_variable_is_parsed() {
        let value = |answer: &str| value_of("KEY", answer.as_bytes());
        assert_eq!(value("KEY=/run/user/1\n"), Some("/run/user/1".into()));
        assert_eq!(value("KEY=a\nb=c\n"), Some("a\nb=c".into()));
        assert_eq!(value("KEY=\n"), Some("".into()));
        assert_eq!(value("-KEY\n"), None);
        assert_eq!(value("KEY2=x\n"), None);
        assert_eq!(value(""), None);
    }
}
