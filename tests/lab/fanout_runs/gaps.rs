//! Where a source does not show everything, the doctor is right or says so.

use serde_json::Value;

use crate::lab::{Machine, Release};

on_each_release!(a_volatile_journal_is_incomplete_and_never_empty: Debian11, Debian13, Debian14);
on_each_release!(one_chatty_agent_makes_the_journal_incomplete: Debian11, Debian13, Debian14);
on_each_release!(a_journald_that_restarts_loses_nothing_or_is_named: Debian11, Debian13, Debian14);
on_each_release!(a_timer_that_elapses_while_its_service_runs_swallows_fires: Debian11, Debian13, Debian14);
on_each_release!(a_virtual_machine_that_reboots_or_whose_clock_jumps_is_incomplete: Debian13);

#[track_caller]
fn fanout(machine: &Machine, args: &str) -> (Value, Option<i32>) {
    let script = format!("exec doctor fanout --format json {args}");
    let output = machine.agent(&["sh", "-c", &script]);
    let report = serde_json::from_slice(&output.stdout)
        .unwrap_or_else(|error| panic!("{error}: {}", String::from_utf8_lossy(&output.stderr)));
    (report, output.status.code())
}

fn reasons(report: &Value) -> Vec<&str> {
    let why = report["fanout"]["why"].as_array().expect("reasons");
    why.iter().filter_map(|reason| reason["reason"].as_str()).collect()
}

fn a_volatile_journal_is_incomplete_and_never_empty(release: Release) {
    let machine = Machine::boot(release);
    machine.script(
        "root",
        "loginctl enable-linger agent
         mkdir -p /etc/systemd/journald.conf.d
         printf '[Journal]\\nStorage=volatile\\n' >/etc/systemd/journald.conf.d/v.conf
         rm -rf /var/log/journal && systemctl restart systemd-journald",
    );
    machine.script(
        "agent",
        "systemd-run --user --quiet --collect --unit=v-1 --service-type=oneshot -- true",
    );
    let (report, status) = fanout(&machine, "--units 'v-*'");
    assert_eq!(reasons(&report), ["no-journal"], "{report:#}");
    assert_eq!(status, Some(3));
}

fn one_chatty_agent_makes_the_journal_incomplete(release: Release) {
    let machine = Machine::boot(release);
    machine.script("root", "loginctl enable-linger agent");
    machine.script(
        "agent",
        "systemd-run --user --quiet --collect --unit=c-chatty --service-type=oneshot -- \
             sh -c 'i=0; while [ $i -lt 80000 ]; do echo line $i; i=$((i+1)); done'
         systemd-run --user --quiet --collect --unit=c-after --service-type=oneshot -- true
         sleep 1",
    );
    let (report, status) = fanout(&machine, "--units 'c-*' --timeout 60");
    let units = report["fanout"]["fires"][0]["units"].as_array().cloned().unwrap_or_default();
    let is_right = units.len() == 2 && units.iter().all(|unit| unit["outcome"] == "succeeded");
    assert!(is_right || !reasons(&report).is_empty(), "{report:#}");
    assert!(reasons(&report).contains(&"rate-limit"), "{report:#}");
    assert_eq!(status, Some(3));
}

fn a_journald_that_restarts_loses_nothing_or_is_named(release: Release) {
    let machine = Machine::boot(release);
    machine.script("root", "loginctl enable-linger agent");
    let launch = |number: u32| {
        format!(
            "systemd-run --user --quiet --collect --unit=r-{number} --service-type=oneshot -- true"
        )
    };
    machine.script("agent", &launch(1));
    machine.script("root", "systemctl restart systemd-journald");
    machine.script("agent", &launch(2));
    let (report, _) = fanout(&machine, "--units 'r-*'");
    let is_right = report["fanout"]["totals"]["spawned"] == 2;
    assert!(is_right || !reasons(&report).is_empty(), "{report:#}");
}

fn a_timer_that_elapses_while_its_service_runs_swallows_fires(release: Release) {
    let machine = Machine::boot(release);
    machine.script("root", "loginctl enable-linger agent");
    machine.script(
        "agent",
        r#"mkdir -p ~/.config/systemd/user && cd ~/.config/systemd/user
          printf '[Service]\nType=oneshot\nExecStart=/bin/sh -c "systemd-run --user --quiet --collect --service-type=oneshot true; sleep 3.5"\n' >tick.service
          printf '[Timer]\nOnCalendar=*:*:*\nAccuracySec=1ms\n' >tick.timer
          systemctl --user daemon-reload && systemctl --user start tick.timer
          sleep 9 && systemctl --user show tick.timer -p ActiveState"#,
    );
    let (report, status) = fanout(&machine, "--since 15s");
    let fires = report["fanout"]["fires"].as_array().unwrap();
    assert!(fires.len() >= 2, "{report:#}");
    assert!(fires.iter().all(|fire| fire["trigger"] == "timer"), "{report:#}");
    // Due each second, over 3.5 s: three or four times, of which one came.
    let swallowed = fires[0]["swallowed_before"].as_u64().unwrap();
    assert!((2..=3).contains(&swallowed), "{report:#}");
    assert!(report["fanout"]["next_fire"].is_string(), "{report:#}");
    assert_eq!(status, Some(1));
    machine.script("agent", "systemctl --user stop tick.timer tick.service");
}

fn a_virtual_machine_that_reboots_or_whose_clock_jumps_is_incomplete(release: Release) {
    let machine = Machine::boot_vm(release);
    machine.script("root", "loginctl enable-linger agent");
    let launch = "systemd-run --user --quiet --collect --unit=b-1 --service-type=oneshot -- true";
    machine.script("agent", launch);
    machine.reboot();
    machine.script("agent", launch);
    let (report, status) = fanout(&machine, "--since 1h --units 'b-*'");
    assert!(reasons(&report).contains(&"several-boots"), "{report:#}");
    assert_eq!(status, Some(3));
    machine.script("root", "date -s '+2 hours' >/dev/null");
    machine.script("agent", launch);
    let (report, status) = fanout(&machine, "--since 4h --units 'b-*'");
    assert!(reasons(&report).contains(&"clock-jump"), "{report:#}");
    assert_eq!(status, Some(3));
}
