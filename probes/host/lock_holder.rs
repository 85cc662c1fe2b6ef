use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::time::SystemTime;

use nix::unistd::{Pid, getsid};

use super::kernel_file::read_kernel_text;
use super::{Cgroup, LockKind, LockLine, LockMode, ProcStat};

/// The programs that run scripts, by the beginning of their names.
const INTERPRETERS: [&str; 12] = [
    "ash", "bash", "busybox", "dash", "fish", "ksh", "mksh", "perl", "python", "ruby", "sh", "zsh",
];

/// A process that has a locked file open by the open file description that holds the lock.
#[derive(Debug, Clone)]
pub struct LockHolder {
    pub pid: u32,
    pub fd: u32,
    pub comm: String,
    pub kind: LockKind,
    pub mode: LockMode,
    /// The process that took the lock, if the kernel still knows it. `flock 9` of a script exits at once.
    pub taker: Option<u32>,
    /// When the process started. It has held the lock since then at the longest.
    pub started: SystemTime,
    /// Whether it inherited the lock from another holder, which may have exited.
    pub is_inherited: bool,
    /// Whether the taker's process or script has exited, and left the lock to this process or to its parents.
    pub is_orphan: bool,
    pub parent: u32,
    pub(crate) ancestry: Ancestry,
}

/// What shows whether a process was started by its parent, or got it when the one that started it had exited.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
#[expect(clippy::struct_excessive_bools, reason = "four answers of the kernel")]
pub(crate) struct Ancestry {
    /// Whether the parent adopts orphans: process 1, or a user manager.
    pub(crate) parent_adopts: bool,
    /// Whether it has the session of its parent.
    pub(crate) shares_session: bool,
    /// Whether it leads a session, as what systemd starts does, and what made itself a daemon.
    pub(crate) leads_session: bool,
    /// Whether its program runs scripts.
    pub(crate) is_interpreter: bool,
    /// Whether it is in the cgroup of a service.
    pub(crate) is_in_service: bool,
    /// Whether it is a tmux server, which outlives what started it.
    pub(crate) is_tmux_server: bool,
}

impl LockHolder {
    pub(super) fn read(
        pid: u32,
        fd: u32,
        comm: String,
        parent: u32,
        started: SystemTime,
        line: LockLine,
    ) -> Self {
        let ancestry = Ancestry::read(pid, &comm, parent);
        let LockLine { kind, mode, taker } = line;
        Self {
            pid,
            fd,
            comm,
            kind,
            mode,
            taker,
            started,
            is_inherited: false,
            is_orphan: false,
            parent,
            ancestry,
        }
    }

    /// Whether it opened the file itself, by all that /proc shows: it took the lock, or a child of it did, as in
    /// `exec 9>FILE; flock 9`.
    fn opened_it(&self) -> bool {
        self.taker == Some(self.pid)
            || self.ancestry.is_started_by_parent()
            || self.ancestry.parent_adopts
                && !self.ancestry.is_tmux_server
                && self.ancestry.leads_session
                && self.taker.is_some_and(|taker| self.pid < taker)
    }
}

impl Ancestry {
    fn read(pid: u32, comm: &str, parent: u32) -> Self {
        let session = |pid: u32| getsid(Some(Pid::from_raw(pid.cast_signed()))).ok();
        let own = session(pid);
        let parent_comm = ProcStat::of_pid(parent).ok().flatten().map(|stat| stat.comm);
        // The parent of what entered a namespace from outside is 0.
        let parent_adopts =
            parent_comm.as_deref() == Some("systemd") || is_first_of_namespace(parent);
        let shares_session = own.is_some() && own == session(parent);
        let leads_session = own == Some(Pid::from_raw(pid.cast_signed()));
        Self {
            // A session that is neither its own nor its parent's is that of what started it.
            parent_adopts: parent_adopts
                || parent > 0 && own.is_some() && !shares_session && !leads_session,
            shares_session,
            leads_session,
            is_interpreter: is_interpreter(&program(pid).unwrap_or_else(|| comm.to_owned())),
            is_in_service: Cgroup::of_pid(pid).is_ok_and(|cgroup| {
                cgroup.units().last().is_some_and(|it| it.ends_with(".service"))
            }),
            is_tmux_server: comm.starts_with("tmux"),
        }
    }

    /// Whether its parent started it. What process 1 or a user manager started leads a session of its own, and so does
    /// a daemon that they adopted: a script, or the process of a service, is taken for the former.
    fn is_started_by_parent(self) -> bool {
        if !self.parent_adopts {
            return true;
        }
        if self.is_tmux_server {
            return false;
        }
        let is_started = self.leads_session || self.shares_session;
        is_started && (self.is_interpreter || self.leads_session && self.is_in_service)
    }
}

/// Reports whether a process is process 1 of its process-id namespace, which adopts the orphans of that namespace.
fn is_first_of_namespace(pid: u32) -> bool {
    let status = read_kernel_text(format!("/proc/{pid}/status")).unwrap_or_default();
    pid == 1 || innermost_id(&status) == Some(1)
}

/// Returns the id of a process in its own namespace, by `NSpid:` of /proc/PID/status (`proc_pid_status(5)`).
pub(crate) fn innermost_id(status: &str) -> Option<u32> {
    let ids = status.lines().find_map(|line| line.strip_prefix("NSpid:"))?;
    ids.split_ascii_whitespace().last()?.parse().ok()
}

/// Returns the name of a process's program. That of a script's interpreter is not in its `comm`.
fn program(pid: u32) -> Option<String> {
    let exe = fs::read_link(format!("/proc/{pid}/exe")).ok()?;
    Some(exe.file_name()?.to_string_lossy().into_owned())
}

