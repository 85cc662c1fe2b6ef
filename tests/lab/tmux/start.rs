//! tmux as it would be started here. `tests/lab/fixes/cases/tmux-start.toml` has the states with a fix.

use std::io::Write;

use super::fact_check::FactCheck;
use crate::lab::{Machine, Release};

on_each_release!(a_configuration_is_executed_only_if_it_starts_no_program);
on_each_release!(each_state_has_its_first_sentence: Debian11, Debian14);
on_each_release!(a_server_of_another_version_is_named_if_tmux_does_not_attach_to_it: Debian11, Debian13, Debian14);

const ID: &str = "tmux-start";
const START: FactCheck = FactCheck(ID);
const FINE: [(&str, &str); 5] = [
    ("socket-dir", "usable"),
    ("variables", "valid"),
    ("session", "runs"),
    ("configuration", "none"),
    ("attach", "none"),
];

fn a_configuration_is_executed_only_if_it_starts_no_program(release: Release) {
    let machine = Machine::boot(release);
    machine.script("root", "loginctl enable-linger agent");
    START.expect(&machine, "", &FINE, "ok");
    let left = machine.script("agent", "ls -A /tmp | grep -e tmux -e launch_doctor || true");
    assert_eq!(left, "", "doctor leaves nothing in /tmp");

    let start = "tmux -f /dev/null new-session -d -s kept cat";
    START.expect(&machine, start, &[("attach", "same-program"), ("socket-dir", "usable")], "ok");
    let inside = "export TMUX=/tmp/tmux-1000/default,7,0";
    START.expect(&machine, inside, &[("variables", "valid"), ("attach", "same-program")], "ok");
    let elsewhere = "mkdir -p ~/sockets; export TMUX_TMPDIR=$HOME/sockets";
    START.expect(&machine, elsewhere, &[("variables", "valid"), ("socket-dir", "usable")], "ok");

    let plain = "cat >~/.tmux.conf <<'END'
set -g mouse on
set -g status-right '#(touch /tmp/executed)'
bind K kill-server
bind R run-shell 'touch /tmp/executed'
setw -g mode-keys vi
END
";
    START.expect(&machine, plain, &[("configuration", "accepted"), ("session", "runs")], "ok");
    let program = "cat >~/.tmux.conf <<'END'
run-shell 'touch /tmp/executed'
if-shell 'touch /tmp/executed' 'set -g mouse on'
set-hook -g session-created 'run-shell \"touch /tmp/executed\"'
new-session -d -s executed 'touch /tmp/executed'
END
";
    let facts = [("configuration", "not-executed"), ("session", "runs")];
    START.expect(&machine, program, &facts, "ok");
    machine.script(
        "agent",
        "! [ -e /tmp/executed ]; tmux has-session -t =kept; ! tmux has-session -t =executed",
    );

    // Where no line can be named, no command is printed.
    let unreadable = "printf 'set -g mouse on\\n%%if 1\\n' >~/.tmux.conf";
    let report = START.expect(&machine, unreadable, &[("configuration", "refused")], "warn");
    assert_eq!(report.fix(ID), "");
    assert_eq!(report.look(ID), "cat -n /home/agent/.tmux.conf");
    machine.script("agent", "rm ~/.tmux.conf; tmux has-session -t =kept; tmux kill-server");
}

