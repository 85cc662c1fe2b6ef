//! What systemd-run does with what it is given.

#[path = "../lab/mod.rs"]
mod lab;

mod units;
mod values;

use lab::Machine;
use lab::Release::*;

/// Puts a systemd-run in front of the real one that changes or refuses words as the shell code in
/// `case` says: the systemd of another day.
fn with_systemd_run(machine: &Machine, case: &str) {
    let program = format!(
        "#!/bin/sh\nfor word; do shift; case $word in {case} esac; set -- \"$@\" \"$word\"; done\n\
         exec /usr/bin/systemd-run \"$@\"\n"
    );
    let install = "mkdir -p /opt/other; printf %s \"$1\" >/opt/other/systemd-run; \
                   chmod 755 /opt/other/systemd-run";
    assert!(machine.root(&["sh", "-ec", install, "sh", &program]).status.success());
}

const WITH_OTHER: &str = "PATH=/opt/other:$PATH exec \"$@\"";

/// Without a control, a host on which nothing can be launched would look like one that refuses.
#[test]
fn where_nothing_can_be_launched_nothing_is_called_refused() {
    let machine = Machine::boot(Debian14);
    let broken = "mkdir /tmp/broken; printf '#!/bin/sh\\nexit 1\\n' >/tmp/broken/systemd-run; \
                  chmod 755 /tmp/broken/systemd-run; PATH=/tmp/broken:$PATH exec \"$@\"";
    let unmanaged = "unset DBUS_SESSION_BUS_ADDRESS XDG_RUNTIME_DIR; exec \"$@\"";
    for (script, verdict) in [(broken, "unmeasured"), (unmanaged, "skipped")] {
        let report = machine.check_in(script, &["launcher"]);
        for probe in report.json()["probes"].as_array().unwrap() {
            assert_eq!(probe["verdict"], verdict, "{probe:#}");
        }
    }
}
