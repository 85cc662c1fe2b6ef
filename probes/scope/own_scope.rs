use crate::sandbox::{Command, Sandbox};

/// A `systemd-run` that starts a scope, in a slice of the probe's own and without a word about it;
/// more options and then `--` and the command are to follow.
pub fn own_scope(sandbox: &Sandbox) -> Command {
    sandbox
        .systemd_run()
        .args(["--scope", "--quiet", "--collect"])
        .arg(format!("--slice={}", sandbox.unit_name("own", "slice")))
}
