use std::time::Duration;

use crate::sandbox::{Command, CommandError, Completed, Sandbox};

/// How long an entry may take from the manager to the reader: the journal tells its readers of new
/// entries after a quarter of a second at the latest (systemd, src/shared/journal-file-util.c,
/// `POST_CHANGE_TIMER_INTERVAL_USEC`).
const PATIENCE: Duration = Duration::from_secs(1);

/// What the manager writes about a unit, by the id that such an entry has in every release
/// (systemd, src/systemd/sd-messages.h).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Entry {
    /// It was started.
    Started,
    /// It has ended, and its result is success.
    Succeeded,
    /// It has failed, and with which result.
    Failed,
    /// A line of its file is wrong.
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

/// Waits until the journal shows the caller an entry of this kind about a unit, one second at the
/// most, and says whether it did.
///
/// # Errors
/// When `journalctl` cannot be run.
pub fn wait_for(sandbox: &Sandbox, unit: &str, entry: Entry) -> Result<bool, CommandError> {
    let following = journalctl(sandbox, unit, entry).arg("--follow").within(PATIENCE);
    match following.start()?.next_line(0) {
        Ok(line) => Ok(line.is_some()),
        Err(CommandError::Deadline { .. }) => Ok(false),
        Err(error) => Err(error),
    }
}

/// The entries of this kind about a unit that the journal shows the caller, a line each.
///
/// # Errors
/// When `journalctl` cannot be run.
pub fn read(sandbox: &Sandbox, unit: &str, entry: Entry) -> Result<Completed, CommandError> {
    journalctl(sandbox, unit, entry).run()
}

/// All that the journal shows the caller about several units, by one question.
pub struct Entries {
    /// The unit and the message id of each.
    found: Vec<(String, String)>,
    /// The command that asked.
    pub run: Completed,
}

impl Entries {
    /// Asks for what the manager has written about `units`.
    ///
    /// # Errors
    /// When `journalctl` cannot be run.
    pub fn about(sandbox: &Sandbox, units: &[&str]) -> Result<Self, CommandError> {
        let field = unit_field(sandbox);
        let run = base(sandbox)
            .args(["--output=json", &format!("--output-fields={field},MESSAGE_ID")])
            .args(units.iter().map(|unit| format!("{field}={unit}")))
            .run()?;
        let found = run.text().lines().filter_map(|line| unit_and_message(line, field)).collect();
        Ok(Self { found, run })
    }

    /// Whether there is one of this kind about `unit`.
    pub fn has(&self, unit: &str, entry: Entry) -> bool {
        self.found.iter().any(|(of, id)| of == unit && id == entry.message_id())
    }
}

/// Reads a line of `journalctl --output=json`.
fn unit_and_message(line: &str, field: &str) -> Option<(String, String)> {
    let entry: serde_json::Value = serde_json::from_str(line).ok()?;
    Some((entry[field].as_str()?.to_owned(), entry["MESSAGE_ID"].as_str()?.to_owned()))
}

fn journalctl(sandbox: &Sandbox, unit: &str, entry: Entry) -> Command {
    base(sandbox)
        .arg("--output=cat")
        .arg(format!("{}={unit}", unit_field(sandbox)))
        .arg(format!("MESSAGE_ID={}", entry.message_id()))
}

fn base(sandbox: &Sandbox) -> Command {
    let manager = sandbox.settings.manager.option();
    sandbox.command("journalctl").args([manager, "--quiet", "--no-pager", "--lines=all"])
}

/// The field in which the manager names the unit that it writes about.
fn unit_field(sandbox: &Sandbox) -> &'static str {
    if sandbox.is_user() { "USER_UNIT" } else { "UNIT" }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_entry_is_known_by_its_unit_and_its_message_id() {
        let read = |line| unit_and_message(line, "USER_UNIT");
        let line = r#"{"__CURSOR":"s=1","USER_UNIT":"a.service","MESSAGE_ID":"39f5"}"#;
        assert_eq!(read(line), Some(("a.service".into(), "39f5".into())));
        assert_eq!(read(r#"{"USER_UNIT":"a.service"}"#), None);
        assert_eq!(read("no entry"), None);
    }
}
