//! What a run leaves behind on real systemd: nothing, whichever way it ends.

use std::time::{Duration, Instant};

use crate::lab::{Machine, Release};

on_each_release!(a_run_on_real_systemd_leaves_nothing_behind_however_it_ends);

/// How long what must happen may take: a bound, not a delay.
const BOUND: Duration = Duration::from_secs(8);

/// Everything that a run could leave on a machine, as text: units of both managers, processes,
/// cgroups, files. The audit's own processes and what time alone changes are left out.
const AUDIT: &str = r#"
    export XDG_RUNTIME_DIR=/run/user/1000
    units() { systemctl "$@" list-units --all --plain --no-legend --full | awk '{print $1, $3}' | grep -vE '^(session-|run-|user-runtime|user@|dev-|sys-|proc-|systemd-(hostnamed|tmpfiles))' | sort; }
    echo '# user units'; units --user
    echo '# failed'; systemctl --user --failed --plain --no-legend
    echo '# processes'; ps -u agent -o args= | grep -vE '^(ps|grep|sh|awk|sort|/lib/systemd/systemd --user|/usr/lib/systemd/systemd --user|\(sd-pam\)|systemctl)' | sort
    echo '# cgroups'; find "/sys/fs/cgroup/user.slice/user-1000.slice/user@1000.service" -type d | sort
    echo '# files'; find /tmp /var/tmp /dev/shm /home/agent /run/user/1000 ! -path '*/systemd/*' 2>/dev/null | sort
    echo '# linger'; ls /var/lib/systemd/linger
    echo '# units of the system'; systemctl list-units --all --plain --no-legend --full | grep -E 'launch_doctor|tmux' || :
    echo '# configuration'; cat ~/.gitconfig ~/.config/git/config ~/.tmux.conf ~/.config/tmux/tmux.conf 2>/dev/null || :
    echo '# journal'; journalctl -q -o short | grep -F launch_doctor | awk '{print $5}' | sed 's/\[.*//' | sort -u
"#;
/// What its user has set, so that it can be seen to stay so.
const CONFIGURE: &str = "git config --global user.name Agent; echo set -g status off >~/.tmux.conf";

fn a_run_on_real_systemd_leaves_nothing_behind_however_it_ends(release: Release) {
    let machine = Machine::boot(release);
    // With linger the manager stays, so that what a run leaves in it can be seen.
    machine.script("root", "loginctl enable-linger agent");
    machine.script("agent", CONFIGURE);
    // The first session makes what every session makes: a bus, its units.
    machine.agent(&["doctor", "check"]);
    let before = machine.script("agent", AUDIT);
    for (way, script) in [
        ("to its end", "doctor >/dev/null || true"),
        (
            "by its deadline",
            "for s in 0.02 0.05 0.2; do doctor --timeout $s >/dev/null || true; done",
        ),
        ("by a reader that hangs up", "doctor check --format ndjson | head -n 3 >/dev/null"),
        ("by SIGINT", "timeout --foreground -s INT 0.05 doctor >/dev/null || true"),
        ("by SIGTERM", "timeout --foreground -s TERM 0.2 doctor >/dev/null || true"),
        ("by SIGHUP", "timeout --foreground -s HUP 0.4 doctor >/dev/null || true"),
        (
            "by SIGKILL",
            "timeout --foreground -s KILL 0.05 doctor >/dev/null || true; doctor check git-env-leak >/dev/null",
        ),
    ] {
        machine.script("agent", script);
        // A manager hears of the end of a scope that is not the run's own, such as tmux's, a moment
        // after its last process has exited.
        let end = Instant::now() + BOUND;
        let mut after = machine.script("agent", AUDIT);
        while before != after && Instant::now() < end {
            after = machine.script("agent", AUDIT);
        }
        assert_eq!(before, after, "ended {way}, a run left something behind");
    }
}
