use std::ffi::{OsStr, OsString};

use crate::sandbox::{Command, Sandbox};

/// The words that stand in front of a command that is to run in a scope of its own, as launchers
/// put them before the command of a pane.
#[derive(Debug, Clone)]
pub struct Wrapper(Vec<OsString>);

impl Wrapper {
    /// The wrapper for `slice`.
    pub fn new(sandbox: &Sandbox, slice: &str) -> Self {
        let words = ["systemd-run", sandbox.settings.manager.option(), "--scope"];
        let mut words: Vec<OsString> = words.map(OsString::from).into();
        words.push(format!("--slice={slice}").into());
        words.extend(["--collect", "--quiet", "--"].map(OsString::from));
        Self(words)
    }

    /// A command of the probe's own behind it, not in a pane.
    pub fn command(&self, sandbox: &Sandbox, words: &[&str]) -> Command {
        sandbox.command(&self.0[0]).args(&self.0[1..]).args(words)
    }

    /// It, with `words` behind it.
    pub fn around<T: AsRef<OsStr>>(&self, words: &[T]) -> Vec<OsString> {
        let words = words.iter().map(|word| word.as_ref().to_owned());
        self.0.iter().cloned().chain(words).collect()
    }
}
