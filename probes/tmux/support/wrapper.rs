use std::ffi::{OsStr, OsString};

use crate::exec::Command;
use crate::sandbox::ProbeContext;

/// The words before a command that start it in a scope of its own, as launchers put them before the
/// command of a pane.
#[derive(Debug, Clone)]
pub(crate) struct Wrapper(Vec<OsString>);

impl Wrapper {
    /// Returns the wrapper for `slice`.
    pub(crate) fn new(context: &ProbeContext, slice: &str) -> Self {
        let words = ["systemd-run", context.settings.manager.option(), "--scope"];
        let mut words: Vec<OsString> = words.map(OsString::from).into();
        words.push(format!("--slice={slice}").into());
        words.extend(["--collect", "--quiet", "--"].map(OsString::from));
        Self(words)
    }

    /// Returns the wrapped command `words` for a launch outside tmux.
    pub(crate) fn command(&self, context: &ProbeContext, words: &[&str]) -> Command {
        context.command(&self.0[0]).args(&self.0[1..]).args(words)
    }

    /// Returns the wrapped command `words` for a pane.
    pub(crate) fn wrap<T: AsRef<OsStr>>(&self, words: &[T]) -> Vec<OsString> {
        let words = words.iter().map(|word| word.as_ref().to_owned());
        self.0.iter().cloned().chain(words).collect()
    }
}
