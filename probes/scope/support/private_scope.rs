use crate::exec::Command;
use crate::sandbox::ProbeContext;

/// Returns a `systemd-run --quiet` that starts a scope in a slice of the probe's own. The caller
/// adds further options, then `--` and the command.
pub(crate) fn quiet_scope(context: &ProbeContext) -> Command {
    with(context, &["--scope", "--quiet", "--collect"])
}

/// Returns the same without `--quiet`, so that systemd-run announces the scope.
pub(crate) fn announced_scope(context: &ProbeContext) -> Command {
    with(context, &["--scope", "--collect"])
}

fn with(context: &ProbeContext, options: &[&str]) -> Command {
    let slice = context.unit_name("own", "slice");
    context.systemd_run().args(options).arg(format!("--slice={slice}"))
}
