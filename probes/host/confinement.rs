use std::fmt::Display;
use std::fs;
use std::io;
use std::os::unix::fs::{MetadataExt, PermissionsExt};
use std::path::{Path, PathBuf};

use nix::errno::Errno;
use nix::sys::socket::{AddressFamily, SockFlag, SockType, socket};
use nix::sys::statvfs::{FsFlags, statvfs};

use super::{Mount, SocketListener, User, command_line, manager_dir, processes};

/// What confines the calling process so that it cannot reach, or would mistake, the user's manager.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Confinement {
    /// It may not use Unix sockets.
    NoUnixSockets,
    /// It is in a user namespace, in which it appears to be another user.
    OtherUser,
    /// The directory in which the user's manager listens is hidden from it.
    RuntimeDirHidden,
    /// Its process ids are not those that the manager sees.
    OtherPidNamespace,
}

/// How the calling process sees its runtime directory.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum RuntimeDirView {
    /// As it is, or it does not exist.
    Plain,
    /// Something is mounted over it.
    Hidden,
    /// It cannot be written.
    ReadOnly,
}

impl Confinement {
    /// Returns what confines the calling process, as far as that shows without another process's help.
    pub fn detect(user: &User) -> Option<Self> {
        if !may_use_unix_sockets() {
            Some(Self::NoUnixSockets)
        } else if outer_uid(user.uid).is_some_and(|outer| outer != user.uid) {
            Some(Self::OtherUser)
        } else if manager_dir(user).is_none()
            && RuntimeDirView::of(user) == RuntimeDirView::Hidden
            && !shares_mount_namespace(user)
        {
            Some(Self::RuntimeDirHidden)
        } else if shares_pid_namespace(user) == Some(false) {
            Some(Self::OtherPidNamespace)
        } else {
            None
        }
    }
}

impl RuntimeDirView {
    /// Inspects `/run/user/UID`. systemd hides it by a mount over it or over `/run/user`, which no other host has
    /// (systemd, src/core/namespace.c, `protect_home_yes_table`, 247 to 261).
    pub fn of(user: &User) -> Self {
        let dir = user.runtime_dir();
        match fs::metadata(&dir) {
            Ok(metadata) if metadata.uid() != user.uid && !has_permissions(&metadata) => {
                Self::Hidden
            }
            Ok(_) => {
                let is_read_only =
                    statvfs(&dir).is_ok_and(|stat| stat.flags().contains(FsFlags::ST_RDONLY));
                if is_read_only { Self::ReadOnly } else { Self::Plain }
            }
            Err(error) if error.kind() == io::ErrorKind::PermissionDenied => Self::Hidden,
            Err(_) => {
                let is_over = Mount::all().iter().any(|mount| mount.point == *"/run/user");
                if is_over { Self::Hidden } else { Self::Plain }
            }
        }
    }
}

fn has_permissions(metadata: &fs::Metadata) -> bool {
    metadata.permissions().mode().trailing_zeros() < 12
}

/// Reports whether the calling process has the mounts of the user's manager, and so sees a mount that all programs of
/// the host see. Without a visible manager it is taken to have them.
pub fn shares_mount_namespace(user: &User) -> bool {
    let is_manager = |pid: &u32| {
        let is_own = fs::metadata(format!("/proc/{pid}")).is_ok_and(|it| it.uid() == user.uid);
        let arguments = || command_line(*pid);
        is_own
            && arguments().first().is_some_and(|program| program.ends_with("/systemd"))
            && arguments().iter().any(|argument| argument == "--user")
    };
    let of_manager = processes().find(is_manager).and_then(mount_namespace);
    of_manager.is_none_or(|its| Some(its) == mount_namespace("self"))
}

/// Returns the mount namespace of a process, by its id or `self`; `None` if it cannot be read.
pub fn mount_namespace(process: impl Display) -> Option<PathBuf> {
    fs::read_link(format!("/proc/{process}/ns/mnt")).ok()
}

/// Reports whether the calling process may create a Unix socket.
pub fn may_use_unix_sockets() -> bool {
    let socket = socket(AddressFamily::Unix, SockType::Stream, SockFlag::SOCK_CLOEXEC, None);
    !matches!(socket, Err(Errno::EAFNOSUPPORT | Errno::EPERM | Errno::EACCES))
}

/// Returns the user id outside of the calling process's user namespace; `None` if PID 1 is in the same one, or is not
/// visible.
pub fn outer_uid(uid: u32) -> Option<u32> {
    let own = fs::read_to_string("/proc/self/uid_map").ok()?;
    let of_pid_1 = fs::read_to_string("/proc/1/uid_map").ok()?;
    if own == of_pid_1 { None } else { map_uid(&own, uid) }
}

/// Maps a user id by a table of lines `INSIDE OUTSIDE LENGTH` (`user_namespaces(7)`).
fn map_uid(table: &str, uid: u32) -> Option<u32> {
    table.lines().find_map(|line| {
        let mut numbers = line.split_ascii_whitespace().map(|number| number.parse::<u32>().ok());
        let (inside, outside, length) = (numbers.next()??, numbers.next()??, numbers.next()??);
        let offset = uid.checked_sub(inside).filter(|offset| *offset < length)?;
        outside.checked_add(offset)
    })
}

/// Reports whether the user's manager has a process id in the calling process's namespace; `None` if it does not
/// listen.
pub fn shares_pid_namespace(user: &User) -> Option<bool> {
    match SocketListener::at(&manager_dir(user)?.join("systemd/private")) {
        SocketListener::Process(pid) => Some(pid != 0),
        SocketListener::Busy | SocketListener::None => None,
    }
}

/// Reports whether /proc shows processes alone, without /proc/sys (systemd.exec(5), `ProcSubset=`).
pub fn is_proc_reduced() -> bool {
    !Path::new("/proc/sys").exists() && Path::new("/proc/self/stat").exists()
}

/// Reports whether /proc hides the processes of other users (systemd.exec(5), `ProtectProc=`; proc(5), `hidepid`).
pub fn are_other_processes_hidden() -> bool {
    !Path::new("/proc/1/stat").exists()
}

/// Reports whether programs can gain no privileges (`PR_SET_NO_NEW_PRIVS(2const)`).
pub fn has_no_new_privileges() -> bool {
    nix::sys::prctl::get_no_new_privs().unwrap_or(false)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_user_id_is_mapped_by_the_line_that_has_it() {
        let table = "         0       1000          1\n         1     100000      65536\n";
        assert_eq!(map_uid(table, 0), Some(1000));
        assert_eq!(map_uid(table, 5), Some(100_004));
        assert_eq!(map_uid(table, 70_000), None);
        assert_eq!(map_uid("0 0 4294967295\n", 1000), Some(1000));
        assert_eq!(map_uid("", 0), None);
    }

    #[test]
    fn a_process_outside_of_any_sandbox_is_not_confined() {
        assert!(may_use_unix_sockets() && !is_proc_reduced() && !are_other_processes_hidden());
        assert_eq!(outer_uid(0), None);
    }
}
