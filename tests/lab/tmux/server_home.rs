//! The unit of a tmux server.

use super::fact_check::FactCheck;
use crate::lab::Machine;
use crate::lab::Release::{self, Debian12, Debian12Backports};

on_each_release!(a_unit_whose_end_or_oom_kill_takes_other_sessions_along_is_found: Debian11, Debian12, Debian14);
on_each_release!(a_server_that_systemd_oomd_may_kill_is_found_and_spared_by_the_fix);
on_each_release!(a_server_in_a_unit_of_another_program_is_found_and_moved_by_the_fix);

const ID: &str = "tmux-server-home";
const HOME: FactCheck = FactCheck(ID);

/// Returns a line of shell in which `unit`, a systemd-run command, launches a program that starts a
/// server on `socket` and keeps running. It returns when the server runs.
fn launcher(unit: &str, socket: &str) -> String {
    format!(
        "mkfifo -m 666 {socket}.up; {unit} -- sh -c 'tmux -f /dev/null -S \"$0\" new-session -d cat; \
         echo up >\"$0.up\"; exec tail -f /dev/null' {socket} </dev/null >/dev/null 2>&1 & \
         read up <{socket}.up"
    )
}

fn a_server_in_a_unit_of_another_program_is_found_and_moved_by_the_fix(release: Release) {
    let machine = Machine::boot(release);
    machine.script("root", "loginctl enable-linger agent");
    HOME.expect(&machine, "", &[("home", "none")], "ok");

    let own = "systemd-run --user --quiet --unit=own.service --service-type=forking -p OOMPolicy=continue -- \
               tmux -f /dev/null -S /tmp/own new-session -d cat";
    HOME.expect(&machine, own, &[("home", "own-unit")], "ok");

    let session = "tmux -f /dev/null -S /tmp/session new-session -d cat";
    HOME.expect(&machine, session, &[("home", "session")], "ok");

    let sparing =
        "systemd-run --user --unit=sparing.service -p KillMode=process -p OOMPolicy=continue";
    let sparing = launcher(sparing, "/tmp/sparing");
    HOME.expect(&machine, &sparing, &[("home", "sparing-service")], "ok");

    let shared = launcher("systemd-run --user --scope --unit=agent-1.scope", "/tmp/shared");
    let report = HOME.expect(&machine, &shared, &[("home", "shared-scope")], "warn");
    assert!(report.probe(ID)["findings"][0]["text"].as_str().unwrap().contains("agent-1.scope"));
    HOME.expect(&machine, &report.fix(ID), &[("home", "sparing-service")], "ok");

    let service = launcher("systemd-run --user --unit=gc.service", "/tmp/service");
    let report = HOME.expect(&machine, &service, &[("home", "service")], "warn");
    HOME.expect(&machine, &report.fix(ID), &[("home", "sparing-service")], "ok");
    // A session that is opened after the move outlives the service in which the server was started.
    machine.script(
        "agent",
        "tmux -S /tmp/service new-session -d -s later cat; systemctl --user stop gc.service; \
         tmux -S /tmp/service has-session -t =later",
    );

    // A launcher that is a system service, under the same user.
    let system = launcher("systemd-run --unit=gc.service --uid=agent", "/tmp/system");
    machine.script("root", &system);
    let report = HOME.expect(&machine, "", &[("home", "service")], "warn");
    HOME.expect(&machine, &report.fix(ID), &[("home", "sparing-service")], "ok");

    let kill = "mkdir -p /etc/systemd/logind.conf.d; \
                printf '[Login]\\nKillUserProcesses=yes\\n' >/etc/systemd/logind.conf.d/kill.conf; \
                systemctl restart systemd-logind.service";
    machine.script("root", kill);
    let session = "tmux -S /tmp/session kill-server; \
                   tmux -f /dev/null -S /tmp/killed new-session -d cat";
    let report = HOME.expect(&machine, session, &[("home", "killed-session")], "fail");
    // That server ends with the session of the doctor. The next one is moved by the same command
    // before that, and keeps running.
    let killed = report.probe(ID)["findings"][0]["text"].as_str().unwrap().to_owned();
    let pid = killed.split_once("process ").unwrap().1.split_once(')').unwrap().0;
    let moved = format!(
        "tmux -f /dev/null -S /tmp/moved new-session -d cat \\; set-option -s exit-empty off; \
         pid=$(tmux -S /tmp/moved display-message -p '#{{pid}}'); {}",
        report.fix(ID).replace(pid, "$pid")
    );
    HOME.expect(&machine, &moved, &[("home", "sparing-service")], "ok");
    machine.script(
        "agent",
        "tmux -S /tmp/moved show-options -s; ! tmux -S /tmp/killed show-options -s",
    );
}

