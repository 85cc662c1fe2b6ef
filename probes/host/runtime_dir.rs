use std::ffi::{OsStr, OsString};
use std::fs;
use std::io;
use std::os::fd::{AsRawFd, OwnedFd};
use std::os::unix::ffi::{OsStrExt, OsStringExt};
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};

use super::SocketListener;
use nix::errno::Errno;
use nix::sys::socket::{AddressFamily, SockFlag, SockType, UnixAddr, connect, socket};

/// The result of a connection to a socket.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum SocketState {
    /// A process listens.
    Live,
    /// The file exists and no process listens.
    Refused,
    /// The file does not exist.
    Missing,
    /// Access was denied.
    Denied,
}

impl SocketState {
    /// Connects to the socket at `path` and closes the connection, without waiting: a listener with a
    /// full backlog counts as live.
    pub fn of(path: &Path) -> Self {
        match connect_at_once(path) {
            Ok(_) | Err(Errno::EAGAIN) => Self::Live,
            Err(Errno::ENOENT | Errno::ENOTDIR) => Self::Missing,
            Err(Errno::EACCES | Errno::EPERM) => Self::Denied,
            Err(_) => Self::Refused,
        }
    }
}

/// Connects to the socket at `path` without waiting: `EAGAIN` is a listener with a full backlog.
pub(super) fn connect_at_once(path: &Path) -> nix::Result<OwnedFd> {
    let flags = SockFlag::SOCK_NONBLOCK | SockFlag::SOCK_CLOEXEC;
    let socket = socket(AddressFamily::Unix, SockType::Stream, flags, None)?;
    connect(socket.as_raw_fd(), &UnixAddr::new(path)?)?;
    Ok(socket)
}

/// The target of a value of `XDG_RUNTIME_DIR`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum RuntimeDir {
    /// The variable is unset or empty.
    Unset,
    /// The directory does not exist.
    Missing,
    /// The directory belongs to another user.
    NotOwned,
    /// The directory is the user's. `private` is the manager's socket in it, `bus` the message bus's.
    Own { private: SocketState, bus: SocketState },
}

impl RuntimeDir {
    /// Inspects a value of `XDG_RUNTIME_DIR` for the user `uid`.
    pub fn inspect(value: Option<&OsStr>, uid: u32) -> Self {
        let Some(dir) = value.filter(|value| !value.is_empty()).map(Path::new) else {
            return Self::Unset;
        };
        match fs::metadata(dir) {
            Ok(metadata) if !metadata.is_dir() => Self::Missing,
            Ok(metadata) if metadata.uid() != uid => Self::NotOwned,
            Ok(_) => Self::Own {
                private: SocketState::of(&dir.join("systemd/private")),
                bus: SocketState::of(&dir.join("bus")),
            },
            Err(error) if error.kind() == io::ErrorKind::PermissionDenied => Self::NotOwned,
            Err(_) => Self::Missing,
        }
    }

    /// Reports whether the user manager listens there.
    pub fn has_manager(self) -> bool {
        matches!(self, Self::Own { private: SocketState::Live, .. })
    }
}

/// The target of a value of `DBUS_SESSION_BUS_ADDRESS`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum BusAddress {
    /// The variable is unset or empty.
    Unset,
    /// The address is a socket in the file system.
    Socket(SocketState),
    /// The address is of another type, which is not inspected.
    Other,
}

impl BusAddress {
    /// Inspects a value of `DBUS_SESSION_BUS_ADDRESS`: the first `unix:path=` in it.
    pub fn inspect(value: Option<&OsStr>) -> Self {
        let Some(value) = value.filter(|value| !value.is_empty()) else { return Self::Unset };
        socket_path(value.as_bytes())
            .map_or(Self::Other, |path| Self::Socket(SocketState::of(&path)))
    }
}

/// Reports whether the process that listens at a bus address is the one that listens at `manager`, a manager's socket: a
/// user manager listens for its bus, and starts it when it is used. True where that cannot be found out.
pub fn is_bus_of_manager(address: &OsStr, manager: &Path) -> bool {
    let bus = socket_path(address.as_bytes()).map(|path| SocketListener::at(&path));
    match (bus, SocketListener::at(manager)) {
        (Some(SocketListener::Process(bus)), SocketListener::Process(manager)) => bus == manager,
        _ => true,
    }
}

/// Parses the path in a bus address such as `unix:path=/run/user/1000/bus,guid=…;tcp:…`, in which `%xx`
/// is a byte (D-Bus Specification, "Server Addresses").
pub(crate) fn socket_path(address: &[u8]) -> Option<PathBuf> {
    address.split(|&byte| byte == b';').find_map(|address| {
        let keys = address.strip_prefix(b"unix:")?;
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
    fn the_first_socket_path_of_an_address_is_parsed() {
        let path = |text: &str| socket_path(text.as_bytes());
        assert_eq!(path("unix:path=/run/user/1/bus"), Some("/run/user/1/bus".into()));
        assert_eq!(path("tcp:host=a;unix:guid=1,path=/a%20b"), Some("/a b".into()));
        assert_eq!(path("unix:abstract=/a"), None);
        assert_eq!(path("unix:path=/100%"), Some("/100%".into()));
    }

    #[test]
    fn an_empty_variable_counts_as_unset() {
        assert_eq!(BusAddress::inspect(Some(OsStr::new(""))), BusAddress::Unset);
        assert_eq!(RuntimeDir::inspect(Some(OsStr::new("")), 0), RuntimeDir::Unset);
    }

    #[test]
    fn a_directory_of_another_user_is_not_owned() {
        let uid = nix::unistd::getuid().as_raw();
        assert_eq!(RuntimeDir::inspect(Some(OsStr::new("/proc")), uid + 1), RuntimeDir::NotOwned);
        assert_eq!(RuntimeDir::inspect(Some(OsStr::new("/no/such")), uid), RuntimeDir::Missing);
    }
}
