use std::path::Path;

use nix::errno::Errno;
use nix::sys::socket::{getsockopt, sockopt::PeerCredentials};

use super::runtime_dir::connect_at_once;

/// The process that listens on a Unix socket.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum SocketListener {
    /// The process that called listen(2) (`SO_PEERCRED`, unix(7)).
    Process(u32),
    /// A process listens that does not accept its connections: the backlog is full.
    Busy,
    /// No process listens, or the socket cannot be reached.
    None,
}

impl SocketListener {
    /// Connects to the socket at `path` and closes the connection, without waiting.
    pub fn at(path: &Path) -> Self {
        match connect_at_once(path) {
            Ok(socket) => getsockopt(&socket, PeerCredentials)
                .map_or(Self::None, |peer| Self::Process(peer.pid().cast_unsigned())),
            Err(Errno::EAGAIN) => Self::Busy,
            Err(_) => Self::None,
        }
    }
}

#[cfg(test)]
mod tests {
    use std::os::unix::net::UnixListener;

    use super::*;
    use crate::exec::spawn_lock::spawn_permit;

    #[test]
    fn a_socket_has_the_process_that_listens_until_that_closes_it() {
        // A child of another test would keep the listener open until it executes its program.
        let _no_child = spawn_permit();
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("socket");
        assert_eq!(SocketListener::at(&path), SocketListener::None);
        let listener = UnixListener::bind(&path).unwrap();
        assert_eq!(SocketListener::at(&path), SocketListener::Process(std::process::id()));
        while SocketListener::at(&path) != SocketListener::Busy {}
        drop(listener);
        assert_eq!(SocketListener::at(&path), SocketListener::None);
    }
}
