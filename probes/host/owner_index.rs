use crate::exec::CommandError;
use std::cell::OnceCell;
use std::collections::{HashMap, HashSet};
use std::fs;
use std::path::Path;

use super::scope_launcher::launcher;
use super::tmux_panes::PendingPanes;
use super::unit_name::unescape;
use super::{
    Access, Owner, OwnerEvidence, OwnerKind, ProcessTable, SocketState, TmuxIdentity, TmuxPane,
    TmuxServer,
};

/// Maps processes and units to the tmux panes that they belong to.
#[derive(Debug, Clone, Default)]
pub struct OwnerIndex {
    panes: Vec<TmuxPane>,
    by_pid: HashMap<u32, usize>,
    /// Made when it is needed: each terminal has to be looked at.
    by_tty: OnceCell<HashMap<u32, usize>>,
    by_identity: HashMap<TmuxIdentity, usize>,
    servers: HashSet<u32>,
    unreadable: Vec<String>,
}

/// Queries for the panes of servers whose answers have not been read.
pub struct PendingOwners(Vec<(TmuxServer, Result<PendingPanes, CommandError>)>);

impl PendingOwners {
    /// Asks more servers, those that have been asked already left out. Does not wait for the answers.
    pub fn add(&mut self, access: Access, servers: Vec<TmuxServer>) {
        for server in servers {
            if let Some((asked, _)) = self.0.iter_mut().find(|(it, _)| it.path == server.path) {
                asked.pid = server.pid;
            } else {
                let panes = server.query_panes(access.deadline);
                self.0.push((server, panes));
            }
        }
    }

    /// Waits up to two seconds for the answers. A server that does not answer is one of [`OwnerIndex::unreadable`].
    pub fn wait(self) -> OwnerIndex {
        let mut panes = Vec::new();
        let mut unreadable = Vec::new();
        let servers: Vec<u32> =
            self.0.iter().map(|(server, _)| server.pid).filter(|pid| *pid != 0).collect();
        for (server, query) in self.0 {
            match query.map_err(Into::into).and_then(PendingPanes::wait) {
                Ok(found) => panes.extend(found),
                Err(error) => unreadable.push(format!(
                    "the tmux server at {} did not list its panes: {error}",
                    server.path.display()
                )),
            }
        }
        let mut index = OwnerIndex::new(panes);
        index.servers.extend(servers);
        index.unreadable = unreadable;
        index
    }
}

impl OwnerIndex {
    /// Asks the servers in the user's own directory of sockets, before any process has been read: tmux takes longer to
    /// start than anything else here. `directory` is the value of `TMUX_TMPDIR` (tmux(1), "ENVIRONMENT").
    pub fn query_default_servers(
        access: Access,
        uid: u32,
        directory: Option<&Path>,
    ) -> PendingOwners {
        let directory = directory.unwrap_or(Path::new("/tmp")).join(format!("tmux-{uid}"));
        let sockets = fs::read_dir(directory).into_iter().flatten().flatten();
        let live = sockets
            .map(|entry| entry.path())
            .filter(|path| SocketState::of(path) == SocketState::Live);
        Self::query(access, live.map(|path| TmuxServer { path, pid: 0 }).collect())
    }

    /// Asks these servers.
    pub fn query(access: Access, servers: Vec<TmuxServer>) -> PendingOwners {
        let mut pending = PendingOwners(Vec::new());
        pending.add(access, servers);
        pending
    }

    /// Creates an index of these panes.
    pub fn new(mut panes: Vec<TmuxPane>) -> Self {
        panes.sort();
        let mut seen = HashSet::new();
        panes.retain(|pane| seen.insert((pane.server_pid, pane.id.clone())));
        let mut index = Self::default();
        for (at, pane) in panes.iter().enumerate() {
            index.servers.insert(pane.server_pid);
            if pane.is_dead {
                continue;
            }
            let identity = TmuxIdentity { server_pid: pane.server_pid, pane: pane.id.clone() };
            index.by_identity.insert(identity, at);
            index.by_pid.insert(pane.pid, at);
        }
        Self { panes, ..index }
    }