fn a_server_of_another_version_is_named_if_tmux_does_not_attach_to_it(release: Release) {
    let machine = Machine::boot(release);
    machine.script("root", "loginctl enable-linger agent");
    // The same program under another name.
    let copy =
        "cp /usr/bin/tmux /tmp/copy; /tmp/copy -f /dev/null -S /tmp/copied new-session -d cat";
    let report = START.expect(&machine, copy, &[("attach", "attaches")], "ok");
    assert_eq!(report.look(ID), "");
    START.expect(&machine, "chmod 644 /tmp/copy", &[("attach", "untried")], "ok");
    machine.script("agent", "tmux -S /tmp/copied has-session; tmux -S /tmp/copied kill-server");
    if release != Release::Debian14 {
        return;
    }
    let older = Machine::boot(Release::Debian13);
    let program = older.root(&["cat", "/usr/bin/tmux"]).stdout;
    let mut file = tempfile::NamedTempFile::new().expect("a temporary file");
    file.write_all(&program).expect("it can be written");
    machine.put(file.path(), "/opt/old/tmux");
    machine.script("root", "chmod 755 /opt/old/tmux");
    let start =
        "/opt/old/tmux -f /dev/null new-session -d -s kept cat; rm -f /opt/old/tmux || true";
    let report = START.expect(&machine, start, &[("attach", "refused")], "warn");
    let summary = report.probe(ID)["summary"].as_str().unwrap();
    let expected =
        "tmux cannot attach to a server of another version: /tmp/tmux-1000/default (process ";
    assert!(summary.starts_with(expected) && summary.ends_with("tmux 3.5a)"), "{summary}");
    assert_eq!(report.fix(ID), "", "every command would end the server");
    // It is as it says: the tmux in PATH does not attach, and the server's own program does.
    machine.script(
        "agent",
        &format!(
            "{}
             attach() {{ tmux -f /dev/null -S /tmp/outer new-session -d -s outer \"env -u TMUX $1 attach 2>&1; read x\"; }}
             attach 'tmux -L default'
             until tmux -S /tmp/outer capture-pane -p -t outer | grep -q 'open terminal failed: not a terminal'; do :; done
             tmux -S /tmp/outer kill-server
             attach \"/proc/$(pgrep -u agent -x 'tmux: server')/exe -L default\"
             until tmux list-clients | grep -q .; do :; done
             tmux -S /tmp/outer kill-server; tmux has-session -t =kept",
            report.look(ID)
        ),
    );
    let sixty = "for n in $(seq 59); do /proc/$(pgrep -o -u agent -x 'tmux: server')/exe -f /dev/null -L agent-$n new-session -d cat; done";
    let report = START.expect(&machine, sixty, &[("attach", "refused")], "warn");
    let summary = report.probe(ID)["summary"].as_str().unwrap();
    assert!(summary.contains("; and 57 more") && summary.len() < 400, "{summary}");
}

/// What root does, what the user does, the fact and its value, the verdict, and the sentence.
type State = (&'static str, &'static str, (&'static str, &'static str), &'static str, &'static str);

const DIR: &str = "rm -rf /tmp/tmux-1000";
const STATES: [State; 8] = [
    (
        DIR,
        "mkdir -m 755 /tmp/tmux-1000",
        ("socket-dir", "wrong-mode"),
        "fail",
        "/tmp/tmux-1000 has the mode 755, and tmux needs 700",
    ),
    (
        "rm -rf /tmp/tmux-1000; mkdir -m 700 /tmp/tmux-1000",
        "",
        ("socket-dir", "other-owner"),
        "fail",
        "/tmp/tmux-1000 belongs to the user 0, so tmux does not start",
    ),
    (
        DIR,
        "echo file >/tmp/tmux-1000",
        ("socket-dir", "not-a-directory"),
        "fail",
        "/tmp/tmux-1000 is not a directory, so tmux does not start",
    ),
    (
        "rm -rf /tmp/tmux-1000; chmod 755 /tmp",
        "export TMPDIR=/var/tmp",
        ("socket-dir", "refused"),
        "fail",
        "tmux cannot use /tmp/tmux-1000: agent may not create it",
    ),
    (
        "chmod 1777 /tmp",
        "export TMUX_TMPDIR=/no/such",
        ("variables", "nowhere"),
        "warn",
        "TMUX_TMPDIR is /no/such, which does not exist",
    ),
    (
        "systemd-run --quiet --unit=holder --service-type=forking \
         tmux -f /dev/null -S /tmp/holder new-session -d cat; mount -o remount,max=1 /dev/pts",
        "",
        ("session", "no-pty"),
        "fail",
        "all pseudoterminals are in use (/dev/pts is mounted with max=1), so tmux opens no pane",
    ),
    (
        "systemctl stop holder; mount -o remount,max=1048576 /dev/pts",
        "export SHELL=/usr/sbin/nologin",
        ("session", "shell-ends"),
        "fail",
        "tmux starts commands with /usr/sbin/nologin, which runs none",
    ),
    (
        "",
        "printf 'set -g mouse on\nset -g exit-unattached on\n' >~/.tmux.conf",
        ("configuration", "ends-sessions"),
        "fail",
        "the tmux configuration ends each new session (/home/agent/.tmux.conf:2)",
    ),
];

fn each_state_has_its_first_sentence(release: Release) {
    let machine = Machine::boot(release);
    machine.script("root", "loginctl enable-linger agent");
    for (root, state, fact, verdict, sentence) in STATES {
        if !root.is_empty() {
            machine.script("root", root);
        }
        let report = START.expect(&machine, state, &[fact], verdict);
        assert_eq!(report.probe(ID)["summary"], sentence);
    }
}
