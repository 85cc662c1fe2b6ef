//! Ordinary work of a healthy machine has no finding, though its managers log all that they do.
//!
//! A machine works for some seconds, and writes 15,000 lines, no two alike. `DOCTOR_JOURNAL_LINES=1000000 cargo test
//! --package launch-lab --test lab … journal_of_ordinary_work` lets it work for as long as it takes to write more.

use std::env;

use serde_json::Value;

use crate::lab::{Machine, Release};

on_each_release!(the_journal_of_ordinary_work_has_no_finding: Debian11, Debian14);

/// As root: nothing is dropped, and the managers say what they do.
const PREPARE: &str = "
    mkdir -p /etc/systemd/journald.conf.d
    printf '[Journal]\\nRateLimitIntervalSec=0\\nSystemMaxUse=16G\\nSystemKeepFree=1G\\n' >/etc/systemd/journald.conf.d/all.conf
    systemctl restart systemd-journald
    loginctl enable-linger agent other
    systemd-analyze log-level debug
    printf '%s\\n' '[Unit]' 'Description=tick' '[Service]' 'Type=oneshot' 'ExecStart=/bin/echo tick' \
        >/etc/systemd/user/tick.service
    printf '%s\\n' '[Timer]' 'OnActiveSec=0' 'OnUnitActiveSec=10s' 'AccuracySec=1ms' >/etc/systemd/user/tick.timer
";

/// As root: packages are built, installed and removed, services restart, users log in.
const ROOT: &str = r#"
    mkdir -p /srv/pkg/DEBIAN /srv/pkg/usr/share/ordinary
    date >/srv/pkg/usr/share/ordinary/file
    for n in $(seq 6); do
        printf '%s\n' 'Package: ordinary' "Version: $n" 'Architecture: all' 'Maintainer: a <a@b>' 'Description: a' \
            >/srv/pkg/DEBIAN/control
        dpkg-deb --build /srv/pkg /srv/ordinary.deb
        dpkg --install /srv/ordinary.deb
        # More often would be more than its start limit allows, and later it would meet the next log-in of the agent.
        [ "$n" -gt 2 ] || [ -e /run/restarted ] || systemctl restart systemd-logind.service
        systemd-run --quiet --wait --collect -p StandardOutput=journal dpkg --verify ordinary
        systemd-run --quiet --scope sh -c 'find /usr/share/doc -type f | head -n 300 | xargs md5sum'
        su - other -c 'id; systemctl --user list-timers --all'
    done 2>&1 | systemd-cat --identifier=maintenance
    : >/run/restarted
    dpkg --status libc6 git tmux 2>&1 | systemd-cat --identifier=dpkg
    dpkg --purge ordinary 2>&1 | systemd-cat --identifier=maintenance
"#;

/// As `agent`: units, scopes and timers, git and tmux.
const AGENT: &str = r#"
    systemctl --user log-level debug 2>/dev/null || systemd-analyze --user log-level debug
    systemctl --user is-active --quiet tick.timer || systemctl --user start tick.timer
    # A server that exits with its last session refuses the client that connects just then.
    tmux has-session -t =fleet 2>/dev/null || tmux -f /dev/null new-session -d -s fleet cat
    work() {
        cd "$(mktemp -d)" && mkdir -p copy && git init -q --bare shared && git clone -q shared copy/tree && cd copy/tree
        for n in $(seq 10); do
            find /etc -maxdepth 1 -type f -printf "%p $n\n" 2>/dev/null >"file-$n"
            git add . && git -c user.name=a -c user.email=a@b commit -m "change $n"
            git push origin HEAD:main && git pull --rebase --autostash origin main
            git worktree add -b "branch-$n" "../tree-$n" && git log -p --stat
            systemd-run --user --wait --collect --setenv=WORK="$n" -- git -C "$PWD" status
            systemd-run --user --scope --quiet --slice=agents.slice -- git -C "$PWD" fsck
            systemd-run --user --collect --unit="ordinary-$n" -- sh -c 'ls -lR /usr/share/doc | head -n 200'
            tmux new-session -d -s "session-$n" \
                'systemd-run --user --scope --slice=agents.slice sh -c "ls -l /; exit 0"'
            tmux new-session -d -s "quiet-$n" cat
            tmux list-sessions && tmux kill-session -t "=quiet-$n"
        done
        git gc && git maintenance run
    }
    work 2>&1 | systemd-cat --identifier=work
"#;

/// As root: what the journal and /var/log hold, in the formats in which people pass them on.
const DIAGNOSE: &str = r"
    journalctl --sync
    for format in json short-precise export; do
        journalctl --quiet --all --output=$format | doctor diagnose --format json || :
    done
    find /var/log -path /var/log/journal -prune -o -type f -size +0 -exec grep -Il . {} + \
        | xargs doctor diagnose --format json || :
";

fn the_journal_of_ordinary_work_has_no_finding(release: Release) {
    let wanted = env::var("DOCTOR_JOURNAL_LINES").map_or(15_000, |lines| lines.parse().unwrap());
    let machine = Machine::boot(release);
    machine.script("root", PREPARE);
    let work = || {
        std::thread::scope(|scope| {
            scope.spawn(|| machine.script("root", ROOT));
            machine.script("agent", AGENT);
        });
    };
    let count = || -> u64 {
        let count = "journalctl --sync; journalctl --quiet --output=cat | wc -l";
        machine.script("root", count).trim().parse().unwrap()
    };
    work();
    let first = count();
    let mut written = first;
    while written < wanted {
        for _ in 0..(wanted - written).div_ceil(first) {
            work();
        }
        written = count();
    }
    let output = machine.script("root", DIAGNOSE);
    let reports = serde_json::Deserializer::from_str(&output).into_iter::<Value>();
    let reports: Vec<Value> = reports.map(|report| report.expect("it is JSON")).collect();
    assert_eq!(reports.len(), 4, "three formats and the files");
    for report in &reports {
        assert_eq!(report["findings"], Value::Array(Vec::new()), "{:#}", report["findings"]);
        assert!(report["inputs"].as_array().unwrap().iter().all(|it| it["incomplete"].is_null()));
    }
    let lines = reports[0]["inputs"][0]["lines"].as_u64().unwrap();
    assert!(lines >= wanted, "only {lines} of {written} lines are left");
    println!("{lines} lines of {} without a finding", release.name());
}
