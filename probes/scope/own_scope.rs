use crate::sandbox::{Command, Sandbox};

/// A `systemd-run` that starts a scope, in a slice of the probe's own and without a word about it;
/// more options and then `--` and the command are to follow.
pub fn own_scope(sandbox: &Sandbox) -> Command {
    with(sandbox, &["--scope", "--quiet", "--collect"])
}

/// The same, with the words that systemd-run has to say about it.
pub fn own_scope_aloud(sandbox: &Sandbox) -> Command {
    with(sandbox, &["--scope", "--collect"])
}

fn with(sandbox: &Sandbox, options: &[&str]) -> Command {
    let slice = sandbox.unit_name("own", "slice");
    sandbox.systemd_run().args(options).arg(format!("--slice={slice}"))
}
