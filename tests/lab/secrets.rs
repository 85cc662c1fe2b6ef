//! What the doctor could pass on and does not: keys in environments, command lines and configuration.
//!
//! Quotes split each secret in the scripts, so that a script that is logged does not contain it.

use crate::lab::Release::*;
use crate::lab::{Machine, Release};

on_each_release!(no_secret_reaches_a_report_a_command_line_a_file_or_the_journal: Debian11, Debian14);

/// How each planted secret begins.
const SECRET: &str = "secret-";
/// Where a script puts what is searched.
const SEEN: &str = "/var/tmp/seen";

/// Plants secrets as `agent`, and a policy with a reason that is meant to be shown.
const PLANT: &str = r##"
tmux new-session -d -s work "TMUX_KEY=sec''ret-pane exec sleep 1000"
tmux set-environment -g API_KEY sec''ret-tmux-global
tmux set-environment -t work API_KEY sec''ret-tmux-session
API_KEY=sec''ret-process-environment setsid sh -c 'exec sleep 1000' sec''ret-process &
setsid sh -c ': "$1"; while :; do sleep 1000; done' sh --token=sec''ret-command-line &
systemctl --user set-environment API_KEY=sec''ret-manager
git config --global http.extraHeader "Authorization: sec""ret-git-global"
git init -q ~/repo
git -C ~/repo config http.extraHeader "Authorization: sec""ret-git-repo"
git -C ~/repo remote add origin https://user:sec''ret-git-url@localhost/x
echo "https://user:sec""ret-git-store@localhost" >~/.git-credentials
: >~/repo/.git/index.lock
printf '%s\n' "# sec""ret-policy-comment" 'slice = "agents.slice"' '[[waiver]]' \
    'probe = "fanout-parallel"' "reason = \"sh""own-reason\"" 'until = 2999-12-31' >~/doctor.toml
"##;

/// Programs that the doctor starts, each of which first saves its arguments and the files in the
/// directories of runs.
const WATCHERS: &str = r#"
mkdir -p /opt/watch
install -d -m 0777 /var/tmp/seen /var/tmp/seen/argv /var/tmp/seen/dirs /var/tmp/seen/reports
for program in systemd-run systemctl loginctl busctl journalctl tmux git flock; do
    real=$(command -v $program)
    printf '#!/bin/sh\nprintf "%%s\\n" "$0" "$@" >/var/tmp/seen/argv/$$\ncp -a /tmp/launch_doctor_* /var/tmp/seen/dirs/$$ 2>/dev/null\nexec %s "$@"\n' \
        $real >/opt/watch/$program
    chmod 755 /opt/watch/$program
done
"#;

/// Runs everything in every format, whole, with probes that are cut short, and for a record.
const RUN: &str = r#"
cd
systemctl=$(command -v systemctl)
export RUST_BACKTRACE=full PATH=/opt/watch:$PATH API_KEY=sec''ret-environment
reports=/var/tmp/seen/reports
watch() {
    while [ -e ~/running ]; do
        $systemctl --user show --property=Id,Environment,Description 'launch_doctor_*'
        sleep 0.1
    done
}
: >~/running
watch >/var/tmp/seen/units 2>&1 &
formats="--format human=$reports/human"
for format in json ndjson junit tap nagios prometheus github markdown sarif html; do
    formats="$formats --format $format=$reports/$format"
done
doctor check --repo ~/repo $formats >$reports/out 2>$reports/err || true
rm ~/running
doctor check --repo ~/repo --timeout 0.2 >$reports/killed 2>&1 || true
doctor record launcher session >$reports/record 2>&1 || true
wait $! || true
"#;

/// The files that hold a text, below what was seen.
fn files_with(machine: &Machine, text: &str) -> String {
    machine.script("root", &format!("grep -rlaF -e {text} {SEEN} || true"))
}

