use std::env;
use std::ffi::OsStr;
use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};

use nix::unistd::{AccessFlags, access};

use crate::fact_values;
use crate::host::{SocketState, TmuxServer, User};
use crate::sandbox::Measurement;

fact_values! {
    /// Whether the variables lead tmux to a directory and to a server.
    pub(crate) enum Variables {
        Valid = "valid",
        Nowhere = "nowhere",
    }
}

/// The variables by which tmux finds its sockets (tmux(1), "ENVIRONMENT").
pub(crate) struct TmuxVariables {
    /// What is wrong, by the name of the variable.
    problems: Vec<(&'static str, String)>,
    /// The directory in which tmux makes its own.
    pub(crate) parent: PathBuf,
}

impl TmuxVariables {
    /// Examines those of the calling process.
    pub(crate) fn inspect(user: &User, servers: &[TmuxServer]) -> Self {
        let set = |name| env::var_os(name).filter(|value| !value.is_empty());
        let mut problems = Vec::new();
        let mut parent = PathBuf::from("/tmp");
        if let Some(dir) = set("TMUX_TMPDIR") {
            match defect_of_dir(Path::new(&dir), user.uid) {
                None => parent = dir.into(),
                Some(defect) => {
                    problems.push(("TMUX_TMPDIR", format!("{}, {defect}", dir.to_string_lossy())));
                }
            }
        }
        if let Some(tmux) = set("TMUX")
            && let Some(defect) = defect_of_tmux(&tmux, servers)
        {
            problems.push(("TMUX", format!("{}, {defect}", tmux.to_string_lossy())));
        }
        Self { problems, parent }
    }

    /// Returns the value of the fact.
    pub(crate) fn state(&self) -> Variables {
        if self.problems.is_empty() { Variables::Valid } else { Variables::Nowhere }
    }

    /// Records the details and lists for the card.
    pub(crate) fn record(&self, measurement: &mut Measurement) {
        let texts = self.problems.iter().map(|(name, text)| format!("{name} is {text}"));
        measurement.detail("nowhere", texts.collect::<Vec<_>>().join("; "));
        measurement.list("variable", self.problems.iter().map(|(name, _)| (*name).to_owned()));
    }
}

/// Returns why tmux cannot have its directory in `dir`.
fn defect_of_dir(dir: &Path, uid: u32) -> Option<&'static str> {
    if !dir.exists() {
        return Some("which does not exist");
    }
    if !dir.is_dir() {
        return Some("which is no directory");
    }
    let has_own = dir.join(format!("tmux-{uid}")).exists();
    let is_writable = access(dir, AccessFlags::W_OK | AccessFlags::X_OK).is_ok();
    (!has_own && !is_writable).then_some("in which this user may create no directory")
}

/// Returns why the socket in `TMUX` (`SOCKET,SERVER,SESSION`) has no server. One that lost its socket is left to
/// tmux-socket.
fn defect_of_tmux(tmux: &OsStr, servers: &[TmuxServer]) -> Option<&'static str> {
    let socket = tmux.as_bytes().split(|byte| *byte == b',').next().unwrap_or_default();
    if socket.is_empty() {
        return None;
    }
    let socket = Path::new(OsStr::from_bytes(socket));
    match SocketState::of(socket) {
        SocketState::Live => None,
        _ if servers.iter().any(|server| server.path == socket) => None,
        SocketState::Denied => Some("which is the server of another user"),
        SocketState::Missing | SocketState::Refused => Some("where no server listens"),
    }
}

#[cfg(test)]
mod tests {
    use std::ffi::OsString;

    use super::*;

    #[test]
    fn a_variable_that_leads_nowhere_is_found() {
        let server = TmuxServer { path: "/no/such/lost".into(), pid: 7 };
        let defect =
            |tmux: &str| defect_of_tmux(&OsString::from(tmux), std::slice::from_ref(&server));
        assert_eq!(defect("/no/such/gone,12,0"), Some("where no server listens"));
        assert_eq!(defect("/no/such/lost,7,0"), None, "tmux-socket reports it");
        assert_eq!(defect(",12,0"), None, "tmux ignores it");
        assert_eq!(defect_of_dir(Path::new("/no/such"), 7), Some("which does not exist"));
        assert_eq!(defect_of_dir(Path::new("/proc/self/stat"), 7), Some("which is no directory"));
    }
}