    /// Returns all panes, sorted by session, window and index.
    pub fn panes(&self) -> &[TmuxPane] {
        &self.panes
    }

    /// Returns why panes of a server are not known, a sentence for each.
    pub fn unreadable(&self) -> &[String] {
        &self.unreadable
    }

    /// Returns the owner of a process, by the process itself and by those that started it; `unit` is the one that it is
    /// in. `None` if it belongs to no pane, no server and no service.
    pub fn of_process(&self, pid: u32, unit: Option<&str>, table: &ProcessTable) -> Option<Owner> {
        if self.servers.contains(&pid) {
            return Some(Owner::without_pane(OwnerKind::TmuxServer, OwnerEvidence::ServerPid));
        }
        if let Some((pane, by)) = self.pane_of(&[pid], table) {
            return Some(Owner::of_pane(pane, by));
        }
        let unit = unit.filter(|unit| unit.ends_with(".service"))?;
        let owner = Owner::without_pane(OwnerKind::Manager, OwnerEvidence::LauncherUnit);
        Some(Owner { unit: Some(unit.to_owned()), ..owner })
    }

    /// Returns the owner of a unit with these processes. `description` reads the unit's description, if nothing else
    /// shows the owner. `None` if a scope belongs to no pane and its launcher has ended.
    pub fn of_unit(
        &self,
        unit: &str,
        members: &[u32],
        table: &ProcessTable,
        description: impl FnOnce() -> Option<String>,
    ) -> Option<Owner> {
        if let Some((pane, by)) = self.pane_of(members, table) {
            return Some(Owner::of_pane(pane, by));
        }
        if members.iter().any(|pid| self.servers.contains(pid)) {
            return Some(Owner::without_pane(OwnerKind::TmuxServer, OwnerEvidence::ServerPid));
        }
        // Of a pane that was closed, or that runs another command now.
        let is_left_over = members.iter().any(|pid| self.was_in_pane(*pid));
        let named = || {
            let has_panes = !self.panes.is_empty();
            let described = || self.of_description(&has_panes.then(description)??, members, table);
            self.of_unit_name(unit, members, table).or_else(described)
        };
        let named = if is_left_over { None } else { named() };
        named.or_else(|| {
            if unit.ends_with(".scope") {
                // A server starts the commands of its panes, which stay its children when a pane is closed.
                let is_server = |pid| is_left_over && self.servers.contains(&pid);
                return launcher(members, table, is_server);
            }
            Some(Owner::without_pane(OwnerKind::Manager, OwnerEvidence::LauncherUnit))
        })
    }

    /// Returns whether a process was started in a pane of one of the servers.
    fn was_in_pane(&self, pid: u32) -> bool {
        !self.servers.is_empty()
            && TmuxIdentity::of_pid(pid).is_some_and(|it| self.servers.contains(&it.server_pid))
    }

    /// Returns the pane of which a process is the own one, if it is.
    pub fn pane_of_pid(&self, pid: u32) -> Option<&TmuxPane> {
        self.by_pid.get(&pid).map(|at| &self.panes[*at])
    }

