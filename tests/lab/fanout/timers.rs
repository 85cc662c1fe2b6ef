//! Timers that are active and whose service never runs.

use super::{apply_fix, assert_state};
use crate::lab::{Machine, Release};

on_each_release!(a_timer_whose_service_never_runs_is_found_and_the_fix_lets_it_run: Debian11, Debian14);

on_each_release!(a_timer_does_not_start_a_service_that_is_active);

const ID: &str = "timer-health";
const SWALLOWS: &str = "timer-swallows-fires";

/// Shell functions: `unit NAME TEXT` writes a unit file, and `until_is UNIT STATE` waits for its `SubState`.
const UNITS: &str = "units=~/.config/systemd/user; mkdir -p $units
     unit() { printf \"$2\" >$units/$1; }
     until_is() { until [ \"$(systemctl --user show --property=SubState --value $1)\" = $2 ]; do :; done; }
     job='[Service]\\nType=oneshot\\nExecStart=true\\n'\n";

/// A state: the script that makes it, the fact, the verdict, what the sentence begins with, whether there
/// is a fix, and the script that ends it.
struct State {
    script: &'static str,
    fact: (&'static str, &'static str),
    verdict: &'static str,
    sentence: &'static str,
    has_fix: bool,
    end: &'static str,
}

const STATES: [State; 10] = [
    State {
        script: "unit alone.service \"$job\"; unit alone.timer '[Timer]\\nOnUnitActiveSec=1h\\n'
            systemctl --user start alone.timer",
        fact: ("elapse", "unanchored"),
        verdict: "fail",
        sentence: "alone.timer never elapses: it counts from a run of its service",
        has_fix: true,
        end: "systemctl --user stop alone.timer; rm -r $units/alone*",
    },
    State {
        script: "systemd-run --user --quiet --on-unit-active=1h --unit=launched true",
        fact: ("elapse", "unanchored"),
        verdict: "fail",
        sentence: "launched.timer never elapses",
        has_fix: true,
        end: "systemctl --user stop launched.timer; rm -r $units/launched*",
    },
    State {
        script: "unit past.service \"$job\"; unit past.timer '[Timer]\\nOnCalendar=2020-01-01\\n'
            systemctl --user start past.timer",
        fact: ("elapse", "date-passed"),
        verdict: "warn",
        sentence: "past.timer never elapses: its date was past",
        has_fix: false,
        end: "systemctl --user stop past.timer; rm $units/past*",
    },
    State {
        script: "systemd-run --user --quiet --on-active=1us --on-unit-active=1h --timer-property=AccuracySec=1us \
            --unit=once --property=Type=oneshot --property=RemainAfterExit=yes true; until_is once.service exited",
        fact: ("unit-end", "exited"),
        verdict: "fail",
        sentence: "once.service has ended and stays active, so its timer never starts it again",
        has_fix: true,
        end: "systemctl --user stop once.timer; rm -r $units/once*",
    },
    State {
        script: "systemd-run --user --quiet --on-active=1us --on-unit-active=1h --timer-property=AccuracySec=1us \
            --unit=founder --property=Type=oneshot --property=RemainAfterExit=yes \
            tmux -f /dev/null -S /tmp/founded new-session -d cat; until_is founder.service exited",
        fact: ("unit-end", "exited-with-processes"),
        verdict: "warn",
        sentence: "founder.service stays active with processes in it",
        has_fix: false,
        end: "tmux -S /tmp/founded has-session; systemctl --user stop founder.timer founder.service",
    },
    State {
        script: "unit long.service '[Service]\\nType=oneshot\\nExecStart=sleep infinity\\n'
            unit long.timer '[Timer]\\nOnCalendar=*:*:*\\nAccuracySec=1us\\n'
            systemctl --user start long.timer; until_is long.service start; sleep 3",
        fact: ("unit-end", "long-running"),
        verdict: "warn",
        sentence: "long.service runs longer than its timer's interval: ",
        has_fix: false,
        end: "systemctl --user stop long.timer long.service; rm $units/long*",
    },
    State {
        script: "unit often.service \"[Unit]\\nStartLimitIntervalSec=1h\\nStartLimitBurst=2\\n$job\"
            unit often.timer '[Timer]\\nOnActiveSec=1h\\nOnUnitActiveSec=1h\\n'
            systemctl --user start often.timer
            systemctl --user start often.service; systemctl --user start often.service
            ! systemctl --user start often.service",
        fact: ("startable", "start-limit"),
        verdict: "warn",
        sentence: "often.service was started too often",
        has_fix: true,
        end: "systemctl --user stop often.timer; rm $units/often*",
    },
    State {
        script: "unit gone.service \"$job\"; unit gone.timer '[Timer]\\nOnActiveSec=1h\\n'
            systemctl --user start gone.timer; rm $units/gone.service; systemctl --user daemon-reload",
        fact: ("startable", "missing"),
        verdict: "fail",
        sentence: "a timer starts a service that cannot be started: gone.service (not-found, for gone.timer)",
        has_fix: false,
        end: "systemctl --user stop gone.timer; rm $units/gone*",
    },
    State {
        script: "unit lost.service \"$job\"; unit lost.timer '[Timer]\\nOnActiveSec=1s\\nOnUnitActiveSec=1h\\nAccuracySec=1us\\n'
            systemctl --user start lost.timer; rm $units/lost.service; systemctl --user daemon-reload
            until_is lost.timer failed; unit lost.service \"$job\"; systemctl --user daemon-reload",
        fact: ("started", "failed"),
        verdict: "fail",
        sentence: "lost.timer has failed, so it starts nothing",
        has_fix: true,
        end: "systemctl --user stop lost.timer; rm $units/lost*",
    },
    State {
        script: "unit later.service \"$job\"
            unit later.timer '[Timer]\\nOnCalendar=hourly\\n[Install]\\nWantedBy=timers.target\\n'
            systemctl --user enable later.timer",
        fact: ("started", "not-started"),
        verdict: "warn",
        sentence: "later.timer is enabled and was not started",
        has_fix: true,
        end: "systemctl --user disable --now later.timer; rm $units/later*",
    },
];

fn a_timer_whose_service_never_runs_is_found_and_the_fix_lets_it_run(release: Release) {
    let machine = Machine::boot(release);
    machine.script("root", "loginctl enable-linger agent");
    let report = machine.check(&[ID]);
    assert_state(&report, ID, ("elapse", "none"), "ok", "no timer is active");
    report.assert_facts(ID, &[("started", "all"), ("startable", "yes")]);
    assert_eq!(machine.check_system(&[ID]).verdict(ID), "ok");

    // A timer that has done its only work, and one that fires all the time.
    machine.script(
        "agent",
        "systemd-run --user --quiet --on-active=1us --timer-property=RemainAfterElapse=yes true
         systemd-run --user --quiet --on-calendar='*:*:0/10' true",
    );
    let report = machine.check(&[ID]);
    report.assert_facts(ID, &[("elapse", "scheduled"), ("unit-end", "ended")]);
    assert_eq!(report.verdict(ID), "ok", "{:#}", report.probe(ID));

    for state in STATES {
        machine.script("agent", &format!("{UNITS}{}", state.script));
        let report = machine.check(&[ID]);
        assert_state(&report, ID, state.fact, state.verdict, state.sentence);
        assert_eq!(!report.fix(ID).is_empty(), state.has_fix, "{:#}", report.probe(ID));
        if state.has_fix {
            apply_fix(&machine, &report, ID);
            let report = machine.check(&[ID]);
            assert_eq!(report.verdict(ID), "ok", "{}: {:#}", state.script, report.probe(ID));
        }
        machine.script("agent", &format!("{UNITS}{}; systemctl --user daemon-reload", state.end));
    }
    assert_eq!(machine.check(&[ID]).verdict(ID), "ok");
}

fn a_timer_does_not_start_a_service_that_is_active(release: Release) {
    let machine = Machine::boot(release);
    machine.script("root", "loginctl enable-linger agent");
    for report in [machine.check(&[SWALLOWS]), machine.check_system(&[SWALLOWS])] {
        report.assert_facts(SWALLOWS, &[("during-run", "lost")]);
        assert_eq!(report.verdict(SWALLOWS), "known", "{:#}", report.probe(SWALLOWS));
    }
    assert_eq!(
        machine.script(
            "agent",
            "systemctl --user list-units --all --plain --no-legend 'launch_doctor*'"
        ),
        ""
    );

    // A service that does not wait is started at each elapse. The last is late: with it the timer is unloaded.
    let at_once = "mkdir bin; cat >bin/systemd-run <<'END'
#!/bin/bash
set -- \"${@/#gate/open}\"
case \"$*\" in *=250ms*) set -- \"${@/%=500ms/=9s}\" ;; esac
set -- \"${@/%=250ms/=1s}\"
exec /usr/bin/systemd-run \"${@/%=500ms/=2s}\"
END
chmod 755 bin/systemd-run; PATH=$PWD/bin:$PATH exec \"$@\"";
    let report = machine.check_in(at_once, &[SWALLOWS]);
    report.assert_facts(SWALLOWS, &[("during-run", "started")]);
    assert_eq!(report.verdict(SWALLOWS), "relaxable", "{:#}", report.probe(SWALLOWS));
}
