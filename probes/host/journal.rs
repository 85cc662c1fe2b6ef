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

fn journalctl(sandbox: &Sandbox, unit: &str, entry: Entry) -> Command {
    let field = if sandbox.is_user() { "USER_UNIT" } else { "UNIT" };
    sandbox
        .command("journalctl")
        .arg(sandbox.settings.manager.option())
        .args(["--quiet", "--no-pager", "--lines=all", "--output=cat"])
        .arg(format!("{field}={unit}"))
        .arg(format!("MESSAGE_ID={}", entry.message_id()))
}