fn no_secret_reaches_a_report_a_command_line_a_file_or_the_journal(release: Release) {
    let machine = Machine::boot(release);
    machine.script("root", WATCHERS);
    // The session stays, because what was planted has to.
    machine.script("root", "loginctl enable-linger agent");
    machine.script("agent", &format!("exec >/dev/null 2>&1; {PLANT}"));
    machine.script("agent", RUN);
    machine.script("root", &format!("journalctl --boot --output=export >{SEEN}/journal"));

    let found = files_with(&machine, SECRET);
    let shown =
        machine.script("root", &format!("grep -rhaF -e {SECRET} {SEEN} | head -c 3000 || true"));
    assert_eq!(found, "", "{shown}");

    // The search finds what is there, and all of it was there to be found.
    let reports = files_with(&machine, "shown-reason");
    for report in ["human", "json", "ndjson", "tap", "github", "markdown", "sarif", "html"] {
        assert!(reports.contains(&format!("/reports/{report}\n")), "{report}: {reports}");
    }
    assert!(files_with(&machine, "fanout-parallel").contains("/reports/killed\n"));
    assert!(files_with(&machine, "Id=launch_doctor_").contains("/seen/units"));
    assert!(files_with(&machine, "DOCTOR_MARK=launch-doctor").contains("/seen/argv/"));
    assert!(machine.script("root", &format!("find {SEEN}/dirs -type f")).lines().count() > 10);
    let planted = machine.script(
        "root",
        "cat /proc/[0-9]*/environ /proc/[0-9]*/cmdline /home/agent/.git* /home/agent/repo/.git/config \
         /home/agent/doctor.toml 2>/dev/null | tr '\\0' '\\n' | grep -aoE 'secret-[a-z-]+' | sort -u",
    );
    for secret in [
        "command-line",
        "git-global",
        "git-repo",
        "git-store",
        "git-url",
        "pane",
        "policy-comment",
        "process-environment",
    ] {
        assert!(planted.contains(&format!("secret-{secret}\n")), "{secret}: {planted}");
    }
    let shown = machine.script(
        "agent",
        "tmux show-environment -g API_KEY; tmux show-environment -t work API_KEY
        systemctl --user show-environment | grep API_KEY",
    );
    for secret in ["tmux-global", "tmux-session", "manager"] {
        assert!(shown.contains(&format!("secret-{secret}\n")), "{secret}: {shown}");
    }
    machine.script("root", "systemd-cat echo sec''ret-logged; journalctl --sync");
    machine.script("root", &format!("journalctl --boot --output=export >{SEEN}/journal"));
    assert_eq!(files_with(&machine, SECRET), format!("{SEEN}/journal\n"));
}

/// A `flock` that waits for ever, so that a probe does.
const HANGING_FLOCK: &str = r#"
mkdir -p /opt/hang
printf '#!/bin/sh\n[ "$1" = --version ] && exec /usr/bin/flock --version\n: >/tmp/hangs\nexec sleep 1000\n' >/opt/hang/flock
chmod 755 /opt/hang/flock
"#;

/// Kills the doctor, or the first of its workers, by a signal that writes a core dump. With
/// `other`, a shell with the same environment is killed instead.
const CRASH: &str = r#"
cd "$(mktemp -d)"
ulimit -c unlimited
rm -f /tmp/hangs
export API_KEY=sec''ret-environment PATH=/opt/hang:$PATH
case $2 in
other) sh -c 'sleep 1000; :' & ;;
*) doctor check flock-order >/dev/null 2>&1 & ;;
esac
victim=$!
if [ $2 != other ]; then
    until [ -e /tmp/hangs ]; do sleep 0.05; done
    cat /proc/$victim/environ >/dev/null 2>&1 && echo readable
fi
[ $2 != worker ] || victim=$(cut -d' ' -f1 </proc/$victim/task/$victim/children)
kill -s $1 $victim
wait $! || true
grep -laF sec''ret-environment * 2>/dev/null || echo nothing
"#;

/// The kernel of a virtual machine is its own, and with it where core dumps go.
#[test]
fn no_core_dump_is_written_of_a_doctor_in_a_virtual_machine() {
    let machine = Machine::boot_vm(Debian12);
    machine.script("root", HANGING_FLOCK);
    machine.script("root", "echo core >/proc/sys/kernel/core_pattern");
    let crash = |signal: &str, who: &str| {
        let output = machine.agent(&["sh", "-ec", CRASH, "sh", signal, who]);
        String::from_utf8(output.stdout).unwrap()
    };
    for signal in ["ABRT", "SEGV"] {
        assert!(crash(signal, "other").starts_with("core"), "the host writes core dumps");
        assert_eq!(crash(signal, "doctor"), "nothing\n");
        assert_eq!(crash(signal, "worker"), "nothing\n");
    }
}
