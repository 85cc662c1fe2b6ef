use std::os::unix::ffi::OsStrExt;
use std::os::unix::net::UnixStream;
use std::path::{Path, PathBuf};

use nix::sys::signal::{Signal, kill};
use nix::sys::socket::{getsockopt, sockopt::PeerCredentials};
use nix::unistd::Pid;

use super::{NotMeasured, ProbeContext};
use crate::exec::{Command, PidFd};

/// The maximum length of a Unix socket's path in bytes (unix(7)).
const MAX_SOCKET_PATH: usize = 107;

/// A tmux server for one probe, with its socket in the probe's directory and without a configuration
/// file. It is stopped when it is dropped, at the latest when the probe ends.
pub struct PrivateTmuxServer<'a> {
    context: &'a ProbeContext<'a>,
    program: PathBuf,
    socket: PathBuf,
}

impl<'a> PrivateTmuxServer<'a> {
    /// Starts a server without a session. `set_environment` changes the environment of the start
    /// command, which becomes the server's global environment.
    ///
    /// # Errors
    /// If tmux is missing or does not start.
    pub fn start(
        context: &'a ProbeContext<'a>,
        label: &str,
        set_environment: impl FnOnce(Command) -> Command,
    ) -> Result<Self, NotMeasured> {
        Self::start_program(context, "tmux".into(), label, set_environment)
    }

    /// Does what [`Self::start`] does, with a program that may be another one than the `tmux` in PATH.
    ///
    /// # Errors
    /// If the program cannot be run or starts no server.
    pub fn start_program(
        context: &'a ProbeContext<'a>,
        program: PathBuf,
        label: &str,
        set_environment: impl FnOnce(Command) -> Command,
    ) -> Result<Self, NotMeasured> {
        let socket = context.dir().join(label);
        if socket.as_os_str().as_bytes().len() > MAX_SOCKET_PATH {
            return Err(NotMeasured::Unmeasured(format!(
                "a tmux socket at {} would be longer than {MAX_SOCKET_PATH} bytes; \
                 set TMPDIR to a shorter path",
                socket.display()
            )));
        }
        let server = Self { context, program, socket };
        let started = set_environment(server.command().env_remove("TMUX").env_remove("TMUX_PANE"))
            .args(["start-server", ";", "set-option", "-g", "exit-empty", "off"])
            .run()?;
        // The command's exit status alone does not prove that a server listens.
        if started.success() && server.pid().is_some() {
            return Ok(server);
        }
        Err(NotMeasured::Unmeasured(format!(
            "a private tmux server did not start: {}",
            started.error_summary()
        )))
    }

    /// Returns the id of the process that listens on the socket (`SO_PEERCRED`, unix(7)); `None` if the
    /// server has exited.
    pub fn pid(&self) -> Option<u32> {
        let stream = UnixStream::connect(&self.socket).ok()?;
        Some(getsockopt(&stream, PeerCredentials).ok()?.pid().cast_unsigned())
    }

    /// Returns a `tmux` command to this server.
    pub fn command(&self) -> Command {
        self.context.command(&self.program).args(["-f", "/dev/null", "-S"]).arg(&self.socket)
    }

    /// Returns the path of its socket.
    pub fn socket(&self) -> &Path {
        &self.socket
    }
}

impl Drop for PrivateTmuxServer<'_> {
    fn drop(&mut self) {
        // The same as `tmux kill-server`, without starting a client.
        let Some(server) = self.pid() else { return };
        let Ok(process) = PidFd::of(server) else { return };
        if kill(Pid::from_raw(server.cast_signed()), Signal::SIGTERM).is_ok() {
            process.wait(self.context.deadline());
        }
    }
}
