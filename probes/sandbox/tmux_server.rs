use std::os::unix::ffi::OsStrExt;
use std::os::unix::net::UnixStream;
use std::path::PathBuf;

use nix::sys::signal::{Signal, kill};
use nix::sys::socket::{getsockopt, sockopt::PeerCredentials};
use nix::unistd::Pid;

use super::command::Command;
use super::isolation::Sandbox;
use super::process_end::ProcessEnd;
use crate::measurement::Unable;

/// The longest path that a Unix socket can have, in bytes (unix(7)).
const LONGEST_SOCKET_PATH: usize = 107;

/// A tmux server of a probe's own: its socket lies in the probe's directory and it reads no
/// configuration. It ends with this value, and at the latest with the probe.
pub struct TmuxServer<'a> {
    sandbox: &'a Sandbox<'a>,
    socket: PathBuf,
}

impl<'a> TmuxServer<'a> {
    /// Starts a server without a session. `surroundings` changes the environment it starts in,
    /// which becomes its global environment.
    ///
    /// # Errors
    /// When tmux is missing or does not start.
    pub fn start(
        sandbox: &'a Sandbox<'a>,
        label: &str,
        surroundings: impl FnOnce(Command) -> Command,
    ) -> Result<Self, Unable> {
        let socket = sandbox.dir().join(label);
        if socket.as_os_str().as_bytes().len() > LONGEST_SOCKET_PATH {
            return Err(Unable::Unmeasured(format!(
                "a tmux socket at {} would be longer than {LONGEST_SOCKET_PATH} bytes; \
                 set TMPDIR to a shorter path",
                socket.display()
            )));
        }
        let server = Self { sandbox, socket };
        let started = surroundings(server.command().env_remove("TMUX").env_remove("TMUX_PANE"))
            .args(["start-server", ";", "set-option", "-g", "exit-empty", "off"])
            .run()?;
        // Nobody listens if what should have launched it only said that it did.
        if started.success() && server.pid().is_some() {
            return Ok(server);
        }
        Err(Unable::Unmeasured(format!(
            "a private tmux server did not start: {}",
            started.failure()
        )))
    }

    /// Its process id: that of the process which listens on its socket (SO_PEERCRED, unix(7)).
    /// `None` if it has ended.
    pub fn pid(&self) -> Option<u32> {
        let stream = UnixStream::connect(&self.socket).ok()?;
        Some(getsockopt(&stream, PeerCredentials).ok()?.pid().cast_unsigned())
    }

    /// A tmux command to this server.
    pub fn command(&self) -> Command {
        self.sandbox.command("tmux").args(["-f", "/dev/null", "-S"]).arg(&self.socket)
    }
}

impl Drop for TmuxServer<'_> {
    fn drop(&mut self) {
        // What `kill-server` does, without another program.
        let Some(server) = self.pid() else { return };
        let Ok(end) = ProcessEnd::of(server) else { return };
        if kill(Pid::from_raw(server.cast_signed()), Signal::SIGTERM).is_ok() {
            end.wait(self.sandbox.deadline());
        }
    }
}
