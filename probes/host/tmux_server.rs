use std::collections::HashMap;
use std::ffi::OsString;
use std::os::unix::ffi::OsStringExt;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use std::{fs, io};

use super::{ProcStat, ProcessTable};

/// The end of the process name of a tmux server, after the name of its program (tmux, proc.c,
/// `proc_start`).
const SERVER_TITLE: &str = ": server";
/// How many bytes of a process name the kernel keeps (Linux, `TASK_COMM_LEN`).
const MAX_PROCESS_NAME: usize = 15;
/// The flag of a listening socket in /proc/net/unix (Linux `__SO_ACCEPTCON`).
const LISTENING: u32 = 0x1_0000;

/// A running tmux server and the socket on which it listens.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct TmuxServer {
    /// The socket's path. The file may have been deleted.
    pub path: PathBuf,
    /// The server's process id.
    pub pid: u32,
}

impl TmuxServer {
    /// Returns the path by which the calling process reaches the socket, if that is not the server's own path: the two
    /// have different directories for temporary files.
    pub fn path_from_here(&self) -> Option<PathBuf> {
        let relative = self.path.strip_prefix("/").ok()?;
        let through_proc = PathBuf::from(format!("/proc/{}/root", self.pid)).join(relative);
        let there = fs::symlink_metadata(&through_proc).ok()?;
        let is_here = fs::symlink_metadata(&self.path)
            .is_ok_and(|here| (here.dev(), here.ino()) == (there.dev(), there.ino()));
        (!is_here).then_some(through_proc)
    }

    /// Reports whether a signal has stopped the server, so that it answers nothing.
    pub fn is_stopped(&self) -> bool {
        ProcStat::of_pid(self.pid).ok().flatten().is_some_and(|stat| stat.state == 'T')
    }

    /// Returns the program for clients of the server: `tmux`, or the server's own program if that is another
    /// file than the `tmux` in PATH, as after an upgrade. A client of another version may hang: it leaves its
    /// standard output open in a server of 3.1 (tmux issue 2659), and cannot attach (issue 4356).
    pub fn client_program(&self) -> PathBuf {
        let own = PathBuf::from(format!("/proc/{}/exe", self.pid));
        match (file_id(&own), find_in_path("tmux").as_deref().and_then(file_id)) {
            (Some(own_id), Some(id)) if own_id != id => own,
            (Some(_), None) => own,
            _ => "tmux".into(),
        }
    }
}

/// Returns the path of a program that is searched for in PATH.
pub fn find_in_path(program: &str) -> Option<PathBuf> {
    let path = std::env::var_os("PATH")?;
    std::env::split_paths(&path).map(|dir| dir.join(program)).find(|file| file.is_file())
}

/// Returns what identifies a file, also one that was deleted and is reached through /proc.
fn file_id(path: &Path) -> Option<(u64, u64)> {
    fs::metadata(path).ok().map(|metadata| (metadata.dev(), metadata.ino()))
}

/// Returns the running tmux servers of the user `uid`, sorted by socket path. Servers in other process-id
/// namespaces, such as containers, are not counted.
///
/// # Errors
/// If /proc cannot be read.
pub fn tmux_servers(table: &ProcessTable, uid: u32) -> io::Result<Vec<TmuxServer>> {
    let mut found = Vec::new();
    let namespace = fs::read_link("/proc/self/ns/pid")?;
    for (pid, stat) in table.iter().filter(|(_, stat)| server_name(&stat.comm).is_some()) {
        let process = PathBuf::from(format!("/proc/{pid}"));
        let is_own = fs::metadata(&process).is_ok_and(|metadata| metadata.uid() == uid);
        let Some(certainty) = server_name(&stat.comm).filter(|_| is_own) else { continue };
        if fs::read_link(process.join("ns/pid")).is_ok_and(|its| its == namespace) {
            let is_server = |(_, path): &(u64, PathBuf)| {
                certainty == ServerName::Complete || is_in_tmux_dir(path, uid)
            };
            let sockets = listening_sockets(&process).into_iter().filter(is_server);
            found.extend(
                sockets.map(|(inode, path)| (inode, stat.start_time, TmuxServer { path, pid })),
            );
        }
    }
    // A process that a server has just forked for a pane still has the server's name and socket.
    found.sort();
    found.dedup_by_key(|(inode, ..)| *inode);
    let mut servers: Vec<TmuxServer> = found.into_iter().map(|(.., server)| server).collect();
    servers.sort();
    Ok(servers)
}

/// How well the name of a process shows that it is a tmux server.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum ServerName {
    /// It ends like the name of a server.
    Complete,
    /// The kernel cut it off where that end may have been.
    Truncated,
}

/// Classifies the name of a process, whatever the program of the server is called: `tmux: server`,
/// `tmux-3.1c: serv`. `None` if it is no server's.
fn server_name(comm: &str) -> Option<ServerName> {
    if comm.ends_with(SERVER_TITLE) {
        return Some(ServerName::Complete);
    }
    if comm.len() < MAX_PROCESS_NAME {
        return None;
    }
    let has_cut_title = comm.rfind(": ").is_some_and(|at| SERVER_TITLE.starts_with(&comm[at..]));
    Some(if has_cut_title { ServerName::Complete } else { ServerName::Truncated })
}

/// Reports whether a socket is in a directory that tmux makes for the user (tmux(1), `-L`).
fn is_in_tmux_dir(path: &Path, uid: u32) -> bool {
    let dir = path.parent().and_then(Path::file_name);
    dir.is_some_and(|name| *name == *format!("tmux-{uid}"))
}

/// Returns the inodes and paths of the Unix sockets on which a process listens.
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

/// Parses a line of /proc/net/unix, `Num RefCount Protocol Flags Type St Inode Path`, and returns the
/// inode and path of a listening socket.
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
    fn a_server_is_recognized_whatever_its_program_is_called() {
        for (comm, expected) in [
            ("tmux: server", Some(ServerName::Complete)),
            ("old: server", Some(ServerName::Complete)),
            ("tmux-3.1c: serv", Some(ServerName::Complete)),
            ("tmux-next-3.6: ", Some(ServerName::Complete)),
            ("tmux-next-3.6-s", Some(ServerName::Truncated)),
            ("tmux: client", None),
            ("tmux-3.1c: clie", Some(ServerName::Truncated)),
            ("sh", None),
            ("", None),
        ] {
            assert_eq!(server_name(comm), expected, "{comm}");
        }
        assert!(is_in_tmux_dir(Path::new("/tmp/tmux-7/default"), 7));
        assert!(!is_in_tmux_dir(Path::new("/tmp/tmux-77/default"), 7));
    }

    #[test]
    fn only_listening_sockets_with_a_path_are_returned() {
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
