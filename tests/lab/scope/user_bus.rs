//! The user's message bus: every state is real, and every fix is executed.

use crate::lab::{AS_AGENT, Machine, Release, Report};

on_each_release!(each_way_in_which_the_user_bus_is_not_the_managers_is_found_and_fixed: Debian11, Debian14);
on_each_release!(on_another_bus_no_behaviour_is_called_changed: Debian11, Debian14);

const USER_BUS: &str = "user-bus";
/// The user's bus is started by its socket when it is first used, unless it runs.
const STOP: &str = "as_agent systemctl --user stop dbus.service dbus.socket";
/// Starts a program that listens at `$1`, as the rest of the words say.
const LISTEN: &str = r#"
    listen() {
        socket=$1; shift
        rm -f $socket
        systemd-run --quiet --collect --uid=1000 --unit=listener "$@"
        until [ -S $socket ]; do :; done
    }
"#;
const HANGING: &str = "systemd-socket-activate -l $socket sleep 86399";
const KILL_LISTENER: &str = "systemctl stop listener.service";

/// Runs a script as root and then the doctor as `agent` outside any login session, with a prefix to its command line and
/// after the exports of earlier fixes.
#[track_caller]
fn check(machine: &Machine, script: &str, prefix: &str, args: &str) -> Report {
    let run = format!(
        "{AS_AGENT}{LISTEN}cd /home/agent; {{ :; {script}
        }} >&2; as_agent {prefix} sh -c '. /tmp/exports; exec \"$@\"' sh doctor {args} --format json"
    );
    Report::read(&machine.root(&["bash", "-c", &run]))
}

/// Returns the script that executes a fix: as root what begins with sudo, the rest as `agent`. What it exports counts
/// for later checks.
fn apply_fix(fix: &str) -> String {
    assert_ne!(fix, "");
    let apply = |line: &str| match line.strip_prefix("sudo ") {
        Some(command) => command.to_owned(),
        None if line.starts_with("export ") => format!("echo '{line}' >> /tmp/exports"),
        None => format!("as_agent sh -c '{line}'"),
    };
    fix.lines().map(apply).collect::<Vec<_>>().join(" || exit\n")
}

/// Boots a machine on which the user's manager runs.
fn boot(release: Release) -> Machine {
    let machine = Machine::boot(release);
    machine.script(
        "root",
        "loginctl enable-linger agent; systemctl start user@1000.service; : > /tmp/exports; chmod 644 /tmp/exports",
    );
    machine
}

#[track_caller]
fn assert_found_and_fixed(machine: &Machine, make: &str, prefix: &str, fact: (&str, &str)) {
    // No state is refused because of those before it.
    let reset = ": > /tmp/exports; as_agent systemctl --user reset-failed dbus.socket dbus.service";
    let report = check(machine, &format!("{reset}\n{make}"), prefix, "check user-bus");
    report.assert_facts(USER_BUS, &[fact]);
    assert_eq!((report.verdict(USER_BUS), report.status), ("warn", 0));
    let wait = "(. /tmp/exports; as_agent systemd-run --user --quiet --wait true) || exit";
    let fix = format!("{} || exit\n{wait}", apply_fix(&report.fix(USER_BUS)));
    let fixed = check(machine, &fix, prefix, "check user-bus");
    fixed.assert_facts(USER_BUS, &[("bus", "own")]);
    assert_eq!(fixed.verdict(USER_BUS), "ok");
}

