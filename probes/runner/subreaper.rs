use std::collections::BTreeSet;
use std::io;

use nix::sys::prctl;
use nix::unistd::Pid;

use crate::exec::process_tree::{descendants, end_descendants};

/// Makes the process the subreaper of all processes that it starts (`PR_SET_CHILD_SUBREAPER(2const)`).
/// Those that are left, detached ones included, are killed when this value is dropped, and have ended then.
///
/// A process keeps its children across execve(2): a service with PAM has `(sd-pam)`, a shell background
/// jobs. Such inherited children are not killed.
pub struct Subreaper {
    inherited: BTreeSet<Pid>,
}

impl Subreaper {
    /// Makes the calling process a subreaper. Call it before the first command is started.
    ///
    /// # Errors
    /// If the kernel refuses.
    pub fn install() -> io::Result<Self> {
        prctl::set_child_subreaper(true)?;
        Ok(Self { inherited: descendants(Pid::this()).into_iter().collect() })
    }
}

impl Drop for Subreaper {
    fn drop(&mut self) {
        end_descendants(&self.inherited);
    }
}
