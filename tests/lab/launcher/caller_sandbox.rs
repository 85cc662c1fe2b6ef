//! Sandboxes of the launcher: each is real, is named as the cause, and its fix is executed.

use crate::lab::{AS_AGENT, Machine, Release, Report};

on_each_release!(each_sandbox_of_a_service_is_named_as_the_cause_and_lifted: Debian11, Debian14);
on_each_release!(other_namespaces_are_named_as_the_cause: Debian11, Debian14);

const SANDBOX: &str = "caller-sandbox";
/// A service that runs the doctor as `agent`, with the lines of `$1` in its unit file.
const SERVICE: &str = r#"
    run_service() {
        printf '%s\n' '[Unit]' StartLimitIntervalSec=0 '[Service]' Type=oneshot User=agent "$1" \
            'Environment=XDG_RUNTIME_DIR=/run/user/1000 DBUS_SESSION_BUS_ADDRESS=unix:path=/run/user/1000/bus' \
            'ExecStart=/bin/sh -c "doctor check --format json caller-sandbox scope-availability user-bus tmux-socket tmux-bus-env > /srv/report.json"' \
            > /etc/systemd/system/launcher.service
        mkdir -p /srv; install -o agent /dev/null /srv/report.json
        systemctl daemon-reload
        systemctl start launcher.service
        cat /srv/report.json
    }
"#;

fn boot(release: Release) -> Machine {
    let machine = Machine::boot(release);
    machine.script("root", "loginctl enable-linger agent; systemctl start user@1000.service");
    machine
}

/// Runs the service, whose doctor reports findings by its status.
fn check(machine: &Machine, lines: &str, before: &str) -> Report {
    let script = format!(
        "{AS_AGENT}{SERVICE}sudo() {{ \"$@\"; }}; {{ {before}\n}} >&2; run_service \"$1\" 2>/dev/null"
    );
    Report::read(&machine.root(&["bash", "-c", &script, "check", lines]))
}

fn each_sandbox_of_a_service_is_named_as_the_cause_and_lifted(release: Release) {
    let machine = boot(release);
    let healthy = check(&machine, "", ":");
    let expected = [
        ("runtime-dir", "visible"),
        ("unix-sockets", "allowed"),
        ("pid-namespace", "same"),
        ("user-namespace", "same"),
        ("proc", "whole"),
        ("privileges", "gained"),
        ("tmux-sockets", "here"),
        ("shell", "runs"),
    ];
    healthy.assert_facts(SANDBOX, &expected);
    assert_eq!(healthy.verdict(SANDBOX), "ok");

    for (lines, fact, verdict, is_blocked) in [
        ("ProtectHome=yes", ("runtime-dir", "hidden"), "fail", true),
        ("ProtectHome=tmpfs", ("runtime-dir", "hidden"), "fail", true),
        ("ProtectHome=read-only", ("runtime-dir", "read-only"), "warn", false),
        ("RestrictAddressFamilies=AF_INET AF_INET6", ("unix-sockets", "refused"), "fail", true),
        ("RestrictAddressFamilies=~AF_UNIX", ("unix-sockets", "refused"), "fail", true),
        ("ProcSubset=pid", ("proc", "reduced"), "warn", false),
    ] {
        let report = check(&machine, lines, ":");
        report.assert_facts(SANDBOX, &[fact]);
        assert_eq!(report.verdict(SANDBOX), verdict, "{lines}");
        assert_blocked(&report, is_blocked, lines);
        let fixed = check(&machine, lines, &report.fix(SANDBOX));
        assert_eq!(fixed.verdict(SANDBOX), "ok", "{lines}: {:#}", fixed.probe(SANDBOX));
        assert_eq!(fixed.verdict("scope-availability"), "ok", "{lines}");
        machine.script("root", "rm -r /etc/systemd/system/launcher.service.d");
    }

    // What is no finding, and what has no command that could fix it.
    for (lines, fact, verdict) in [
        ("InaccessiblePaths=/run/user", ("runtime-dir", "hidden-by-path"), "fail"),
        ("InaccessiblePaths=/run/user/1000", ("runtime-dir", "hidden-by-path"), "fail"),
        ("ProtectProc=invisible", ("proc", "own-processes"), "ok"),
        ("NoNewPrivileges=yes", ("privileges", "never"), "ok"),
        ("PrivateUsers=yes", ("user-namespace", "same"), "ok"),
    ] {
        let report = check(&machine, lines, ":");
        report.assert_facts(SANDBOX, &[fact]);
        assert_eq!(report.verdict(SANDBOX), verdict, "{lines}: {:#}", report.probe(SANDBOX));
        assert_blocked(&report, verdict == "fail", lines);
    }

    let shell = check(&machine, "Environment=SHELL=/usr/sbin/nologin", ":");
    shell.assert_facts(SANDBOX, &[("shell", "refuses-logins")]);
    let export = shell.fix(SANDBOX);
    let fixed = check(&machine, &format!("Environment={}", export.replace("export ", "")), ":");
    fixed.assert_facts(SANDBOX, &[("shell", "runs")]);

    // A tmux server outside, and a launcher with a /tmp of its own.
    let start = "systemd-run --quiet --uid=1000 --unit=panes -p Type=forking tmux -L agents new-session -d -s work cat";
    let report = check(&machine, "PrivateTmp=yes", start);
    report.assert_facts(SANDBOX, &[("tmux-sockets", "elsewhere")]);
    assert_eq!(report.verdict(SANDBOX), "warn");
    let text = report.probe(SANDBOX)["findings"][0]["text"].as_str().unwrap();
    assert!(
        text.contains("/tmux-1000/agents (process ") && text.contains("in panes.service"),
        "{text}"
    );
    assert_eq!(report.verdict("tmux-socket"), "ok", "the socket is not lost");
    assert_ne!(report.fact("tmux-bus-env", "servers"), "unreachable");
    let command = report.probe(SANDBOX)["look"][0].as_str().unwrap();
    let list = format!("systemd-run --quiet --pipe --wait --uid=1000 -p PrivateTmp=yes {command}");
    assert!(machine.script("root", &list).starts_with("work:"), "{command}");
    let start = "systemctl stop panes.service; systemd-run --quiet --uid=1000 --unit=panes -p Type=forking \
        -p PrivateTmp=yes tmux -L agents new-session -d -s work cat";
    let report = check(&machine, "", start);
    report.assert_facts(SANDBOX, &[("tmux-sockets", "elsewhere")]);
    assert_eq!(report.verdict("tmux-socket"), "ok", "the socket is not lost");
    let command = report.probe(SANDBOX)["look"][0].as_str().unwrap();
    let list = format!("{AS_AGENT}as_agent {command}");
    assert!(machine.script("root", &list).starts_with("work:"), "{command}");
}

