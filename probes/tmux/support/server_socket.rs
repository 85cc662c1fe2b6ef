use std::collections::{BTreeMap, BTreeSet};
use std::ffi::OsString;
use std::fs;
use std::os::unix::fs::FileTypeExt;
use std::path::{Path, PathBuf};

use crate::fact_values;
use crate::host::{SocketListener, TmuxServer, start_time};
use crate::sandbox::Measurement;

/// A running tmux server, and whether clients reach it.
#[derive(Debug, Clone)]
pub(crate) struct ServerSocket {
    /// The server, with the path of its socket when it was created.
    pub(crate) server: TmuxServer,
    /// Whether it can be reached.
    pub(crate) reachability: Reachability,
    /// The path at which clients reach it, or would if its socket were there.
    pub(crate) path: PathBuf,
    /// The server that listens at that path in its place.
    holder: Option<u32>,
}

fact_values! {
    /// Whether a server can be reached through its socket, from the best to the worst.
    #[derive(PartialOrd, Ord)]
    pub(crate) enum Reachability {
        NoServer = "none",
        Reachable = "reachable",
        SocketGone = "socket-gone",
        /// Another server listens at the path of its socket.
        SocketTaken = "socket-taken",
    }
}

impl ServerSocket {
    /// Looks for the listeners at the paths of all servers.
    pub(crate) fn inspect_all(servers: Vec<TmuxServer>) -> Vec<Self> {
        let pids: BTreeSet<u32> = servers.iter().map(|server| server.pid).collect();
        servers.into_iter().map(|server| Self::inspect(server, &pids)).collect()
    }

    fn inspect(server: TmuxServer, servers: &BTreeSet<u32>) -> Self {
        if server.path_from_here().is_some() {
            // It is where the server made it; caller-sandbox reports it.
            let path = server.path.clone();
            return Self { server, reachability: Reachability::Reachable, path, holder: None };
        }
        let (reachability, path, holder) = match SocketListener::at(&server.path) {
            SocketListener::Process(pid) if pid == server.pid => {
                (Reachability::Reachable, None, None)
            }
            // The kernel keeps the old path of a socket that was moved.
            listener => match (moved_path(&server), listener) {
                (Some(moved), _) => (Reachability::Reachable, Some(moved), None),
                (None, SocketListener::None) => (Reachability::SocketGone, None, None),
                (None, SocketListener::Process(pid)) if servers.contains(&pid) => {
                    (Reachability::SocketTaken, None, Some(pid))
                }
                // A service manager called listen(2) on the server's behalf, or the server does not
                // accept its connections.
                (None, _) => (Reachability::Reachable, None, None),
            },
        };
        let path = path.unwrap_or_else(|| server.path.clone());
        Self { server, reachability, path, holder }
    }

    /// Returns the server for clients: with the path at which they reach it.
    pub(crate) fn client(&self) -> TmuxServer {
        TmuxServer { path: self.path.clone(), pid: self.server.pid }
    }

    /// Reports whether clients reach it.
    pub(crate) fn is_reachable(&self) -> bool {
        self.reachability == Reachability::Reachable
    }

    /// Describes why clients do not reach it.
    pub(crate) fn problem(&self) -> Option<String> {
        let problem = match self.reachability {
            Reachability::NoServer | Reachability::Reachable => return None,
            Reachability::SocketGone => "its socket was removed",
            Reachability::SocketTaken => "another server listens at the path of its socket",
        };
        Some(format!("{} (process {}): {problem}", self.path.display(), self.server.pid))
    }
}

/// Returns the other name in the directory of its socket under which a server listens.
fn moved_path(server: &TmuxServer) -> Option<PathBuf> {
    let entries = fs::read_dir(server.path.parent()?).ok()?;
    let sockets = entries
        .flatten()
        .filter(|entry| entry.file_type().is_ok_and(|file_type| file_type.is_socket()));
    sockets
        .map(|entry| entry.path())
        .find(|path| SocketListener::at(path) == SocketListener::Process(server.pid))
}

/// A server that gets a socket under a name of its own, because another one has or gets its path.
#[derive(Debug, PartialEq, Eq)]
struct Renaming {
    path: PathBuf,
    /// A second name for the socket that is at the path, so that it is kept.
    kept: PathBuf,
    /// The name for the server's own socket.
    name: PathBuf,
    pid: u32,
}

/// How servers get their sockets again. A server creates its socket at its old path, and removes what is
/// there (tmux, server.c, `server_create_socket`), so each socket first gets a name of its own.
#[derive(Debug, Default, PartialEq, Eq)]
struct Repair {
    missing_dirs: BTreeSet<PathBuf>,
    /// The servers that get their own path.
    signalled: Vec<u32>,
    /// The paths that must exist before a renaming.
    awaited: BTreeSet<PathBuf>,
    renamings: Vec<Renaming>,
}

