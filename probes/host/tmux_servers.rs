use std::collections::HashMap;
use std::ffi::OsString;
use std::fs;
use std::io;
use std::os::unix::ffi::OsStringExt;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};

use super::start_time;
use crate::sandbox::RunId;

/// The name that a tmux server gives its process (upstream proc.c, `proc_start`).
const SERVER_NAME: &str = "tmux: server";
/// The flag of a listening socket in /proc/net/unix (Linux `__SO_ACCEPTCON`).
const LISTENING: u32 = 0x1_0000;

/// A tmux server that runs, and the socket on which it listens.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct TmuxSocket {
    /// The socket's path; it may have been removed from the file system.
    pub path: PathBuf,
    /// The server's process id.
    pub pid: u32,
}

/// Every running tmux server of the user `uid`, wherever its socket lies, by the socket's path.
/// Servers of containers are not this host's, and those of a doctor's probes are nobody's.
///
/// # Errors
/// When /proc cannot be listed.
pub fn tmux_sockets(uid: u32) -> io::Result<Vec<TmuxSocket>> {
    let mut found = Vec::new();
    let namespace = fs::read_link("/proc/self/ns/pid")?;
    for entry in fs::read_dir("/proc")?.flatten() {
        let Some(pid) = entry.file_name().to_str().and_then(|name| name.parse().ok()) else {
            continue;
        };
        let process = entry.path();
        let is_own = fs::metadata(&process).is_ok_and(|metadata| metadata.uid() == uid);
        let name = fs::read_to_string(process.join("comm")).unwrap_or_default();
        let is_here =
            || fs::read_link(process.join("ns/pid")).is_ok_and(|its_own| its_own == namespace);
        if is_own && name.trim_end() == SERVER_NAME && is_here() {
            let started = start_time(pid)?;
            let sockets = listening_sockets(&process).into_iter();
            found.extend(sockets.map(|(inode, path)| (inode, started, TmuxSocket { path, pid })));
        }
    }
    // What a server has just forked for a pane still bears its name and has its socket.
    found.sort();
    found.dedup_by_key(|(inode, ..)| *inode);
    let sockets = found.into_iter().map(|(.., socket)| socket);
    let mut servers: Vec<TmuxSocket> = sockets.filter(|server| !is_probes(&server.path)).collect();
    servers.sort();
    Ok(servers)
}

/// Whether a path lies in the directory of a run of the doctor.
fn is_probes(path: &Path) -> bool {
    path.components()
        .any(|part| part.as_os_str().to_str().is_some_and(|name| RunId::parse(name).is_some()))
}

/// The Unix sockets on which a process listens: their inodes and file system paths.
fn listening_sockets(process: &Path) -> Vec<(u64, PathBuf)> {
    let table = fs::read(process.join("net/unix")).unwrap_or_default();
    let listeners: HashMap<u64, PathBuf> =
        table.split(|&byte| byte == b'\n').filter_map(listener).collect();
    let Ok(descriptors) = fs::read_dir(process.join("fd")) else { return Vec::new() };
    let working_directory = fs::read_link(process.join("cwd")).unwrap_or_default();
    descriptors
        .flatten()
        .filter_map(|descriptor| {
            let target = fs::read_link(descriptor.path()).ok()?;
            let inode =
                target.to_str()?.strip_prefix("socket:[")?.strip_suffix(']')?.parse().ok()?;
            Some((inode, working_directory.join(listeners.get(&inode)?)))
        })
        .collect()
}

/// A listening socket's inode and path, out of a line of /proc/net/unix:
/// `Num RefCount Protocol Flags Type St Inode Path`.
pub(crate) fn listener(line: &[u8]) -> Option<(u64, PathBuf)> {
    let mut rest = line;
    let mut fields = Vec::with_capacity(7);
    while fields.len() < 7 {
        rest = rest.trim_ascii_start();
        let end = rest.iter().position(|byte| *byte == b' ')?;
        fields.push(std::str::from_utf8(&rest[..end]).ok()?);
        rest = &rest[end..];
    }
    let path = rest.strip_prefix(b" ").filter(|path| !path.is_empty() && path[0] != b'@')?;
    let flags = u32::from_str_radix(fields[3], 16).ok()?;
    (flags & LISTENING != 0).then_some(())?;
    Some((fields[6].parse().ok()?, OsString::from_vec(path.to_vec()).into()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_socket_in_the_directory_of_a_run_is_a_probes() {
        let run = RunId::current().unwrap().to_string();
        assert!(is_probes(&Path::new("/tmp").join(run).join("tmux-bus-env/bare")));
        assert!(!is_probes(Path::new("/tmp/launch_doctor/tmux-1000/default")));
    }

    #[test]
    fn only_listening_sockets_with_a_path_are_taken() {
        let line = b"0000000000000000: 00000002 00000000 00010000 0001 01 12345 /tmp/tmux 1/a b";
        assert_eq!(listener(line), Some((12345, PathBuf::from("/tmp/tmux 1/a b"))));
        let connected = b"0000000000000000: 00000003 00000000 00000000 0001 03 12346 /tmp/tmux";
        assert_eq!(listener(connected), None);
        let abstract_name = b"0000000000000000: 00000002 00000000 00010000 0001 01 7 @/tmp/a";
        assert_eq!(listener(abstract_name), None);
        assert_eq!(listener(b"Num       RefCount Protocol Flags    Type St Inode Path"), None);
        assert_eq!(listener(b""), None);
    }
}
