//! tmux servers that cannot be reached through their sockets.

use super::fact_check::FactCheck;
use crate::lab::{Machine, Release};

on_each_release!(servers_without_their_sockets_are_reached_after_the_fix: Debian11, Debian14);
on_each_release!(sixty_servers_are_a_count_and_the_odd_ones: Debian11, Debian14);

const ID: &str = "tmux-socket";
const SOCKET: FactCheck = FactCheck(ID);
const GONE: (&str, &str) = ("servers", "socket-gone");
const TAKEN: (&str, &str) = ("servers", "socket-taken");
const REACHABLE: [(&str, &str); 1] = [("servers", "reachable")];

/// Returns a line of shell that removes the socket `lost` and starts a server there with a session.
fn another(session: &str) -> String {
    format!(
        "rm -f /tmp/tmux-1000/lost; tmux -f /dev/null -L lost new-session -d -s {session} cat\n"
    )
}

/// Makes a state, applies the fix of the report, and returns the sessions by the name of the socket,
/// in which process ids are replaced by `PID`.
#[track_caller]
fn sessions_after_fix(machine: &Machine, state: &str, expected: (&str, &str)) -> Vec<String> {
    let report = SOCKET.expect(machine, state, &[expected], "warn");
    SOCKET.expect(machine, &report.fix(ID), &REACHABLE, "ok");
    let list = "for socket in /tmp/tmux-1000/*; do name=${socket##*/}; \
                for session in $(tmux -S \"$socket\" list-sessions -F '#S'); do \
                echo \"$name $session\"; done; done | sed 's/[.][0-9]*/.PID/' | sort";
    machine.script("agent", list).lines().map(str::to_owned).collect()
}

const KILL_ALL: &str = "pkill -u agent -f '^tmux -f /dev/null' || true; \
                        while pgrep -u agent -f '^tmux -f /dev/null'; do :; done; rm -rf /tmp/tmux-1000";

fn servers_without_their_sockets_are_reached_after_the_fix(release: Release) {
    let machine = Machine::boot(release);
    machine.script("root", "loginctl enable-linger agent");
    SOCKET.expect(&machine, "", &[("servers", "none"), ("sockets", "served")], "ok");
    SOCKET.expect(&machine, &another("a"), &REACHABLE, "ok");

    let one = sessions_after_fix(&machine, "rm -r /tmp/tmux-1000", GONE);
    assert_eq!(one, ["lost a"]);

    // The server that is reached now keeps its path.
    let two = sessions_after_fix(&machine, &another("b"), TAKEN);
    assert_eq!(two, ["lost b", "lost.PID a"]);
    let three = sessions_after_fix(&machine, &another("c"), TAKEN);
    assert_eq!(three, ["lost c", "lost.PID a", "lost.PID b"]);

    // A command in a pane of that server still reaches the server.
    machine.script("agent", "tmux -L lost run-shell 'tmux has-session -t =c'");

    machine.script("root", KILL_ALL);
    let state = [another("a"), another("b"), another("c")].concat();
    let two_lost = sessions_after_fix(&machine, &state, TAKEN);
    assert_eq!(two_lost, ["lost c", "lost.PID a", "lost.PID b"]);

    machine.script("root", KILL_ALL);
    let all_lost = sessions_after_fix(&machine, &(state + "rm /tmp/tmux-1000/lost"), GONE);
    assert_eq!(all_lost, ["lost c", "lost.PID a", "lost.PID b"]);

    // Both probes that find a broken server give the same commands for it.
    machine.script("root", KILL_ALL);
    let stopped = another("a") + "kill -STOP $(tmux -L lost display-message -p '#{pid}')\n";
    let script = format!("{stopped}{}exec \"$@\"", another("b"));
    let report = machine.check_in(&script, &[ID, "tmux-bus-env"]);
    report.assert_facts("tmux-bus-env", &[("servers", "unreachable")]);
    assert_eq!(report.fix(ID), report.fix("tmux-bus-env"));
    assert_eq!(sessions_after_fix(&machine, "", TAKEN), ["lost b", "lost.PID a"]);

    // A server that has exited leaves its socket, which is no finding.
    let end = "kill -KILL $(tmux -L lost display-message -p '#{pid}')";
    let unserved = [("servers", "reachable"), ("sockets", "unserved")];
    SOCKET.expect(&machine, end, &unserved, "ok");

    // Another user's server and a server with a socket elsewhere are no findings.
    machine.script("other", "tmux -f /dev/null new-session -d cat; rm -r /tmp/tmux-1001");
    let elsewhere = "tmux -f /dev/null -S /tmp/elsewhere new-session -d cat";
    SOCKET.expect(&machine, elsewhere, &REACHABLE, "ok");

    // Neither is the name of its program important.
    machine.script("root", KILL_ALL);
    machine.script("root", "pkill -u agent tmux || true");
    let renamed = "rm -f /tmp/elsewhere; cp /usr/bin/tmux /tmp/multiplexer-of-agents; \
                   /tmp/multiplexer-of-agents -f /dev/null new-session -d cat; \
                   rm /tmp/tmux-1000/default";
    SOCKET.expect(&machine, renamed, &[("servers", "socket-gone")], "warn");
}

fn sixty_servers_are_a_count_and_the_odd_ones(release: Release) {
    let machine = Machine::boot(release);
    machine.script("root", "loginctl enable-linger agent");
    let start = "for n in $(seq 60); do tmux -f /dev/null -L \"agent-$n\" new-session -d cat; done; \
                 rm /tmp/tmux-1000/agent-7; exec \"$@\"";
    let report = machine.check_in(start, &["tmux"]);
    for probe in report.json()["probes"].as_array().unwrap() {
        assert_ne!(probe["verdict"], "unmeasured", "{probe:#}");
    }
    assert_eq!(report.probe(ID)["summary"], "59 of 60 tmux servers can be reached");
    let home = report.probe("tmux-server-home")["summary"].as_str().unwrap();
    assert!(home.contains("; and 57 more") && home.len() < 400, "{home}");
    let finding = report.probe(ID)["findings"][0]["text"].as_str().unwrap();
    assert!(finding.starts_with("/tmp/tmux-1000/agent-7 (process "), "{finding}");
    let others = machine.script(
        "agent",
        "for n in $(seq 60); do [ $n = 7 ] || tmux -L \"agent-$n\" \
         set-environment -g -u XDG_RUNTIME_DIR \\; set-environment -g -u DBUS_SESSION_BUS_ADDRESS; done",
    );
    assert_eq!(others, "");
    let report = machine.check(&["tmux-bus-env"]);
    let finding = report.probe("tmux-bus-env")["findings"][0]["text"].as_str().unwrap();
    assert!(finding.contains("; and 5") && finding.len() < 600, "{finding}");
}
