//! In which unit a tmux server lives.

use rstest::rstest;

use crate::lab::Release::*;
use crate::lab::{Machine, Release};
use crate::view::View;

const ID: &str = "tmux-server-home";
const HOME: View = View { id: ID, fact: "home" };

/// A line of shell in which `unit`, a systemd-run command, launches a program that starts a server
/// on `socket` and lives on. It returns when the server is there.
fn launcher(unit: &str, socket: &str) -> String {
    format!(
        "mkfifo -m 666 {socket}.up; {unit} -- sh -c 'tmux -f /dev/null -S \"$0\" new-session -d cat; \
         echo up >\"$0.up\"; exec tail -f /dev/null' {socket} </dev/null >/dev/null 2>&1 & \
         read up <{socket}.up"
    )
}

#[rstest]
fn a_server_in_a_unit_that_others_end_is_found_and_moved(
    #[values(Debian11, Debian12, Debian12Backports, Debian13, Debian14)] release: Release,
) {
    let machine = Machine::boot(release);
    machine.script("root", "loginctl enable-linger agent");
    HOME.see(&machine, "", "none", "ok");

    let own = "systemd-run --user --quiet --unit=own.service --service-type=forking -- \
               tmux -f /dev/null -S /tmp/own new-session -d cat";
    HOME.see(&machine, own, "own-unit", "ok");

    let session = "tmux -f /dev/null -S /tmp/session new-session -d cat";
    HOME.see(&machine, session, "session", "ok");

    let sparing = "systemd-run --user --unit=sparing.service -p KillMode=process";
    let sparing = launcher(sparing, "/tmp/sparing");
    HOME.see(&machine, &sparing, "sparing-service", "ok");

    let shared = launcher("systemd-run --user --scope --unit=agent-1.scope", "/tmp/shared");
    let report = HOME.see(&machine, &shared, "shared-scope", "warn");
    assert!(report.probe(ID)["findings"][0]["text"].as_str().unwrap().contains("agent-1.scope"));
    HOME.see(&machine, &report.fix(ID), "sparing-service", "ok");

    let service = launcher("systemd-run --user --unit=gc.service", "/tmp/service");
    let report = HOME.see(&machine, &service, "service", "warn");
    HOME.see(&machine, &report.fix(ID), "sparing-service", "ok");
    // What is opened after the move outlives the service in which the server was started.
    machine.script(
        "agent",
        "tmux -S /tmp/service new-session -d -s later cat; systemctl --user stop gc.service; \
         tmux -S /tmp/service has-session -t =later",
    );

    // A launcher that is a system service, under the same user.
    let system = launcher("systemd-run --unit=gc.service --uid=agent", "/tmp/system");
    machine.script("root", &system);
    let report = HOME.see(&machine, "", "service", "warn");
    HOME.see(&machine, &report.fix(ID), "sparing-service", "ok");

    let kill = "mkdir -p /etc/systemd/logind.conf.d; \
                printf '[Login]\\nKillUserProcesses=yes\\n' >/etc/systemd/logind.conf.d/kill.conf; \
                systemctl restart systemd-logind.service";
    machine.script("root", kill);
    let session = "tmux -S /tmp/session kill-server; \
                   tmux -f /dev/null -S /tmp/killed new-session -d cat";
    let report = HOME.see(&machine, session, "killed-session", "fail");
    // That server ends with the session of the doctor. The next one is moved before, by the same
    // command, and outlives it.
    let killed = report.probe(ID)["findings"][0]["text"].as_str().unwrap().to_owned();
    let pid = killed.split_once("process ").unwrap().1.split_once(')').unwrap().0;
    let moved = format!(
        "tmux -f /dev/null -S /tmp/moved new-session -d cat \\; set-option -s exit-empty off; \
         pid=$(tmux -S /tmp/moved display-message -p '#{{pid}}'); {}",
        report.fix(ID).replace(pid, "$pid")
    );
    HOME.see(&machine, &moved, "sparing-service", "ok");
    machine.script(
        "agent",
        "tmux -S /tmp/moved show-options -s; ! tmux -S /tmp/killed show-options -s",
    );
}
