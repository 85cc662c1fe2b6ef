use std::io;
use std::path::Path;

use super::RunId;
use crate::host::{ProcessTable, TmuxServer, tmux_servers};

/// Returns the running tmux servers of the user `uid` that no probe has started, sorted by socket path.
///
/// # Errors
/// If /proc cannot be read.
pub fn user_tmux_servers(uid: u32) -> io::Result<Vec<TmuxServer>> {
    user_tmux_servers_in(&ProcessTable::read(), uid)
}

/// Does what [`user_tmux_servers`] does, with the processes of a table.
///
/// # Errors
/// If /proc cannot be read.
pub fn user_tmux_servers_in(table: &ProcessTable, uid: u32) -> io::Result<Vec<TmuxServer>> {
    let mut servers = tmux_servers(table, uid)?;
    servers.retain(|server| !is_in_run_dir(&server.path));
    Ok(servers)
}

/// Reports whether a path is in the directory of a run.
fn is_in_run_dir(path: &Path) -> bool {
    path.components()
        .any(|part| part.as_os_str().to_str().is_some_and(|name| RunId::parse(name).is_some()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_socket_in_a_run_directory_belongs_to_a_probe() {
        let run = RunId::current().unwrap().to_string();
        assert!(is_in_run_dir(&Path::new("/tmp").join(run).join("tmux-bus-env/bare")));
        assert!(!is_in_run_dir(Path::new("/tmp/launch_doctor/tmux-1000/default")));
    }
}