/// Records the lists for the commands by which clients reach every server again, and which leave each
/// server that they reach now where it is.
pub(crate) fn record_repair(sockets: &[ServerSocket], measurement: &mut Measurement) {
    let age = |pid: u32| start_time(pid).ok().flatten().unwrap_or_default();
    let repair = Repair::plan(sockets, age);
    let lost = sockets.iter().filter(|socket| !socket.is_reachable()).map(|socket| &socket.server);
    let stopped = lost.filter(|server| server.is_stopped());
    measurement.list("stopped-pid", stopped.map(|server| server.pid.to_string()));
    let text = |path: &PathBuf| path.display().to_string();
    measurement.list("missing-dir", repair.missing_dirs.iter().map(text));
    measurement.list("signalled-pid", repair.signalled.iter().map(ToString::to_string));
    measurement.list("awaited", repair.awaited.iter().map(text));
    let of_each = |value: fn(&Renaming) -> String| repair.renamings.iter().map(value);
    measurement.list("taken", of_each(|renaming| renaming.path.display().to_string()));
    measurement.list("kept", of_each(|renaming| renaming.kept.display().to_string()));
    measurement.list("renamed", of_each(|renaming| renaming.name.display().to_string()));
    measurement.list("pid", of_each(|renaming| renaming.pid.to_string()));
}

impl Repair {
    fn plan(sockets: &[ServerSocket], started: impl Fn(u32) -> u64) -> Self {
        let mut repair = Self::default();
        let mut lost: BTreeMap<&Path, Vec<&ServerSocket>> = BTreeMap::new();
        for socket in sockets.iter().filter(|socket| !socket.is_reachable()) {
            lost.entry(&socket.path).or_default().push(socket);
        }
        for (path, mut sockets) in lost {
            sockets.sort_by_key(|socket| started(socket.server.pid));
            let holder = sockets.iter().find_map(|socket| socket.holder);
            let holder = holder.or_else(|| {
                // The newest had the path last.
                let newest = sockets.pop()?.server.pid;
                repair.signalled.push(newest);
                repair
                    .missing_dirs
                    .extend(path.parent().filter(|dir| !dir.exists()).map(Into::into));
                Some(newest)
            });
            let Some(holder) = holder else { continue };
            if !sockets.is_empty() {
                repair.awaited.insert(path.to_owned());
            }
            repair.renamings.extend(sockets.iter().map(|socket| Renaming {
                path: path.to_owned(),
                kept: with_suffix(path, holder),
                name: with_suffix(path, socket.server.pid),
                pid: socket.server.pid,
            }));
        }
        repair
    }
}

/// Returns `PATH.PID`.
fn with_suffix(path: &Path, pid: u32) -> PathBuf {
    let mut name = OsString::from(path);
    name.push(format!(".{pid}"));
    name.into()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn socket(pid: u32, reachability: Reachability, holder: Option<u32>) -> ServerSocket {
        let path = PathBuf::from("/no/such/default");
        let server = TmuxServer { path: path.clone(), pid };
        ServerSocket { server, reachability, path, holder }
    }

    fn plan(sockets: &[ServerSocket]) -> Repair {
        Repair::plan(sockets, u64::from)
    }

    fn renaming(pid: u32, holder: u32) -> Renaming {
        let path = |suffix| PathBuf::from(format!("/no/such/default{suffix}"));
        let named = |pid| path(format!(".{pid}"));
        Renaming { path: path(String::new()), kept: named(holder), name: named(pid), pid }
    }

    #[test]
    fn a_server_that_is_reached_is_left_alone() {
        assert_eq!(plan(&[socket(1, Reachability::Reachable, None)]), Repair::default());
    }

    #[test]
    fn a_server_that_alone_lost_its_socket_only_gets_a_signal() {
        let repair = plan(&[socket(7, Reachability::SocketGone, None)]);
        assert_eq!(repair.signalled, [7]);
        assert_eq!(repair.missing_dirs, BTreeSet::from(["/no/such".into()]));
        assert!(repair.renamings.is_empty() && repair.awaited.is_empty());
    }

    #[test]
    fn of_servers_that_lost_one_path_the_newest_gets_it_and_the_others_names_of_their_own() {
        let gone = |pid| socket(pid, Reachability::SocketGone, None);
        let repair = plan(&[gone(8), gone(7), gone(9)]);
        assert_eq!(repair.signalled, [9]);
        assert_eq!(repair.renamings, [renaming(7, 9), renaming(8, 9)]);
        assert_eq!(repair.awaited.len(), 1);
    }

    #[test]
    fn a_server_whose_path_is_taken_leaves_it_to_the_one_that_has_it() {
        let taken = |pid| socket(pid, Reachability::SocketTaken, Some(5));
        let repair = plan(&[socket(5, Reachability::Reachable, None), taken(3), taken(4)]);
        assert!(repair.signalled.is_empty());
        assert_eq!(repair.renamings, [renaming(3, 5), renaming(4, 5)]);
    }
}
