use std::fs::{self, Metadata};
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};

use nix::unistd::{AccessFlags, access};

use crate::exec::Output;
use crate::fact_values;
use crate::host::User;
use crate::sandbox::{Measurement, NotMeasured, ProbeContext};

/// The mode of a directory for the temporary files of all users.
const TEMPORARY: u32 = 0o1777;

fact_values! {
    /// Whether tmux can have its sockets in the directory of the user.
    pub(crate) enum SocketDir {
        Usable = "usable",
        WrongMode = "wrong-mode",
        OtherOwner = "other-owner",
        NotADirectory = "not-a-directory",
        Refused = "refused",
    }
}

/// The directory in which tmux has the sockets of the user, and what tmux says about it.
pub(crate) struct SocketDirCheck {
    state: SocketDir,
    dir: PathBuf,
    found: Option<Metadata>,
    refusal: String,
    /// The command that showed it; none where tmux would create the directory.
    pub(crate) run: Option<Output>,
}

impl SocketDirCheck {
    /// Asks tmux, which creates nothing where the directory exists. `parent` is the directory of temporary files.
    ///
    /// # Errors
    /// If tmux cannot be run.
    pub(crate) fn ask(
        context: &ProbeContext,
        user: &User,
        parent: &Path,
        unused: &str,
    ) -> Result<Self, NotMeasured> {
        let dir = parent.join(format!("tmux-{}", user.uid));
        let Ok(found) = fs::symlink_metadata(&dir) else {
            let is_creatable = access(parent, AccessFlags::W_OK | AccessFlags::X_OK).is_ok();
            let state = if is_creatable { SocketDir::Usable } else { SocketDir::Refused };
            let refusal = format!("{} may not create it", user.name);
            return Ok(Self { state, dir, found: None, refusal, run: None });
        };
        let list = context.command("tmux").env_remove("TMUX").env("TMUX_TMPDIR", parent);
        let run = list.args(["-L", unused, "list-sessions"]).run()?;
        let refusal = run.error_summary();
        let has_looked = ["error connecting to ", "no server running on "]
            .iter()
            .any(|answer| refusal.starts_with(answer));
        let state = match &found {
            // Without this tmux says nothing, and exits with 0.
            _ if has_looked && access(&dir, AccessFlags::W_OK | AccessFlags::X_OK).is_ok() => {
                SocketDir::Usable
            }
            found if found.is_dir() && found.uid() != user.uid => SocketDir::OtherOwner,
            found if found.is_dir() && found.mode() & 0o707 != 0o700 => SocketDir::WrongMode,
            found if !found.is_dir() && !has_looked => SocketDir::NotADirectory,
            _ => SocketDir::Refused,
        };
        Ok(Self { state, dir, found: Some(found), refusal, run: Some(run) })
    }

    /// Returns the value of the fact.
    pub(crate) fn state(&self) -> SocketDir {
        self.state
    }

    /// Records the details and lists for the card.
    pub(crate) fn record(&self, user: &User, measurement: &mut Measurement) {
        let dir = self.dir.display().to_string();
        let owner = self.found.as_ref().map_or(user.uid, MetadataExt::uid);
        let mode = self.found.as_ref().map_or(0o700, |found| found.mode() & 0o7777);
        measurement.detail("dir", dir.clone());
        measurement.detail("mode", format!("{mode:o}"));
        measurement.detail("owner", owner.to_string());
        measurement.detail("uid", user.uid.to_string());
        measurement.detail("refusal", self.refusal.clone());
        let only = |is_it: bool| is_it.then(|| dir.clone());
        measurement.list("own-dir", only(matches!(self.state, SocketDir::WrongMode)));
        // What root owns was the user's before a `chown`, or was made by a command of root's. The directory of
        // another user is not to be trusted, and is moved away.
        let is_other = matches!(self.state, SocketDir::OtherOwner);
        measurement.list("root-dir", only(is_other && owner == 0));
        let is_file = matches!(self.state, SocketDir::NotADirectory);
        let is_foreign = owner != user.uid && owner != 0;
        measurement.list("own-file-dir", only(is_file && owner == user.uid));
        let moved = (is_other && is_foreign) || (is_file && owner != user.uid);
        measurement.list("foreign-dir", only(moved));
        measurement.detail("moved", free_name(&self.dir, owner));
        let parent = self.dir.parent().filter(|_| matches!(self.state, SocketDir::Refused));
        let is_closed =
            |dir: &&Path| fs::metadata(dir).is_ok_and(|found| found.mode() & 0o7777 != TEMPORARY);
        let closed = parent.filter(|dir| *dir == Path::new("/tmp")).filter(is_closed);
        measurement.list("closed-dir", closed.map(|dir| dir.display().to_string()));
    }
}

/// Returns a free name for a file that is moved away: `DIR.owned-by-UID`.
fn free_name(dir: &Path, owner: u32) -> String {
    let name = format!("{}.owned-by-{owner}", dir.display());
    let numbered = (2..).map(|number| format!("{name}.{number}"));
    let mut names = std::iter::once(name.clone()).chain(numbered);
    names.find(|name| fs::symlink_metadata(name).is_err()).unwrap_or(name)
}
