use std::collections::BTreeSet;
use std::io;

use nix::sys::prctl;
use nix::unistd::Pid;

use super::process_tree::{descendants, kill_descendants};

/// All processes that the doctor starts, however they detach themselves: it is their subreaper
/// (PR_SET_CHILD_SUBREAPER(2const)), and kills those that are left when this value goes.
///
/// A process keeps its children when it becomes another program: the `(sd-pam)` of a service that is
/// a login session, a shell's background jobs. They are not the doctor's to end.
pub struct Household {
    inherited: BTreeSet<Pid>,
}

impl Household {
    /// Begins before the first command is started.
    ///
    /// # Errors
    /// When the kernel refuses.
    pub fn found() -> io::Result<Self> {
        prctl::set_child_subreaper(true)?;
        Ok(Self { inherited: descendants(Pid::this()).into_iter().collect() })
    }
}

impl Drop for Household {
    fn drop(&mut self) {
        kill_descendants(Pid::this(), &self.inherited);
    }
}