    /// Returns the pane to which processes of one unit belong, and what shows it: the strongest evidence of any. The
    /// panes of a server that is in the unit itself belong to the unit, and not the unit to them.
    pub fn pane_of(
        &self,
        members: &[u32],
        table: &ProcessTable,
    ) -> Option<(&TmuxPane, OwnerEvidence)> {
        if self.panes.is_empty() {
            return None;
        }
        let servers: Vec<u32> =
            members.iter().copied().filter(|pid| self.servers.contains(pid)).collect();
        let first = |found: &mut dyn Iterator<Item = usize>| {
            let pane = found.filter(|at| !servers.contains(&self.panes[*at].server_pid)).min()?;
            Some(&self.panes[pane])
        };
        let own = first(&mut members.iter().filter_map(|pid| self.by_pid.get(pid).copied()));
        let launching = || {
            let found = |pid: &u32| {
                table.ancestors(*pid).find_map(|above| self.by_pid.get(&above).copied())
            };
            first(&mut members.iter().filter_map(found))
        };
        if let Some(pane) = own.or_else(launching) {
            return Some((pane, OwnerEvidence::PanePid));
        }
        let by_tty = |pid: &u32| {
            let stat = table.get(*pid)?;
            if stat.tty == 0 {
                return None;
            }
            let at = *self.by_tty.get_or_init(|| ttys(&self.panes)).get(&stat.tty)?;
            // The terminal of another instance of devpts, as in a container, can have the same number.
            let pane_start = table.get(self.panes[at].pid).map(|stat| stat.start_time);
            pane_start.is_none_or(|start| stat.start_time >= start).then_some(at)
        };
        if let Some(pane) = first(&mut members.iter().filter_map(by_tty)) {
            return Some((pane, OwnerEvidence::Tty));
        }
        let by_identity = |pid: &u32| {
            let at = *self.by_identity.get(&TmuxIdentity::of_pid(*pid)?)?;
            // respawn-pane keeps the id of a pane.
            is_older(&self.panes[at], &[*pid], table).then_some(at)
        };
        let pane = first(&mut members.iter().filter_map(by_identity))?;
        Some((pane, OwnerEvidence::TmuxPane))
    }

    /// Returns the owner that the name of a unit gives: a session of that name, or its only pane. A pane that was
    /// opened after the oldest of the `members` was started is another one of that name.
    pub fn of_unit_name(&self, unit: &str, members: &[u32], table: &ProcessTable) -> Option<Owner> {
        let (stem, _) = unit.rsplit_once('.')?;
        self.of_session(&unescape(stem), OwnerEvidence::UnitName, members, table)
    }

    /// Returns the owner that a unit's description gives: the session or the pane that it names. tmux writes the
    /// pane's process into the description of the scope that it requests (tmux, compat/systemd.c).
    pub fn of_description(
        &self,
        description: &str,
        members: &[u32],
        table: &ProcessTable,
    ) -> Option<Owner> {
        let by = OwnerEvidence::Description;
        if let Some(rest) = description.strip_prefix("tmux child pane ") {
            let pid = rest.split_ascii_whitespace().next()?.parse().ok()?;
            return self.pane_of_pid(pid).map(|pane| Owner::of_pane(pane, by));
        }
        let pane = self.panes.iter().find(|pane| {
            pane.target() == description && is_older(pane, members, table) && !pane.is_dead
        });
        let pane = pane.map(|pane| Owner::of_pane(pane, by));
        pane.or_else(|| self.of_session(description, by, members, table))
    }

    fn of_session(
        &self,
        name: &str,
        by: OwnerEvidence,
        members: &[u32],
        table: &ProcessTable,
    ) -> Option<Owner> {
        let mut panes = self
            .panes
            .iter()
            .filter(|pane| pane.session == name && !pane.is_dead && is_older(pane, members, table));
        let pane = panes.next()?;
        if panes.next().is_none() {
            return Some(Owner::of_pane(pane, by));
        }
        let owner = Owner::of_pane(pane, by);
        Some(Owner {
            kind: OwnerKind::Session,
            window: None,
            pane: None,
            pane_id: None,
            tty: None,
            ..owner
        })
    }
}

fn ttys(panes: &[TmuxPane]) -> HashMap<u32, usize> {
    let alive = panes.iter().enumerate().filter(|(_, pane)| !pane.is_dead);
    alive.filter_map(|(at, pane)| Some((pane.tty_number()?, at))).collect()
}

