use crate::exec::Output;
use crate::host::{QueryError, UnitProperties};
use crate::sandbox::ProbeContext;

const PROPERTIES: [&str; 10] = [
    "Id",
    "LoadState",
    "UnitFileState",
    "ActiveState",
    "SubState",
    "Result",
    "ExecMainCode",
    "ExecMainStatus",
    "MainPID",
    "InvocationID",
];
/// The exit status of a unit whose user PAM did not accept (systemd.exec(5), "Process Exit Codes").
const EXIT_PAM: &str = "224";
/// `CLD_EXITED` in `ExecMainCode` (waitid(2)).
const EXITED: &str = "1";

/// The units of PID 1 that make a user manager run, and logind.
pub(crate) struct UserManagerUnits {
    /// `user@UID.service`.
    pub(crate) manager: UnitProperties,
    /// `user-runtime-dir@UID.service`.
    pub(crate) runtime_dir: UnitProperties,
    /// `systemd-logind.service`.
    pub(crate) logind: UnitProperties,
    /// The command that showed them.
    pub(crate) run: Output,
}

impl UserManagerUnits {
    /// Asks PID 1.
    ///
    /// # Errors
    /// If it does not answer.
    pub(crate) fn read(context: &ProbeContext, uid: u32) -> Result<Self, QueryError> {
        let names = [
            format!("user@{uid}.service"),
            format!("user-runtime-dir@{uid}.service"),
            "systemd-logind.service".to_owned(),
        ];
        let systemctl = context.command("systemctl").arg("--system");
        let (units, run) = UnitProperties::read(systemctl, &names, &PROPERTIES)?;
        let mut units = units.into_iter();
        let mut next = || units.next().unwrap_or_default();
        Ok(Self { manager: next(), runtime_dir: next(), logind: next(), run })
    }

    /// Returns the one of the two that is masked, if one is.
    pub(crate) fn masked(&self) -> Option<&UnitProperties> {
        [&self.manager, &self.runtime_dir].into_iter().find(|unit| is_masked(unit))
    }

    /// Returns the one of the two that failed by itself, if one did: one that a signal ended was working.
    pub(crate) fn failed(&self) -> Option<&UnitProperties> {
        let is_failed = |unit: &&UnitProperties| {
            unit.get("ActiveState") == "failed"
                && !["signal", "core-dump", "watchdog", "oom-kill"].contains(&unit.get("Result"))
        };
        [&self.runtime_dir, &self.manager].into_iter().find(is_failed)
    }

    /// Reports whether PAM refused the user.
    pub(crate) fn is_refused_by_pam(&self) -> bool {
        self.manager.get("ActiveState") == "failed"
            && self.manager.get("ExecMainStatus") == EXIT_PAM
    }

    /// Returns the id of the manager's process, if it runs.
    pub(crate) fn main_pid(&self) -> Option<u32> {
        self.manager.get("MainPID").parse().ok().filter(|pid| *pid != 0)
    }
}

pub(crate) fn is_masked(unit: &UnitProperties) -> bool {
    unit.get("LoadState") == "masked"
}

/// Describes a unit's state: `inactive (dead)`, `failed (result exit-code, exit status 224/PAM)`.
pub(crate) fn describe_state(unit: &UnitProperties) -> String {
    let active = unit.get("ActiveState");
    if is_masked(unit) {
        return format!("masked, {active}");
    }
    if active != "failed" {
        return format!("{active} ({})", unit.get("SubState"));
    }
    let result = unit.get("Result");
    match (unit.get("ExecMainCode"), unit.get("ExecMainStatus")) {
        (EXITED, EXIT_PAM) => format!("failed (result {result}, exit status {EXIT_PAM}/PAM)"),
        (EXITED, "0") | ("0" | "", _) => format!("failed (result {result})"),
        (EXITED, status) => format!("failed (result {result}, exit status {status})"),
        (_, signal) => format!("failed (result {result}, signal {signal})"),
    }
}

/// Returns the last error that a unit logged since it was last started: of its own processes, or else of PID 1 about
/// it. `None` if this user may not read one.
pub(crate) fn last_error(context: &ProbeContext, unit: &UnitProperties) -> Option<String> {
    let id = unit.get("InvocationID");
    if id.is_empty() {
        return None;
    }
    ["_SYSTEMD_INVOCATION_ID", "INVOCATION_ID"].into_iter().find_map(|field| {
        let run = context
            .command("journalctl")
            .args(["--quiet", "--no-pager", "--output=cat", "--priority=err", "--lines=1"])
            .arg(format!("{field}={id}"))
            .run();
        let line = run.ok()?.stdout_text().lines().next()?.trim().to_owned();
        (!line.is_empty()).then_some(line)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn unit(text: &str) -> UnitProperties {
        UnitProperties::parse(text).remove(0)
    }

    #[test]
    fn a_state_is_described_with_what_the_unit_says_of_its_end() {
        let pam = unit(
            "LoadState=loaded\nActiveState=failed\nResult=exit-code\nExecMainCode=1\nExecMainStatus=224",
        );
        assert_eq!(describe_state(&pam), "failed (result exit-code, exit status 224/PAM)");
        let killed = unit("ActiveState=failed\nResult=signal\nExecMainCode=2\nExecMainStatus=9");
        assert_eq!(describe_state(&killed), "failed (result signal, signal 9)");
        let limit =
            unit("ActiveState=failed\nResult=start-limit-hit\nExecMainCode=0\nExecMainStatus=0");
        assert_eq!(describe_state(&limit), "failed (result start-limit-hit)");
        let idle = unit("LoadState=loaded\nActiveState=inactive\nSubState=dead");
        assert_eq!(describe_state(&idle), "inactive (dead)");
        assert_eq!(
            describe_state(&unit("LoadState=masked\nActiveState=inactive")),
            "masked, inactive"
        );
    }
}
