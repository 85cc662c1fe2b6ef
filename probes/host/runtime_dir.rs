use std::ffi::{OsStr, OsString};
use std::fs;
use std::io;
use std::os::fd::AsRawFd;
use std::os::unix::ffi::{OsStrExt, OsStringExt};
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};

use nix::errno::Errno;
use nix::sys::socket::{AddressFamily, SockFlag, SockType, UnixAddr, connect, socket};

/// What happens when one connects to a socket.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum SocketState {
    /// Somebody listens.
    Live,
    /// The file is there and nobody listens.
    Refused,
    /// There is no such file.
    Missing,
    /// It may not be looked at.
    Denied,
}

impl SocketState {
    /// Connects to the socket at `path` and hangs up. It waits for nobody: one that listens and takes
    /// no more callers is live as well.
    pub fn of(path: &Path) -> Self {
        match connect_at_once(path) {
            Ok(()) | Err(Errno::EAGAIN) => Self::Live,
            Err(Errno::ENOENT | Errno::ENOTDIR) => Self::Missing,
            Err(Errno::EACCES | Errno::EPERM) => Self::Denied,
            Err(_) => Self::Refused,
        }
    }
}

fn connect_at_once(path: &Path) -> nix::Result<()> {
    let flags = SockFlag::SOCK_NONBLOCK | SockFlag::SOCK_CLOEXEC;
    let socket = socket(AddressFamily::Unix, SockType::Stream, flags, None)?;
    connect(socket.as_raw_fd(), &UnixAddr::new(path)?)
}

/// What a value of XDG_RUNTIME_DIR leads to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum RuntimeDir {
    /// It is not set, or empty.
    Unset,
    /// There is no such directory.
    Missing,
    /// It belongs to somebody else.
    Foreign,
    /// It is the user's own; `private` is the manager's socket in it, `bus` the message bus's.
    Own { private: SocketState, bus: SocketState },
}

impl RuntimeDir {
    /// Looks at a value of XDG_RUNTIME_DIR on behalf of the user `uid`.
    pub fn look(value: Option<&OsStr>, uid: u32) -> Self {
        let Some(dir) = value.filter(|value| !value.is_empty()).map(Path::new) else {
            return Self::Unset;
        };
        match fs::metadata(dir) {
            Ok(metadata) if !metadata.is_dir() => Self::Missing,
            Ok(metadata) if metadata.uid() != uid => Self::Foreign,
            Ok(_) => Self::Own {
                private: SocketState::of(&dir.join("systemd/private")),
                bus: SocketState::of(&dir.join("bus")),
            },
            Err(error) if error.kind() == io::ErrorKind::PermissionDenied => Self::Foreign,
            Err(_) => Self::Missing,
        }
    }

    /// Whether the user's manager listens there.
    pub fn has_manager(self) -> bool {
        matches!(self, Self::Own { private: SocketState::Live, .. })
    }
}

/// What a value of DBUS_SESSION_BUS_ADDRESS leads to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum BusAddress {
    /// It is not set, or empty.
    Unset,
    /// It names a socket in the file system.
    Socket(SocketState),
    /// It names something else, which is not looked at.
    Other,
}

impl BusAddress {
    /// Looks at a value of DBUS_SESSION_BUS_ADDRESS: the first `unix:path=` in it counts.
    pub fn look(value: Option<&OsStr>) -> Self {
        let Some(value) = value.filter(|value| !value.is_empty()) else { return Self::Unset };
        socket_path(value.as_bytes())
            .map_or(Self::Other, |path| Self::Socket(SocketState::of(&path)))
    }
}

/// The path in a bus address such as `unix:path=/run/user/1000/bus,guid=…;tcp:…`
/// (D-Bus Specification, "Server Addresses"; `%xx` stands for a byte).
pub(crate) fn socket_path(address: &[u8]) -> Option<PathBuf> {
    address.split(|&byte| byte == b';').find_map(|one| {
        let keys = one.strip_prefix(b"unix:")?;
        let path = keys.split(|&byte| byte == b',').find_map(|key| key.strip_prefix(b"path="))?;
        Some(OsString::from_vec(unescape(path)).into())
    })
}

fn unescape(text: &[u8]) -> Vec<u8> {
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text;
    while let Some((&first, tail)) = rest.split_first() {
        let escaped = (first == b'%')
            .then(|| tail.get(..2).and_then(|digits| std::str::from_utf8(digits).ok()))
            .flatten()
            .and_then(|digits| u8::from_str_radix(digits, 16).ok());
        bytes.push(escaped.unwrap_or(first));
        rest = if escaped.is_some() { &tail[2..] } else { tail };
    }
    bytes
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_socket_of_an_address_is_found_among_other_keys_and_addresses() {
        let path = |text: &str| socket_path(text.as_bytes());
        assert_eq!(path("unix:path=/run/user/1/bus"), Some("/run/user/1/bus".into()));
        assert_eq!(path("tcp:host=a;unix:guid=1,path=/a%20b"), Some("/a b".into()));
        assert_eq!(path("unix:abstract=/a"), None);
        assert_eq!(path("unix:path=/100%"), Some("/100%".into()));
    }

    #[test]
    fn an_empty_variable_counts_as_unset() {
        assert_eq!(BusAddress::look(Some(OsStr::new(""))), BusAddress::Unset);
        assert_eq!(RuntimeDir::look(Some(OsStr::new("")), 0), RuntimeDir::Unset);
    }

    #[test]
    fn a_directory_of_another_user_is_foreign() {
        let uid = nix::unistd::getuid().as_raw();
        assert_eq!(RuntimeDir::look(Some(OsStr::new("/proc")), uid + 1), RuntimeDir::Foreign);
        assert_eq!(RuntimeDir::look(Some(OsStr::new("/no/such")), uid), RuntimeDir::Missing);
    }
}