/// Returns whether a pane was opened before the oldest of some processes was started.
fn is_older(pane: &TmuxPane, members: &[u32], table: &ProcessTable) -> bool {
    let start = |pid: u32| table.get(pid).map(|stat| stat.start_time);
    let oldest = members.iter().filter_map(|pid| start(*pid)).min();
    !matches!((start(pane.pid), oldest), (Some(pane), Some(oldest)) if pane > oldest)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::host::ProcStat;

    fn pane(id: u32, session: &str, pid: u32) -> TmuxPane {
        TmuxPane {
            session: session.into(),
            window: 0,
            index: id,
            id: format!("%{id}"),
            pid,
            tty: format!("/no/pts/{id}").into(),
            is_dead: false,
            socket: "/tmp/s".into(),
            server_pid: 7,
        }
    }

    #[test]
    fn a_pane_owns_its_process_and_what_that_started() {
        let index = OwnerIndex::new(vec![pane(0, "a", 100), pane(1, "b", 200)]);
        let table = ProcessTable::of_parents(&[(7, 1), (100, 7), (101, 100), (200, 7), (300, 1)]);
        let target =
            |members: &[u32]| index.pane_of(members, &table).map(|(pane, by)| (pane.target(), by));
        assert_eq!(target(&[200, 300]), Some(("b:0.1".into(), OwnerEvidence::PanePid)));
        assert_eq!(target(&[101]), Some(("a:0.0".into(), OwnerEvidence::PanePid)));
        // Both are in the unit: the first by name.
        assert_eq!(target(&[200, 100]), Some(("a:0.0".into(), OwnerEvidence::PanePid)));
        assert_eq!(target(&[300]), None);
    }

    #[test]
    fn a_unit_with_the_name_of_a_session_is_its() {
        let panes = vec![pane(0, "a-b", 1), pane(1, "two", 2), pane(2, "two", 3)];
        let index = OwnerIndex::new(panes);
        let target = |unit: &str| {
            index
                .of_unit_name(unit, &[], &ProcessTable::of_parents(&[]))
                .and_then(|owner| owner.target())
        };
        assert_eq!(target(r"a\x2db.scope").as_deref(), Some("a-b:0.0"));
        assert_eq!(target("a-b.service").as_deref(), Some("a-b:0.0"));
        assert_eq!(target("two.scope").as_deref(), Some("two"));
        assert_eq!(target("run-a-b.scope"), None);
        assert_eq!(
            index.of_unit_name("two.scope", &[], &ProcessTable::of_parents(&[])).unwrap().kind,
            OwnerKind::Session
        );
    }

    #[test]
    fn a_session_that_is_younger_than_the_unit_of_its_name_is_another() {
        let index = OwnerIndex::new(vec![pane(0, "a", 100)]);
        let start = |start: u32| {
            let line = format!("1 (a) S 1 1 1 0 0 0 0 0 0 0 0 0 0 0 0 0 1 0 {start} 0 0");
            ProcStat::parse(line.as_bytes()).unwrap()
        };
        let of_unit = |pane: u32, member: u32| {
            let table = [(100, start(pane)), (200, start(member))].into_iter().collect();
            index.of_unit_name("a.scope", &[200], &table).is_some()
        };
        assert!(of_unit(5, 6) && of_unit(5, 5) && !of_unit(6, 5));
    }

    #[test]
    fn a_description_names_a_pane_or_its_process() {
        let index = OwnerIndex::new(vec![pane(0, "a", 100)]);
        let owner = |text: &str| {
            index
                .of_description(text, &[], &ProcessTable::of_parents(&[]))
                .and_then(|owner| owner.target())
        };
        assert_eq!(owner("tmux child pane 100 launched by process 7").as_deref(), Some("a:0.0"));
        assert_eq!(owner("a").as_deref(), Some("a:0.0"));
        assert_eq!(owner("a:0.0").as_deref(), Some("a:0.0"));
        for text in ["", "tmux child pane ", "tmux child pane 9", "a b", "a:0.1"] {
            assert_eq!(owner(text), None, "{text}");
        }
    }
}
