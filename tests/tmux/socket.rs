//! tmux servers that cannot be reached.

use rstest::rstest;

use crate::lab::Release::*;
use crate::lab::{Machine, Release};
use crate::view::View;

const ID: &str = "tmux-socket";
const SERVERS: View = View { id: ID, fact: "servers" };

#[rstest]
fn a_server_without_its_socket_is_found_and_listens_again(
    #[values(Debian11, Debian12, Debian12Backports, Debian13, Debian14)] release: Release,
) {
    let machine = Machine::boot(release);
    machine.script("root", "loginctl enable-linger agent");
    SERVERS.see(&machine, "", "none", "ok").assert_facts(ID, &[("sockets", "served")]);
    let start = "tmux -f /dev/null -L lost new-session -d -s old cat";
    SERVERS.see(&machine, start, "reachable", "ok").assert_facts(ID, &[("sockets", "served")]);

    let report = SERVERS.see(&machine, "rm -r /tmp/tmux-1000", "socket-gone", "warn");
    SERVERS.see(&machine, &report.fix(ID), "reachable", "ok");
    assert_eq!(machine.script("agent", "tmux -L lost list-sessions -F '#S'"), "old\n");

    let second = "rm /tmp/tmux-1000/lost; tmux -f /dev/null -L lost new-session -d -s new cat";
    let report = SERVERS.see(&machine, second, "socket-taken", "warn");
    SERVERS.see(&machine, &report.fix(ID), "reachable", "ok");
    let sessions = "tmux -L lost list-sessions -F '#S'; tmux -L lost.other list-sessions -F '#S'";
    assert_eq!(machine.script("agent", sessions), "old\nnew\n");

    // A server that has ended leaves its socket, which is as it should be.
    let end = "kill -KILL $(tmux -L lost.other display-message -p '#{pid}')";
    SERVERS.see(&machine, end, "reachable", "ok").assert_facts(ID, &[("sockets", "unserved")]);

    // Neither another user's server nor one with a socket elsewhere is taken for a lost one.
    machine.script("other", "tmux -f /dev/null new-session -d cat; rm -r /tmp/tmux-1001");
    SERVERS.see(
        &machine,
        "tmux -f /dev/null -S /tmp/elsewhere new-session -d cat",
        "reachable",
        "ok",
    );
}
