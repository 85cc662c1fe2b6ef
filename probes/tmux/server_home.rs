use std::fs;

use crate::Unable;
use crate::host::{Cgroup, TmuxSocket, start_time};
use crate::sandbox::{Completed, Manager, Sandbox};

/// A running tmux server, and the unit in which it lives.
pub struct ServerHome {
    /// The server.
    pub socket: TmuxSocket,
    /// The unit; empty where systemd has none for it.
    pub unit: String,
    /// What the unit is to the server.
    pub kind: Kind,
    /// The commands that told.
    pub evidence: Vec<Completed>,
}

/// What a unit is to a server, from the best to the worst.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Kind {
    /// It is there for the server.
    Own,
    /// It is somebody's login session.
    Session,
    /// It is another program's service, which leaves alone what is not its main process.
    Spared,
    /// It is the scope of a program that was there before the server.
    Shared,
    /// It is another program's service, which ends everything in it.
    Service,
}

impl ServerHome {
    /// Finds the unit in which a server lives; `None` if the server has ended.
    ///
    /// # Errors
    /// When a command cannot be run.
    pub fn find(sandbox: &Sandbox, socket: TmuxSocket) -> Result<Option<Self>, Unable> {
        let shown = sandbox.command("cat").arg(format!("/proc/{}/cgroup", socket.pid)).run()?;
        let Some(cgroup) = Cgroup::parse(&shown.text()) else { return Ok(None) };
        let unit = unit_of(&cgroup).unwrap_or_default().to_owned();
        let mut evidence = vec![shown];
        let kind = if unit.ends_with(".service") {
            let service = Service::ask(sandbox, &cgroup, &unit)?;
            let kind = service.kind(&socket, &cgroup);
            evidence.push(service.shown);
            kind
        } else if !cgroup.is_below_user_manager() && unit.starts_with("session-") {
            Kind::Session
        } else if unit.ends_with(".scope") && was_another_first(&socket, &cgroup) {
            Kind::Shared
        } else {
            Kind::Own
        };
        Ok(Some(Self { socket, unit, kind, evidence }))
    }
}

/// A service, as its manager shows it.
struct Service {
    main_pid: Option<u32>,
    kills_all: bool,
    shown: Completed,
}

impl Service {
    fn ask(sandbox: &Sandbox, cgroup: &Cgroup, unit: &str) -> Result<Self, Unable> {
        let manager = if cgroup.is_below_user_manager() { Manager::User } else { Manager::System };
        let show = sandbox.command("systemctl").args([manager.option(), "show"]);
        let shown = show.args(["--property=MainPID", "--property=KillMode", "--", unit]).run()?;
        let text = shown.text();
        let value = |name: &str| {
            text.lines().find_map(|line| line.split_once('=').filter(|(key, _)| *key == name))
        };
        let main_pid =
            value("MainPID").and_then(|(_, pid)| pid.parse().ok()).filter(|pid| *pid != 0);
        // A manager that does not answer shows nothing; what is in a service ends with it then.
        let kills_all = !matches!(value("KillMode"), Some((_, "process" | "none")));
        Ok(Self { main_pid, kills_all, shown })
    }

    fn kind(&self, socket: &TmuxSocket, cgroup: &Cgroup) -> Kind {
        let is_servers = match self.main_pid {
            Some(pid) => pid == socket.pid,
            // A service that has started the server and needs no process of its own.
            None => !was_another_first(socket, cgroup),
        };
        match (is_servers, self.kills_all) {
            (true, _) => Kind::Own,
            (false, true) => Kind::Service,
            (false, false) => Kind::Spared,
        }
    }
}

/// The innermost service or scope that a path names.
fn unit_of(cgroup: &Cgroup) -> Option<&str> {
    let units =
        cgroup.units().filter(|unit| unit.ends_with(".service") || unit.ends_with(".scope"));
    units.last()
}

/// Whether a process that is older than the server lives in the same cgroup: then the cgroup was
/// not made for the server. The tmux command that started it may be there still.
fn was_another_first(socket: &TmuxSocket, cgroup: &Cgroup) -> bool {
    let started = |pid| start_time(pid).ok().flatten();
    let Some(server) = started(socket.pid) else { return false };
    let Ok(processes) = fs::read_dir("/proc") else { return false };
    processes
        .flatten()
        .filter_map(|entry| entry.file_name().to_str()?.parse().ok())
        .filter(|pid| *pid != socket.pid && started(*pid).is_some_and(|start| start < server))
        .filter(|pid| Cgroup::of(*pid).is_ok_and(|found| found == *cgroup))
        .any(|pid| {
            let name = fs::read_to_string(format!("/proc/{pid}/comm")).unwrap_or_default();
            !name.starts_with("tmux: client")
        })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_innermost_unit_is_the_home() {
        let unit = |path: &str| {
            let cgroup = Cgroup::parse(&format!("0::{path}")).unwrap();
            unit_of(&cgroup).map(str::to_owned)
        };
        let manager = "/user.slice/user-1.slice/user@1.service";
        let home = unit(&format!("{manager}/a.slice/gc.service/part"));
        assert_eq!(home.as_deref(), Some("gc.service"));
        let home = unit("/user.slice/user-1.slice/session-1.scope");
        assert_eq!(home.as_deref(), Some("session-1.scope"));
        assert_eq!(unit("/"), None);
    }
}