/// Asserts that a probe of the manager is skipped behind the sandbox, or not.
#[track_caller]
fn assert_blocked(report: &Report, is_blocked: bool, lines: &str) {
    for id in ["scope-availability", "user-bus"] {
        let need = report.probe(id)["blocked_by"]["need"].as_str();
        let verdict = if is_blocked { "skipped" } else { "ok" };
        assert_eq!(need, is_blocked.then_some(SANDBOX), "{lines}: {:#}", report.probe(id));
        assert_eq!(report.verdict(id), verdict, "{lines}");
    }
}

fn other_namespaces_are_named_as_the_cause(release: Release) {
    let machine = boot(release);
    let check = |prefix: &str, args: &str| {
        let environment = "env -i PATH=$PATH HOME=/home/agent USER=agent XDG_RUNTIME_DIR=/run/user/1000 \
             DBUS_SESSION_BUS_ADDRESS=unix:path=/run/user/1000/bus";
        let agent = "setpriv --reuid=1000 --regid=1000 --init-groups";
        let prefix = prefix.replace("AS_AGENT", &format!("{agent} {environment}"));
        machine.root(&["bash", "-c", &format!("cd /home/agent; {prefix} doctor {args}")])
    };
    let args = "check --format json caller-sandbox scope-availability user-bus linger";

    let report = Report::read(&check("unshare --pid --fork --mount-proc AS_AGENT", args));
    report.assert_facts(SANDBOX, &[("pid-namespace", "other")]);
    assert_eq!(report.verdict(SANDBOX), "fail");
    assert_blocked(&report, true, "pid");
    assert_eq!(report.verdict("linger"), "ok");

    // Everything takes the user for root.
    let report = Report::read(&check("AS_AGENT unshare --user --map-root-user", args));
    report.assert_facts(SANDBOX, &[("user-namespace", "other")]);
    let text = report.probe(SANDBOX)["findings"][0]["text"].as_str().unwrap();
    assert!(text.contains("root has the user id 0, and on the host 1000"), "{text}");
    assert_blocked(&report, true, "user");
    assert_eq!(report.verdict("linger"), "skipped");

    // Without a user manager it is not known whether it would see this process.
    machine.script("root", "loginctl disable-linger agent; systemctl stop user@1000.service");
    let report = Report::read(&check("AS_AGENT", args));
    report.assert_facts(SANDBOX, &[("pid-namespace", "no-manager"), ("runtime-dir", "visible")]);
    assert_eq!(report.verdict(SANDBOX), "ok");
    report.assert_facts("scope-availability", &[("available", "no-user-manager")]);
}
