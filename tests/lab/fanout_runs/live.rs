use serde_json::Value;

use crate::lab::{Machine, Release};

on_each_release!(live_proves_the_overlap_leaves_nothing_and_fails_where_units_skip);

fn live_proves_the_overlap_leaves_nothing_and_fails_where_units_skip(release: Release) {
    let machine = Machine::boot(release);
    machine.script("root", "loginctl enable-linger agent");
    for count in [1u64, 6, 32] {
        let number = count.to_string();
        let run = machine.agent(&["doctor", "fanout", "--live", &number, "--format", "json"]);
        assert_eq!(run.status.code(), Some(0), "{}", String::from_utf8_lossy(&run.stderr));
        let report: Value = serde_json::from_slice(&run.stdout).unwrap();
        assert_eq!(report["fanout"]["totals"]["peak_concurrency"], count);
        assert_eq!(report["fanout"]["fires"][0]["peak"]["high"], count);
    }
    let left =
        "systemctl --user list-units --all --plain --no-legend 'launch_doctor*'; ls /run/user/1000";
    let left = machine.script("agent", left);
    assert!(!left.contains("launch_doctor"), "{left}");

    let refused = machine.agent(&["doctor", "fanout", "--live", "100000"]);
    assert_eq!(refused.status.code(), Some(2));
    assert!(String::from_utf8_lossy(&refused.stderr).contains("task-headroom"));

    // Every unit but the first skips: nothing fails, and they never were together.
    machine.script(
        "agent",
        r"mkdir -p ~/.config/systemd/user/service.d
           printf '[Service]\nExecCondition=mkdir %%t/only-one\n' >~/.config/systemd/user/service.d/skip.conf
           systemctl --user daemon-reload",
    );
    let short = machine.agent(&["doctor", "fanout", "--live", "3", "--timeout", "3"]);
    let shown = String::from_utf8_lossy(&short.stdout).into_owned();
    assert_eq!(short.status.code(), Some(1), "{shown}");
    assert!(shown.contains("1 of 3 units were inside at the same moment"), "{shown}");
}