fn each_way_in_which_the_user_bus_is_not_the_managers_is_found_and_fixed(release: Release) {
    let machine = boot(release);
    let state = |make: &str, prefix: &str, fact: (&str, &str)| {
        assert_found_and_fixed(&machine, make, prefix, fact);
    };
    for healthy in [
        "",
        "env -u DBUS_SESSION_BUS_ADDRESS",
        "env -u XDG_RUNTIME_DIR",
        "env 'DBUS_SESSION_BUS_ADDRESS=unix:path=/no;unix:path=/run/user/1000/bus'",
        "env 'DBUS_SESSION_BUS_ADDRESS=autolaunch:;unix:path=%2frun/user/1000/bus'",
    ] {
        let report = check(&machine, "", healthy, "check user-bus");
        report.assert_facts(USER_BUS, &[("bus", "own")]);
        assert_eq!((report.verdict(USER_BUS), report.status), ("ok", 0), "{healthy}");
    }

    for (address, fact) in [
        ("unix:path=/no", ("bus", "address-dead")),
        ("unix:abstract=/tmp/no", ("bus", "address-dead")),
        ("unix:path=/no;unix:abstract=no", ("bus", "address-dead")),
        ("tcp:host=127.0.0.1,port=1", ("bus", "address-dead")),
        ("unixexec:path=/bin/false", ("bus", "address-dead")),
        ("autolaunch:", ("bus", "address-unsupported")),
        ("unix:runtime=yes", ("bus", "address-unsupported")),
        ("", ("bus", "address-unsupported")),
        ("unix:path=/run/dbus/system_bus_socket", ("bus", "address-other-manager")),
    ] {
        state("", &format!("env 'DBUS_SESSION_BUS_ADDRESS={address}'"), fact);
    }
    state("", "dbus-run-session --", ("bus", "address-no-manager"));
    let hanging = format!("socket=/tmp/hanging; listen $socket {HANGING}");
    state(
        &hanging,
        "env DBUS_SESSION_BUS_ADDRESS=unix:path=/tmp/hanging",
        ("bus", "address-silent"),
    );

    // The address is right: the value that the variable has is no fix.
    state(STOP, "", ("bus", "socket-stopped"));
    state(&format!("{STOP}; as_agent systemctl --user mask dbus.socket"), "", ("bus", "masked"));
    state(
        &format!("{STOP}; as_agent systemctl --user mask --runtime dbus.socket"),
        "",
        ("bus", "masked"),
    );
    let mask_service = "as_agent systemctl --user stop dbus.service
        as_agent systemctl --user mask dbus.service";
    state(mask_service, "", ("bus", "masked"));
    let by_root = "systemctl --global mask dbus.socket; as_agent systemctl --user daemon-reload";
    state(&format!("{STOP}; {by_root}"), "", ("bus", "masked-by-root"));
    state("rm /run/user/1000/bus", "", ("bus", "socket-removed"));
    state(
        "as_agent systemctl --user kill --signal=STOP dbus.service",
        "",
        ("bus", "daemon-stopped"),
    );
    let freeze = "cgroup=/sys/fs/cgroup$(cut -d: -f3 /proc/$(as_agent systemctl --user show --property=MainPID --value \
        dbus.service)/cgroup | tail -n 1); echo 1 > $cgroup/cgroup.freeze";
    state(freeze, "", ("bus", "daemon-frozen"));
    let hanging = format!("{KILL_LISTENER}; socket=/run/user/1000/bus; listen $socket {HANGING}");
    state(&hanging, "", ("bus", "silent"));
    let other = "socket=/run/user/1000/bus
        listen $socket dbus-daemon --session --nofork --address=unix:path=$socket";
    state(&format!("{KILL_LISTENER}; {other}"), "", ("bus", "no-manager"));

    // Two causes are found one after the other.
    let prefix = "env DBUS_SESSION_BUS_ADDRESS=unix:path=/no";
    let report = check(&machine, STOP, prefix, "check user-bus");
    report.assert_facts(USER_BUS, &[("bus", "socket-stopped")]);
    state(&apply_fix(&report.fix(USER_BUS)), prefix, ("bus", "address-dead"));

    // The machine has no network: the files that the package brings are put back instead of installing it.
    let files = "$(dpkg -L dbus-user-session | grep /systemd/user/)";
    let remove = format!(
        "{STOP}; tar -cPf /root/package.tar {files} && dpkg --purge --force-depends dbus-user-session
        as_agent systemctl --user daemon-reload"
    );
    let report = check(&machine, &remove, "", "check user-bus");
    report.assert_facts(USER_BUS, &[("bus", "not-installed")]);
    assert_eq!(report.verdict(USER_BUS), "warn");
    let fix = report.fix(USER_BUS);
    let (install, rest) = fix.split_once('\n').unwrap();
    assert_eq!(install, "sudo apt-get install dbus-user-session");
    let fix = format!("tar -xPf /root/package.tar; {}", apply_fix(rest));
    let fixed = check(&machine, &fix, "", "check user-bus");
    fixed.assert_facts(USER_BUS, &[("bus", "own")]);

    if release == Release::Debian11 {
        // Its manager can hang while dbus.service fails again and again.
        return;
    }
    // Its log is all that can be given for a daemon that does not start.
    let drop_in = "/run/user/1000/systemd/user/dbus.service.d/broken.conf";
    let break_daemon = format!(
        "{STOP}; as_agent mkdir -p $(dirname {drop_in})
        printf '[Service]\\nType=exec\\nExecStart=\\nExecStart=/bin/false\\n' > {drop_in}
        as_agent systemctl --user daemon-reload; as_agent systemctl --user start dbus.socket"
    );
    let report = check(&machine, &break_daemon, "", "check user-bus");
    report.assert_facts(USER_BUS, &[("bus", "daemon-fails")]);
    let look = report.probe(USER_BUS)["look"][0].as_str().unwrap();
    let log = machine.script("root", &format!("{AS_AGENT}as_agent {look}"));
    assert!(log.contains("/bin/false") || log.contains("dbus.service"), "{log}");
    let repair = format!(
        "rm {drop_in}; as_agent systemctl --user daemon-reload
        as_agent systemctl --user reset-failed dbus.socket dbus.service"
    );
    state(&repair, "", ("bus", "socket-stopped"));
}

fn on_another_bus_no_behaviour_is_called_changed(release: Release) {
    let machine = boot(release);
    for (prefix, reason) in [
        ("dbus-run-session --", "the user bus fails: "),
        (
            "env DBUS_SESSION_BUS_ADDRESS=unix:path=/run/dbus/system_bus_socket",
            "the user bus is another's: ",
        ),
    ] {
        let report = check(&machine, "", prefix, "check");
        let mut skipped = 0;
        for probe in report.json()["probes"].as_array().unwrap() {
            let verdict = probe["verdict"].as_str().unwrap();
            assert!(!matches!(verdict, "regressed" | "relaxable"), "{prefix}: {probe:#}");
            if probe["blocked_by"]["need"] == "user-bus" {
                assert_eq!(verdict, "skipped", "{probe:#}");
                assert!(probe["reason"].as_str().unwrap().starts_with(reason), "{probe:#}");
                skipped += 1;
            }
        }
        assert!(skipped >= 10, "{prefix}: {skipped} probes need the user's bus");
        assert_eq!(report.verdict(USER_BUS), "warn", "{prefix}");
        assert_eq!(report.verdict("scope-availability"), "ok", "{prefix}");
        assert_eq!(check(&machine, "", prefix, "gate").status, 0, "{prefix}");
    }
}
