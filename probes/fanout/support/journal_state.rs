use crate::exec::Output;
use crate::fact_values;
use crate::host::{JournalFiles, JournaldConfig, Manager, UnitProperties, User};
use crate::sandbox::{NotMeasured, ProbeContext};

/// The levels at which the manager logs, from the one with the fewest lines (syslog(3)).
const LEVELS: [&str; 8] = ["emerg", "alert", "crit", "err", "warning", "notice", "info", "debug"];
/// The largest uid without a journal of its own (systemd, src/basic/user-util.h, `SYSTEM_UID_MAX`).
const SYSTEM_UID_MAX: u32 = 999;

fact_values! {
    /// Whether the journal shows the manager's lines to the caller; if not, why.
    pub(crate) enum Usable {
        Yes = "yes",
        InMemory = "lost-at-reboot",
        RateLimited = "rate-limited",
        ManagerLevel = "manager-log-level",
        UnitLevel = "unit-log-level",
        JournaldDown = "journald-down",
        StorageNone = "storage-none",
        Volatile = "volatile",
        NoDirectory = "no-directory",
        NotFlushed = "not-flushed",
        SystemUid = "system-uid",
        NotSplit = "not-split",
        Unreadable = "unreadable",
        Other = "other",
    }
}

/// Which lines of the manager reached the reader.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Lines {
    /// Those of a failure, and the others.
    All,
    /// Only those of a failure.
    FailureOnly,
    /// None.
    None,
}

/// Finds out why the journal does not show everything. `failed` is a unit that has failed and is
/// loaded.
///
/// # Errors
/// If a command cannot be run.
pub(crate) fn diagnose(
    context: &ProbeContext,
    lines: Lines,
    failed: &str,
) -> Result<(Usable, Output), NotMeasured> {
    let (manager, run) = UnitProperties::read(context.systemctl(), &[], &["LogLevel"])?;
    let is_in_memory = JournalFiles::are_in_memory();
    if lines == Lines::All {
        return Ok((if is_in_memory { Usable::InMemory } else { Usable::Yes }, run));
    }
    if hides(manager[0].get("LogLevel"), lines) {
        return Ok((Usable::ManagerLevel, run));
    }
    let units = [failed.to_owned()];
    let (unit, run) = UnitProperties::read(context.systemctl(), &units, &["Id", "LogLevelMax"])?;
    if hides(unit[0].get("LogLevelMax"), lines) {
        return Ok((Usable::UnitLevel, run));
    }
    if lines == Lines::FailureOnly {
        return Ok((Usable::RateLimited, run));
    }
    let journald = context
        .command("systemctl")
        .args(["--system", "is-active", "systemd-journald.service"])
        .run()?;
    if matches!(&*journald.stdout_text(), "inactive" | "failed") {
        return Ok((Usable::JournaldDown, journald));
    }
    let config = JournaldConfig::read(context.access())?;
    let uid = User::current().uid;
    Ok((why_nothing(&config, is_in_memory, context.settings.manager, uid), journald))
}

/// Reports whether a level, a name or a number, hides the lines that are missing. Successes are logged at
/// `info`, failures at `warning`.
fn hides(level: &str, lines: Lines) -> bool {
    let rank = |level: &str| LEVELS.iter().position(|name| *name == level);
    let needed = if lines == Lines::None { "warning" } else { "info" };
    rank(level).or_else(|| level.parse().ok()).is_some_and(|found| Some(found) < rank(needed))
}

fn why_nothing(config: &JournaldConfig, is_in_memory: bool, manager: Manager, uid: u32) -> Usable {
    let files = JournalFiles::inspect(manager, uid);
    match &*config.storage {
        "none" => Usable::StorageNone,
        "volatile" => Usable::Volatile,
        _ if is_in_memory && !std::path::Path::new("/var/log/journal").exists() => {
            Usable::NoDirectory
        }
        _ if is_in_memory => Usable::NotFlushed,
        _ if config.split_mode == "none" && manager == Manager::User => Usable::NotSplit,
        _ if uid <= SYSTEM_UID_MAX && manager == Manager::User => Usable::SystemUid,
        _ if files.readable == 0 && !files.unreadable.is_empty() => Usable::Unreadable,
        _ => Usable::Other,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_level_hides_what_is_less_important() {
        assert!(hides("notice", Lines::FailureOnly));
        assert!(!hides("notice", Lines::None), "a failure is logged as a warning");
        assert!(hides("err", Lines::None));
        assert!(hides("4", Lines::FailureOnly) && !hides("4", Lines::None));
        assert!(!hides("info", Lines::FailureOnly));
        assert!(!hides("", Lines::None), "a unit without a level of its own");
        assert!(!hides("-1", Lines::FailureOnly));
    }
}
