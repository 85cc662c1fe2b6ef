//! tmux servers that cannot be reached through their sockets, and sockets without a server.

use std::collections::BTreeSet;
use std::fs;
use std::os::unix::fs::{FileTypeExt, MetadataExt};
use std::os::unix::net::UnixStream;
use std::path::{Path, PathBuf};

use nix::sys::socket::{getsockopt, sockopt::PeerCredentials};

use crate::host::{SocketState, TmuxSocket, User, tmux_sockets};
use crate::sandbox::Sandbox;
use crate::{Measurement, Unable};

/// Whether a server can be reached, from the best to the worst.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Reach {
    /// Through its socket.
    Served,
    /// Its socket is gone.
    Gone,
    /// Another server has the path of its socket.
    Taken,
}

pub fn measure(sandbox: &Sandbox) -> Result<Measurement, Unable> {
    let user = User::current();
    let servers = tmux_sockets(user.uid)?;
    let reaches: Vec<(&TmuxSocket, Reach)> =
        servers.iter().map(|server| (server, reach(server, &servers))).collect();
    let stale = stale_sockets(&user);

    let mut measurement = Measurement::default();
    let worst = reaches.iter().map(|(_, reach)| *reach).max();
    let servers_word = match worst {
        None => "none",
        Some(Reach::Served) => "reachable",
        Some(Reach::Gone) => "socket-gone",
        Some(Reach::Taken) => "socket-taken",
    };
    let sockets_word = if stale.is_empty() { "served" } else { "unserved" };
    let paths: BTreeSet<&Path> = servers
        .iter()
        .map(|server| server.path.as_path())
        .chain(stale.iter().map(PathBuf::as_path))
        .collect();
    if paths.is_empty() {
        measurement.fact("servers", servers_word);
        measurement.fact("sockets", sockets_word);
    } else {
        let listed = sandbox.command("ls").args(["-l", "--"]).args(&paths).run()?;
        measurement.fact_from("servers", servers_word, &listed);
        measurement.fact_from("sockets", sockets_word, &listed);
    }
    tell_troubled(&reaches, &mut measurement);
    measurement.summary = format!(
        "{} tmux servers run, {} of them reachable through their sockets; {} sockets have no server",
        servers.len(),
        reaches.iter().filter(|(_, reach)| *reach == Reach::Served).count(),
        stale.len()
    );
    Ok(measurement)
}

/// Who answers at the path of a server's socket.
fn reach(server: &TmuxSocket, servers: &[TmuxSocket]) -> Reach {
    match listener_at(&server.path) {
        None => Reach::Gone,
        Some(pid) if pid == server.pid => Reach::Served,
        // A socket that was moved is known to the kernel under its old path.
        Some(_) if is_beside(server) => Reach::Served,
        Some(pid) if servers.iter().any(|other| other.pid == pid) => Reach::Taken,
        // A service manager has begun to listen there in the server's place.
        Some(_) => Reach::Served,
    }
}

/// The process that has begun to listen at a path (SO_PEERCRED, unix(7)).
fn listener_at(path: &Path) -> Option<u32> {
    let stream = UnixStream::connect(path).ok()?;
    Some(getsockopt(&stream, PeerCredentials).ok()?.pid().cast_unsigned())
}

/// Whether a server listens at another name in the directory of its socket.
fn is_beside(server: &TmuxSocket) -> bool {
    let Some(Ok(entries)) = server.path.parent().map(fs::read_dir) else { return false };
    let sockets = entries
        .flatten()
        .filter(|entry| entry.file_type().is_ok_and(|file_type| file_type.is_socket()));
    sockets.map(|entry| entry.path()).any(|path| listener_at(&path) == Some(server.pid))
}

/// The sockets on which nobody listens, where tmux puts them (tmux(1), `-L` and TMUX_TMPDIR).
fn stale_sockets(user: &User) -> Vec<PathBuf> {
    let named = std::env::var_os("TMUX_TMPDIR").filter(|dir| !dir.is_empty()).map(PathBuf::from);
    let places: BTreeSet<PathBuf> = named.into_iter().chain([PathBuf::from("/tmp")]).collect();
    let entries = places
        .into_iter()
        .filter_map(|place| fs::read_dir(place.join(format!("tmux-{}", user.uid))).ok());
    let is_own_socket = |path: &PathBuf| {
        fs::symlink_metadata(path)
            .is_ok_and(|found| found.file_type().is_socket() && found.uid() == user.uid)
    };
    let mut stale: Vec<PathBuf> = entries
        .flat_map(|entries| entries.flatten().map(|entry| entry.path()))
        .filter(is_own_socket)
        .filter(|path| SocketState::of(path) == SocketState::Refused)
        .collect();
    stale.sort();
    stale
}

/// Makes known which servers cannot be reached.
fn tell_troubled(reaches: &[(&TmuxSocket, Reach)], measurement: &mut Measurement) {
    let with = |wanted: Reach| {
        reaches.iter().filter(move |(_, reach)| *reach == wanted).map(|(server, _)| *server)
    };
    let shown = |server: &TmuxSocket, what: &str| {
        format!("{} (process {}): {what}", server.path.display(), server.pid)
    };
    let gone = with(Reach::Gone).map(|server| shown(server, "the socket is gone"));
    let taken = with(Reach::Taken).map(|server| shown(server, "another server has the socket"));
    measurement.detail("troubled", gone.chain(taken).collect::<Vec<_>>().join("; "));
    let dirs: BTreeSet<String> = with(Reach::Gone)
        .filter_map(|server| Some(server.path.parent()?.display().to_string()))
        .collect();
    measurement.list("gone-dir", dirs);
    let paths: BTreeSet<String> =
        with(Reach::Taken).map(|server| server.path.display().to_string()).collect();
    measurement.list("taken", paths);
    let pids = with(Reach::Gone).chain(with(Reach::Taken)).map(|server| server.pid.to_string());
    measurement.list("pid", pids);
}