/// A line of shell that starts a session on `socket` in a unit of its own.
fn session(unit: &str, socket: &str, name: &str) -> String {
    format!(
        "systemd-run --user --quiet --collect {unit} -- \
         tmux -f /dev/null -S {socket} new-session -d -s {name} cat"
    )
}

fn a_unit_whose_end_or_oom_kill_takes_other_sessions_along_is_found(release: Release) {
    let machine = Machine::boot(release);
    machine.script("root", "loginctl enable-linger agent");
    // Scopes have an OOM policy since 252.5, and panes have scopes of their own since tmux 3.5.
    let in_scope =
        if release == Debian12 { ("oom-kill", "server") } else { ("oom-kill", "process") };
    let in_service =
        if release < Debian12Backports { ("oom-kill", "server") } else { ("oom-kill", "process") };
    let verdict = |fact: (&str, &str)| if fact.1 == "server" { "warn" } else { "ok" };

    let first = session("--scope --unit=deck-one", "/tmp/deck", "one");
    let facts = [("home", "own-unit"), ("founder", "none"), in_scope];
    HOME.expect(&machine, &first, &facts, verdict(in_scope));

    let second = session("--scope --unit=deck-two", "/tmp/deck", "two");
    let report = HOME.expect(&machine, &second, &[("founder", "session"), in_scope], "warn");
    let summary = report.probe(ID)["summary"].as_str().unwrap();
    let expected = "stopping the unit of one session ends the others: \
                    deck-one.scope with 2 sessions, made for the session one";
    assert_eq!(summary, expected);
    assert_eq!(report.fix(ID), "", "every command would end a session");
    assert!(report.look(ID).contains("deck-one.scope"));
    // It is as it says.
    machine.script(
        "agent",
        "tmux -S /tmp/deck has-session -t =two; systemctl --user stop deck-one.scope
         ! tmux -S /tmp/deck has-session -t =two",
    );

    // A unit for the server, without and with the policy that the workaround has.
    let service = "--service-type=forking --unit=tmux.service";
    let more = "tmux -S /tmp/own new-session -d -s other cat";
    let start = format!("{}; {more}", session(service, "/tmp/own", "main"));
    let report =
        HOME.expect(&machine, &start, &[("founder", "none"), in_service], verdict(in_service));
    assert_eq!(report.fix(ID), "");
    machine.script("agent", "tmux -S /tmp/own kill-server");
    let service = "--service-type=forking --unit=spared.service --property=OOMPolicy=continue";
    let start = format!("{}; {more}", session(service, "/tmp/own", "main"));
    HOME.expect(&machine, &start, &[("founder", "none"), ("oom-kill", "process")], "ok");
}

/// The releases of the lab do not have systemd-oomd, so a unit of its name runs in its place. The settings are real.
fn a_server_that_systemd_oomd_may_kill_is_found_and_spared_by_the_fix(release: Release) {
    let machine = Machine::boot(release);
    machine.script("root", "loginctl enable-linger agent");
    let spared = [("home", "own-unit"), ("oomd", "spared")];
    let kill = [("home", "own-unit"), ("oomd", "oomd-kill")];
    let start = session(
        "--service-type=forking --unit=tmux.service --slice=agents.slice --property=OOMPolicy=continue \
         --property=ManagedOOMMemoryPressure=kill",
        "/tmp/own",
        "main",
    );
    HOME.expect(&machine, &start, &spared, "ok");
    machine.script("root", "systemd-run --quiet --unit=systemd-oomd.service sleep infinity");
    let fix = |expected: &str| {
        let report = HOME.expect(&machine, "", &kill, "warn");
        let summary = report.probe(ID)["summary"].as_str().unwrap();
        assert!(summary.ends_with(&format!("runs short: {expected}")), "{summary}");
        let fix = report.fix(ID);
        let user = if fix.starts_with("sudo ") { "root" } else { "agent" };
        machine.script(user, fix.trim_start_matches("sudo "));
        HOME.expect(&machine, "", &spared, "ok");
        machine.script("agent", "tmux -S /tmp/own has-session -t =main");
        fix
    };
    assert!(fix("tmux.service").contains("ManagedOOMMemoryPressure=auto"));

    let avoids = release > Release::Debian11;
    let reset = "systemctl --user set-property tmux.service ManagedOOMPreference=none";
    let around = "systemctl --user set-property --runtime agents.slice ManagedOOMSwap=kill";
    machine.script("agent", around);
    assert_eq!(fix("agents.slice").contains("ManagedOOMPreference=avoid"), avoids);
    if avoids {
        machine.script("agent", reset);
        machine.script(
            "agent",
            "systemctl --user set-property --runtime agents.slice ManagedOOMSwap=auto",
        );
    }
    machine.script(
        "root",
        "systemctl set-property --runtime user@1000.service ManagedOOMMemoryPressure=kill",
    );
    assert_eq!(fix("user@1000.service").contains("ManagedOOMPreference=avoid"), avoids);
}
