//! Measures which tmux servers cannot be reached through their sockets, and which sockets have no
//! server.

use std::collections::BTreeSet;
use std::fs;
use std::os::unix::fs::{FileTypeExt, MetadataExt};
use std::path::{Path, PathBuf};

use super::support::bounded_list::{bounded_list, count};
use super::support::server_socket::{Reachability, ServerSocket, record_repair};
use crate::fact_values;
use crate::host::{SocketState, User};
use crate::sandbox::ProbeContext;
use crate::sandbox::user_tmux_servers;
use crate::sandbox::{Fact, FactDecl, Measurement, NotMeasured};

const SERVERS: Fact<Reachability> = Fact::new("servers");
const SOCKETS: Fact<Sockets> = Fact::new("sockets");
pub(crate) const FACTS: &[FactDecl] = &[SERVERS.decl(), SOCKETS.decl()];

/// How many sockets the evidence lists.
const LISTED: usize = 10;

fact_values! {
    /// Whether each socket in tmux's directory has a server.
    pub(crate) enum Sockets {
        Served = "served",
        Unserved = "unserved",
    }
}

pub(crate) fn measure(context: &ProbeContext) -> Result<Measurement, NotMeasured> {
    let user = User::current();
    let servers = ServerSocket::inspect_all(user_tmux_servers(user.uid)?);
    let stale = stale_sockets(&user);

    let mut measurement = Measurement::default();
    let worst = servers.iter().map(|server| server.reachability).max();
    let worst = worst.unwrap_or(Reachability::NoServer);
    let sockets = if stale.is_empty() { Sockets::Served } else { Sockets::Unserved };
    // Those with a problem come first.
    let (reachable, lost): (Vec<_>, Vec<_>) = servers.iter().partition(|s| s.is_reachable());
    let paths: BTreeSet<&Path> = lost
        .iter()
        .map(|server| server.path.as_path())
        .chain(stale.iter().map(PathBuf::as_path))
        .chain(reachable.iter().map(|server| server.path.as_path()))
        .take(LISTED)
        .collect();
    if paths.is_empty() {
        measurement.set(SERVERS, worst);
        measurement.set(SOCKETS, sockets);
    } else {
        let listed = context.command("ls").args(["-l", "--"]).args(&paths).run()?;
        measurement.set_from(SERVERS, worst, &listed);
        measurement.set_from(SOCKETS, sockets, &listed);
    }
    record_repair(&servers, &mut measurement);
    let problems: Vec<String> = lost.iter().filter_map(|server| server.problem()).collect();
    measurement.detail("troubled", bounded_list(&problems));
    measurement.detail("reachable-count", reachable.len().to_string());
    measurement.detail("server-count", count(servers.len(), "tmux server"));
    measurement.detail("stale-count", count(stale.len(), "socket"));
    Ok(measurement)
}

/// Returns the sockets without a listener in tmux's directories (tmux(1), `-L` and `TMUX_TMPDIR`).
fn stale_sockets(user: &User) -> Vec<PathBuf> {
    let named = std::env::var_os("TMUX_TMPDIR").filter(|dir| !dir.is_empty()).map(PathBuf::from);
    let candidate_dirs: BTreeSet<PathBuf> =
        named.into_iter().chain([PathBuf::from("/tmp")]).collect();
    let entries = candidate_dirs
        .into_iter()
        .filter_map(|dir| fs::read_dir(dir.join(format!("tmux-{}", user.uid))).ok());
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
