use std::collections::BTreeSet;
use std::time::{Duration, Instant};
use std::{fs, thread};

use super::server_unit::ServerUnit;
use super::spawn_scope::SpawnScopes;
use crate::exec::Output;
use crate::host::{Cgroup, UnitProperties};
use crate::sandbox::ProbeContext;

/// How long a server may take to list its panes. One that hangs is the finding of tmux-socket.
const LIST_TIMEOUT: Duration = Duration::from_secs(2);
/// How long a pane may take to start its command, and how often it is looked at until then.
const START_TIMEOUT: Duration = Duration::from_secs(2);
const START_INTERVAL: Duration = Duration::from_millis(5);

/// What the sessions of a tmux server share with the unit that it is in.
pub(crate) struct ServerShare {
    /// The names of its sessions.
    pub(crate) sessions: BTreeSet<String>,
    /// The session whose launch made the unit, if the server has others as well.
    pub(crate) founder: Option<String>,
    /// Whether systemd ends the unit, with panes in it, when the kernel kills one of its processes to
    /// free memory (`OOMPolicy`=, systemd.service(5)).
    pub(crate) ends_on_oom: bool,
    /// The commands that showed it.
    pub(crate) evidence: Vec<Output>,
}

impl ServerShare {
    /// Examines a server in a unit of the user manager; `None` for one elsewhere, or that does not answer.
    pub(crate) fn find(context: &ProbeContext, server: &ServerUnit) -> Option<Self> {
        let cgroup = Cgroup::of_pid(server.server.pid).ok()?;
        if !cgroup.is_below_user_manager() || server.unit.is_empty() {
            return None;
        }
        let list = context.command("tmux").arg("-S").arg(&server.server.path);
        let list = list.args(["list-panes", "-a", "-F", "#{pane_pid} #{session_name}"]);
        let panes = list.timeout(LIST_TIMEOUT).run().ok()?;
        let shown = context.command("systemctl").arg("--user");
        let units = [server.unit.clone()];
        let (unit, run) =
            UnitProperties::read(shown, &units, &["Id", "Description", "OOMPolicy"]).ok()?;
        let listed = panes.stdout_text();
        let panes_of: Vec<(&str, &str)> =
            listed.lines().filter_map(|line| line.split_once(' ')).collect();
        let sessions: BTreeSet<String> =
            panes_of.iter().map(|(_, session)| (*session).to_owned()).collect();
        // Since tmux 3.5 panes have scopes of their own, and a kill in one does not reach the server.
        let has_panes = panes_of
            .iter()
            .filter_map(|(pid, _)| pid.parse().ok())
            .any(|pid| is_pane_in(context, pid, &cgroup));
        let ends_on_oom = has_panes && matches!(unit[0].get("OOMPolicy"), "stop" | "kill");
        let founder = founder(&server.unit, unit[0].get("Description"), &sessions);
        Some(Self { sessions, founder, ends_on_oom, evidence: vec![panes, run] })
    }
}

/// Returns whether a pane stays in the cgroup of its server. One that was opened a moment ago is still there: since tmux
/// 3.6 its process, a fork of the server, is moved before it executes the command; before, at any time after that.
fn is_pane_in(context: &ProbeContext, pid: u32, server: &Cgroup) -> bool {
    let is_there = || Cgroup::of_pid(pid).is_ok_and(|found| found == *server);
    let is_fork = || {
        fs::read_to_string(format!("/proc/{pid}/comm")).is_ok_and(|name| name == "tmux: server\n")
    };
    let until = Instant::now() + START_TIMEOUT;
    while is_there() && is_fork() && Instant::now() < until {
        thread::sleep(START_INTERVAL);
    }
    is_there()
        && SpawnScopes::list(context)
            .and_then(|mut scopes| scopes.wait_until_moved(context, pid))
            .is_ok_and(|found| found == *server)
}

/// Returns the session whose launch made a unit, if there are others. systemd-run describes a unit by its
/// command. A service that is not called after the session is taken for one that was made for the server.
fn founder(unit: &str, description: &str, sessions: &BTreeSet<String>) -> Option<String> {
    if sessions.len() < 2 {
        return None;
    }
    let words: Vec<&str> = description.split_ascii_whitespace().collect();
    let named = words.windows(2).filter(|pair| pair[0] == "-s").map(|pair| pair[1]);
    let attached = words.iter().filter_map(|word| word.strip_prefix("-s"));
    let name = named.chain(attached).find(|name| sessions.contains(*name))?;
    let is_for_session = unit.ends_with(".scope") || plain(unit).contains(&plain(name));
    is_for_session.then(|| name.to_owned())
}

/// Returns a name without the characters that launchers replace in the name of a unit.
fn plain(name: &str) -> String {
    name.chars().filter(char::is_ascii_alphanumeric).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_unit_that_was_made_for_one_session_of_several_is_found() {
        let found = |unit: &str, description: &str, sessions: &[&str]| {
            founder(unit, description, &sessions.iter().map(ToString::to_string).collect())
        };
        let command = "[systemd-run] /usr/bin/tmux -u new-session -d -s deck_s1 -c /srv claude";
        let both = ["deck_s1", "deck_s2"];
        assert_eq!(found("deck-tmux-deck-s1.scope", command, &both).as_deref(), Some("deck_s1"));
        assert_eq!(found("run-r1.scope", command, &both).as_deref(), Some("deck_s1"));
        assert_eq!(found("deck-s1.service", command, &both).as_deref(), Some("deck_s1"));
        assert_eq!(found("deck-s1.scope", command, &["deck_s1"]), None, "it is alone");
        assert_eq!(found("tmux.service", command, &both), None, "a unit of the server");
        assert_eq!(found("tmux.scope", "/usr/bin/tmux new-session -d", &both), None);
        assert_eq!(found("a.scope", "tmux new -sdeck_s1", &both).as_deref(), Some("deck_s1"));
    }
}
