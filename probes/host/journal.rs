use std::time::Duration;

use super::{Access, Manager};
use crate::exec::{Command, CommandError, Output};

/// How long a new entry may take to reach a reader. journald notifies readers within a quarter of a second
/// (systemd, src/journal/journald-manager.c, 247 to 257 journald-server.c, `POST_CHANGE_TIMER_INTERVAL_USEC`).
const ENTRY_TIMEOUT: Duration = Duration::from_secs(1);
/// How often the journal is read before that notice is waited for: a read takes 6 ms.
const FIRST_READS: usize = 3;

/// An event that the manager logs about a unit. Its message id is the same in every release (systemd,
/// src/systemd/sd-messages.h).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Entry {
    /// The unit was started.
    Started,
    /// The unit has ended with the result success.
    Succeeded,
    /// The unit has failed.
    Failed,
    /// A line of the unit file is invalid.
    InvalidConfiguration,
}

impl Entry {
    fn message_id(self) -> &'static str {
        match self {
            Self::Started => "39f53479d3a045ac8e11786248231fbf",
            Self::Succeeded => "7ad2d189f7e94e70a38c781354912448",
            Self::Failed => "d9b373ed55a64feb8242e02dbe79a49c",
            Self::InvalidConfiguration => "c772d24e9a884cbeb9ea12625c306c01",
        }
    }
}

/// Waits for a journal entry about a unit: for one second, and for as long as `journalctl` then needs to read the
/// journal once more, which is long on a slow machine. Says whether the caller can read one.
///
/// # Errors
/// If `journalctl` cannot be run.
pub fn wait_for(access: Access, unit: &str, entry: Entry) -> Result<bool, CommandError> {
    Ok(!read_awaited(access, unit, entry)?.stdout_text().is_empty())
}

/// Waits like [`wait_for`] and returns what was read last, a line for each entry: nothing if none came.
///
/// # Errors
/// If `journalctl` cannot be run.
pub fn read_awaited(access: Access, unit: &str, entry: Entry) -> Result<Output, CommandError> {
    for _ in 0..FIRST_READS {
        let entries = read(access, unit, entry)?;
        if !entries.stdout_text().is_empty() {
            return Ok(entries);
        }
    }
    let following = journalctl(access, unit, entry).arg("--follow").timeout(ENTRY_TIMEOUT);
    match following.start()?.next_line(0) {
        Ok(_) | Err(CommandError::Deadline { .. }) => read(access, unit, entry),
        Err(error) => Err(error),
    }
}

/// Reads the journal entries about a unit that are visible to the caller, a line each.
///
/// # Errors
/// If `journalctl` cannot be run.
pub fn read(access: Access, unit: &str, entry: Entry) -> Result<Output, CommandError> {
    journalctl(access, unit, entry).run()
}

/// The journal entries about several units that are visible to the caller.
pub struct Entries {
    /// The unit and the message id of each entry.
    found: Vec<(String, String)>,
    /// The `journalctl` command.
    pub run: Output,
}

impl Entries {
    /// Reads all entries about `units` by one command.
    ///
    /// # Errors
    /// If `journalctl` cannot be run.
    pub fn about(access: Access, units: &[&str]) -> Result<Self, CommandError> {
        let field = unit_field(access);
        let run = base(access)
            .args(["--output=json", &format!("--output-fields={field},MESSAGE_ID")])
            .args(units.iter().map(|unit| format!("{field}={unit}")))
            .run()?;
        let found =
            run.stdout_text().lines().filter_map(|line| unit_and_message(line, field)).collect();
        Ok(Self { found, run })
    }

    /// Reports whether there is an entry of this kind about `unit`.
    pub fn has(&self, unit: &str, entry: Entry) -> bool {
        self.found.iter().any(|(of, id)| of == unit && id == entry.message_id())
    }
}

/// Parses a line of `journalctl --output=json`.
fn unit_and_message(line: &str, field: &str) -> Option<(String, String)> {
    let entry: serde_json::Value = serde_json::from_str(line).ok()?;
    Some((entry[field].as_str()?.to_owned(), entry["MESSAGE_ID"].as_str()?.to_owned()))
}

fn journalctl(access: Access, unit: &str, entry: Entry) -> Command {
    base(access)
        .arg("--output=cat")
        .arg(format!("{}={unit}", unit_field(access)))
        .arg(format!("MESSAGE_ID={}", entry.message_id()))
}

fn base(access: Access) -> Command {
    let manager = access.manager.option();
    access.command("journalctl").args([manager, "--quiet", "--no-pager", "--lines=all"])
}

/// Returns the journal field in which the manager names the unit.
fn unit_field(access: Access) -> &'static str {
    if access.manager == Manager::User { "USER_UNIT" } else { "UNIT" }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_unit_and_message_id_of_an_entry_are_parsed() {
        let read = |line| unit_and_message(line, "USER_UNIT");
        let line = r#"{"__CURSOR":"s=1","USER_UNIT":"a.service","MESSAGE_ID":"39f5"}"#;
        assert_eq!(read(line), Some(("a.service".into(), "39f5".into())));
        assert_eq!(read(r#"{"USER_UNIT":"a.service"}"#), None);
        assert_eq!(read("no entry"), None);
    }
}