fn is_interpreter(program: &str) -> bool {
    let stem = program.trim_end_matches(|c: char| c.is_ascii_digit() || c == '.');
    INTERPRETERS.contains(&stem)
}

/// Marks which holders inherited the lock, and which of them are what its taker left.
///
/// Holders with one taker share an open file description, unless the kernel does not know the taker: then all that it
/// does not know are taken together.
pub(crate) fn mark_inherited(holders: &mut [LockHolder]) {
    let pids: BTreeSet<u32> = holders.iter().map(|holder| holder.pid).collect();
    let mut has_opener: BTreeMap<Option<u32>, bool> = BTreeMap::new();
    for holder in holders.iter_mut() {
        let is_taker = holder.taker == Some(holder.pid);
        let has_holding_parent = pids.contains(&holder.parent);
        holder.is_inherited = !is_taker && (has_holding_parent || !holder.opened_it());
        // The kernel gives up a lock of fcntl(2) with its process.
        let opens = !holder.is_inherited || holder.kind == LockKind::Posix;
        *has_opener.entry(holder.taker).or_default() |= opens;
    }
    for holder in holders {
        holder.is_orphan = !has_opener.get(&holder.taker).copied().unwrap_or_default();
    }
}

#[cfg(test)]
pub(crate) mod tests {
    use super::*;

    /// Returns a holder of this name, which its taker left or not.
    pub(crate) fn holder_named(comm: &str, is_orphan: bool) -> LockHolder {
        LockHolder { comm: comm.into(), is_orphan, ..holder(42, 1, None, SCRIPT) }
    }

    const SCRIPT: Ancestry = Ancestry {
        parent_adopts: false,
        shares_session: true,
        leads_session: false,
        is_interpreter: true,
        is_in_service: false,
        is_tmux_server: false,
    };

    fn holder(pid: u32, parent: u32, taker: Option<u32>, ancestry: Ancestry) -> LockHolder {
        LockHolder {
            pid,
            fd: 9,
            comm: "x".into(),
            kind: LockKind::Flock,
            mode: LockMode::Exclusive,
            taker,
            started: SystemTime::UNIX_EPOCH,
            is_inherited: false,
            is_orphan: false,
            parent,
            ancestry,
        }
    }

    /// Returns for each holder whether it inherited the lock and is an orphan.
    fn marked(mut holders: Vec<LockHolder>) -> Vec<(bool, bool)> {
        mark_inherited(&mut holders);
        holders.iter().map(|it| (it.is_inherited, it.is_orphan)).collect()
    }

    #[test]
    fn a_script_that_holds_the_lock_of_its_flock_is_no_orphan_and_neither_is_its_child() {
        for taker in [None, Some(11)] {
            let script = holder(10, 5, taker, SCRIPT);
            let child = holder(12, 10, taker, Ancestry { is_interpreter: false, ..SCRIPT });
            assert_eq!(marked(vec![script, child]), [(false, false), (true, false)]);
        }
    }

    #[test]
    fn what_an_exited_script_left_is_an_orphan() {
        let adopted = Ancestry { parent_adopts: true, shares_session: false, ..SCRIPT };
        for is_interpreter in [false, true] {
            let left = Ancestry { is_interpreter, ..adopted };
            assert_eq!(marked(vec![holder(12, 1, None, left)]), [(true, true)]);
            assert_eq!(marked(vec![holder(12, 1, Some(11), left)]), [(true, true)]);
        }
    }

    #[test]
    fn a_tmux_server_inherits_also_while_the_script_runs() {
        let server =
            Ancestry { parent_adopts: true, leads_session: true, is_tmux_server: true, ..SCRIPT };
        let alone = vec![holder(12, 1, None, server)];
        assert_eq!(marked(alone), [(true, true)]);
        let with_script = vec![holder(10, 5, None, SCRIPT), holder(12, 1, None, server)];
        assert_eq!(marked(with_script), [(false, false), (true, false)]);
    }

    #[test]
    fn a_script_or_service_that_systemd_started_is_no_orphan() {
        let started =
            Ancestry { parent_adopts: true, shares_session: false, leads_session: true, ..SCRIPT };
        let service = Ancestry { is_interpreter: false, is_in_service: true, ..started };
        let daemon = Ancestry { is_interpreter: false, ..started };
        assert_eq!(marked(vec![holder(10, 1, None, started)]), [(false, false)]);
        assert_eq!(marked(vec![holder(10, 1, None, service)]), [(false, false)]);
        assert_eq!(marked(vec![holder(10, 1, None, daemon)]), [(true, true)]);
        // A process that is older than the flock that took the lock did not inherit it afterwards.
        assert_eq!(marked(vec![holder(10, 1, Some(11), daemon)]), [(false, false)]);
    }

    #[test]
    fn one_reader_of_several_can_be_an_orphan() {
        let adopted = Ancestry { parent_adopts: true, shares_session: false, ..SCRIPT };
        let readers = vec![holder(10, 5, Some(10), SCRIPT), holder(20, 1, Some(19), adopted)];
        assert_eq!(marked(readers), [(false, false), (true, true)]);
    }

    #[test]
    fn the_innermost_id_is_the_last() {
        assert_eq!(innermost_id("Name:\ta\nNSpid:\t812\t1\nNSsid:\t0\n"), Some(1));
        assert_eq!(innermost_id("NSpid:\t812\n"), Some(812));
        assert_eq!(innermost_id("NSpid:\n"), None);
    }

    #[test]
    fn an_interpreter_is_known_by_its_program() {
        for program in ["sh", "bash", "python3.11", "perl5.36", "busybox"] {
            assert!(is_interpreter(program), "{program}");
        }
        for program in ["sleep", "ssh", "tmux", "git", "flock", ""] {
            assert!(!is_interpreter(program), "{program}");
        }
    }
}
