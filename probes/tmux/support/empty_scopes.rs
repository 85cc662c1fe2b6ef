use std::env;
use std::path::PathBuf;
use std::time::{Duration, SystemTime};

use super::spawn_scope::SpawnScopes;
use crate::host::{Cgroup, TransientUnits, UnitProperties, User};
use crate::sandbox::{NotMeasured, ProbeContext};

/// How old a scope must be, so that it is none of a pane that opens or ends now, nor of a run of the doctor.
const SETTLED: Duration = Duration::from_secs(60);

/// Lists the scopes of panes that are active and have no process. systemd ends a scope when it becomes empty; one whose
/// only process ended while it was moved never does.
///
/// # Errors
/// When systemctl cannot be run.
pub(crate) fn empty_scopes(
    context: &ProbeContext,
    scopes: &SpawnScopes,
) -> Result<Vec<String>, NotMeasured> {
    let runtime_dir = env::var_os("XDG_RUNTIME_DIR").map(PathBuf::from);
    let transient = TransientUnits::list(context.settings.manager, &User::current(), runtime_dir);
    let is_settled = |scope: &String| {
        let age = transient.created(scope).map(|at| SystemTime::now().duration_since(at));
        matches!(age, Some(Ok(age)) if age >= SETTLED)
    };
    let lost: Vec<String> = scopes.without_their_pane().into_iter().filter(is_settled).collect();
    if lost.is_empty() {
        return Ok(lost);
    }
    let properties = ["ActiveState", "ControlGroup"];
    let (units, _) = UnitProperties::read(context.systemctl(), &lost, &properties)?;
    let is_empty = |unit: &UnitProperties| {
        let cgroup = Cgroup::from_path(unit.get("ControlGroup"));
        unit.get("ActiveState") == "active" && cgroup.is_populated() == Some(false)
    };
    Ok(lost
        .into_iter()
        .zip(units)
        .filter(|(_, unit)| is_empty(unit))
        .map(|(name, _)| name)
        .collect())
}
