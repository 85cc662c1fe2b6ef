//! What systemd-run does with the values, options and commands that it is given.

mod altered_arguments;
mod altered_unit_files;
mod altered_units;
mod altered_values;
mod caller_sandbox;
mod surroundings;
mod units;
mod values;

use crate::lab::Release::*;
use crate::lab::{Machine, Report};

/// Examines a machine whose systemd-run changes or refuses words as the shell code in `case` says,
/// before it runs the real one.
fn check_altered(machine: &Machine, case: &str, args: &[&str]) -> Report {
    let program = format!(
        "#!/bin/sh\nfor word; do shift; case $word in {case} esac; set -- \"$@\" \"$word\"; done\n\
         exec /usr/bin/systemd-run \"$@\"\n"
    );
    machine.install("systemd-run", &program);
    machine.check_in("PATH=/opt/other:$PATH exec \"$@\"", args)
}

/// Without a control, a host on which nothing can be launched would look like one that refuses.
#[test]
fn a_host_that_launches_nothing_is_not_reported_as_one_that_refuses() {
    let machine = Machine::boot(Debian14);
    let broken = "mkdir /tmp/broken; printf '#!/bin/sh\\nexit 1\\n' >/tmp/broken/systemd-run; \
                  chmod 755 /tmp/broken/systemd-run; PATH=/tmp/broken:$PATH exec \"$@\"";
    let unmanaged = "unset DBUS_SESSION_BUS_ADDRESS XDG_RUNTIME_DIR; exec \"$@\"";
    for (script, verdict) in [(broken, "unmeasured"), (unmanaged, "skipped")] {
        let report = machine.check_in(script, &["launcher", "--skip", "caller-sandbox"]);
        for probe in report.json()["probes"].as_array().unwrap() {
            assert_eq!(probe["verdict"], verdict, "{probe:#}");
        }
    }
}
