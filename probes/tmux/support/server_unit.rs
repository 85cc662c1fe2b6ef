use std::fs;

use crate::exec::Output;
use crate::host::Manager;
use crate::host::{Cgroup, TmuxServer, start_time};
use crate::sandbox::NotMeasured;
use crate::sandbox::ProbeContext;

/// A running tmux server, and the unit in whose cgroup it is.
pub(crate) struct ServerUnit {
    /// The server.
    pub(crate) server: TmuxServer,
    /// The unit; empty where systemd has none for it.
    pub(crate) unit: String,
    /// The relation of the unit to the server.
    pub(crate) relation: UnitRelation,
    /// The commands that showed it.
    pub(crate) evidence: Vec<Output>,
}

/// The relation of a unit to a server, from the best to the worst.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum UnitRelation {
    /// The unit was made for the server.
    Own,
    /// The unit is a login session.
    Session,
    /// The unit is the service of another program, which leaves all but its main process running.
    KeptByService,
    /// The unit is the scope of a program that is older than the server.
    SharedScope,
    /// The unit is the service of another program, which ends every process in it.
    EndedByService,
}

impl ServerUnit {
    /// Finds the unit of a server; `None` if the server has exited.
    ///
    /// # Errors
    /// When a command cannot be run.
    pub(crate) fn find(
        context: &ProbeContext,
        server: TmuxServer,
    ) -> Result<Option<Self>, NotMeasured> {
        let shown = context.command("cat").arg(format!("/proc/{}/cgroup", server.pid)).run()?;
        let Some(cgroup) = Cgroup::parse(&shown.stdout_text()) else { return Ok(None) };
        let unit = cgroup.unit().unwrap_or_default().to_owned();
        let mut evidence = vec![shown];
        let relation = if unit.ends_with(".service") {
            let service = Service::show(context, &cgroup, &unit)?;
            let relation = service.relation(&server, &cgroup);
            evidence.push(service.shown);
            relation
        } else if !cgroup.is_below_user_manager() && unit.starts_with("session-") {
            UnitRelation::Session
        } else if unit.ends_with(".scope") && has_older_process(&server, &cgroup) {
            UnitRelation::SharedScope
        } else {
            UnitRelation::Own
        };
        Ok(Some(Self { server, unit, relation, evidence }))
    }
}

/// A service, as its manager shows it.
struct Service {
    main_pid: Option<u32>,
    kills_all: bool,
    shown: Output,
}

impl Service {
    fn show(context: &ProbeContext, cgroup: &Cgroup, unit: &str) -> Result<Self, NotMeasured> {
        let manager = if cgroup.is_below_user_manager() { Manager::User } else { Manager::System };
        let show = context.command("systemctl").args([manager.option(), "show"]);
        let shown = show.args(["--property=MainPID", "--property=KillMode", "--", unit]).run()?;
        let text = shown.stdout_text();
        let value = |name: &str| {
            text.lines().find_map(|line| line.split_once('=').filter(|(key, _)| *key == name))
        };
        let main_pid =
            value("MainPID").and_then(|(_, pid)| pid.parse().ok()).filter(|pid| *pid != 0);
        // A manager that does not answer shows no KillMode: assume the default, control-group.
        let kills_all = !matches!(value("KillMode"), Some((_, "process" | "none")));
        Ok(Self { main_pid, kills_all, shown })
    }

    fn relation(&self, server: &TmuxServer, cgroup: &Cgroup) -> UnitRelation {
        let is_for_server = match self.main_pid {
            Some(pid) => pid == server.pid,
            // A service that started the server and has no main process of its own.
            None => !has_older_process(server, cgroup),
        };
        match (is_for_server, self.kills_all) {
            (true, _) => UnitRelation::Own,
            (false, true) => UnitRelation::EndedByService,
            (false, false) => UnitRelation::KeptByService,
        }
    }
}

/// Returns whether the server's cgroup has a process that is older than the server, so that the
/// cgroup was not made for it. The tmux client that started the server may still run and is ignored.
fn has_older_process(server: &TmuxServer, cgroup: &Cgroup) -> bool {
    let started = |pid| start_time(pid).ok().flatten();
    let Some(server_start) = started(server.pid) else { return false };
    let Ok(processes) = fs::read_dir("/proc") else { return false };
    processes
        .flatten()
        .filter_map(|entry| entry.file_name().to_str()?.parse().ok())
        .filter(|pid| *pid != server.pid && started(*pid).is_some_and(|start| start < server_start))
        .filter(|pid| Cgroup::of_pid(*pid).is_ok_and(|found| found == *cgroup))
        .any(|pid| {
            let name = fs::read_to_string(format!("/proc/{pid}/comm")).unwrap_or_default();
            !name.starts_with("tmux: client")
        })
}
