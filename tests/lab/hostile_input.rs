//! What others write is data: nothing of it runs, and nothing that it names is touched.
//!
//! Whatever runs of it makes a file whose name begins with `touched`.

use crate::lab::{Machine, Release, Report};

on_each_release!(a_name_of_a_slice_is_neither_shell_text_nor_an_option: Debian11, Debian14);
on_each_release!(nothing_of_a_repository_with_hostile_configuration_runs: Debian11, Debian14);
on_each_release!(what_a_repository_points_to_is_left_alone_unless_it_is_a_repository: Debian11, Debian14);
on_each_release!(names_in_a_running_tmux_server_are_not_expanded: Debian11, Debian14);
on_each_release!(what_stands_in_the_place_of_a_temporary_file_is_neither_followed_nor_removed: Debian11, Debian14);
on_each_release!(shell_text_in_a_policy_is_data: Debian11, Debian14);

/// Everything that ran although it must not.
fn touched(machine: &Machine) -> String {
    machine.script(
        "root",
        "find / \\( -path /proc -o -path /sys \\) -prune -o -name 'touched*' -print | sort",
    )
}

fn a_name_of_a_slice_is_neither_shell_text_nor_an_option(release: Release) {
    let machine = Machine::boot(release);
    for (slice, state) in [
        // systemd writes out what a name of a unit cannot hold.
        ("$(touch touched)", "works"),
        ("`touch touched`", "works"),
        ("'; touch touched; '", "works"),
        ("-x", "slice-refused"),
        ("--property=Description=owned", "slice-refused"),
        ("a\n[Slice]\nb", "works"),
    ] {
        let ids = ["scope", "tmux", "fanout"];
        let variable = format!("GC_AGENT_SLICE={slice}");
        let doctor = ["env", &variable, "doctor", "check", "--format", "json"];
        let report = Report::read(&machine.agent(&[&doctor[..], &ids].concat()));
        assert_eq!(report.fact("scope-availability", "available"), state, "{slice}");
        let reason = report.probe("slice-defined")["reason"].as_str().unwrap();
        let shown = slice.replace('\n', "\\n");
        assert!(reason.contains(&format!("systemd does not accept `{shown}`")), "{reason}");
        let report = machine.check(&["scope-availability", &format!("--slice={slice}")]);
        assert_eq!(report.fact("scope-availability", "available"), state, "{slice}");
        // What is to be pasted is one word each.
        for fix in report.fix("scope-availability").lines() {
            let words = machine.agent(&["sh", "-c", &format!("set -- {fix}; echo $#")]);
            assert!(words.status.success(), "{fix}");
        }
    }
    assert_eq!(touched(&machine), "");
    machine.script("agent", "eval 'x=$(touch touched)'");
    assert_eq!(touched(&machine), "/home/agent/touched\n");
}

/// A repository in `$1` in which every program that git may be made to run creates a file.
const EVIL: &str = r#"
git init -q "$1" && cd "$1"
git -c user.name=a -c user.email=a@b commit -q --allow-empty -m first
run() { echo "touch /tmp/touched-$1; false"; }
for key in core.fsmonitor core.sshCommand core.gitProxy core.pager core.editor core.askPass sequence.editor \
    diff.external gpg.program uploadpack.packObjectsHook interactive.diffFilter; do
    git config $key "$(run $key)"
done
for name in rev-parse status init commit clone gc maintenance worktree fetch config symbolic-ref; do
    git config alias.$name "!$(run alias-$name)"
done
git config credential.helper "!$(run credential)"
git config filter.evil.clean "$(run clean)"
git config filter.evil.smudge "$(run smudge)"
git config safe.directory '*'
mkdir hooks
for hook in post-checkout pre-commit reference-transaction post-index-change pre-auto-gc post-commit \
    fsmonitor-watchman pre-push post-merge pre-rebase; do
    printf '#!/bin/sh\n%s\n' "$(run hook-$hook)" >hooks/$hook
    cp hooks/$hook .git/hooks/$hook
done
chmod 755 hooks/* .git/hooks/*
git config core.hooksPath "$1/hooks"
printf '[core]\n\tfsmonitor = "%s"\n' "$(run include)" >included
git config include.path "$1/included"
echo '* filter=evil' >.gitattributes
: >.git/index.lock
chmod -R a+rwX .
rm -f /tmp/touched*
"#;

fn nothing_of_a_repository_with_hostile_configuration_runs(release: Release) {
    let machine = Machine::boot(release);
    for owner in ["other", "agent"] {
        let repo = format!("/tmp/of-{owner}");
        let made = machine.run_as(owner, &["sh", "-ec", EVIL, "sh", &repo]);
        assert!(made.status.success(), "{}", String::from_utf8_lossy(&made.stderr));
        let look = format!(
            "cd {repo} && find . -printf '%p %y %m %u %s %l\\n' | sort && find . -type f -exec sha256sum {{}} + | sort"
        );
        let before = machine.script("root", &look);
        let report = machine.check(&["--repo", &repo]);
        assert_eq!(touched(&machine), "");
        assert_eq!(machine.script("root", &look), before);
        assert_eq!(report.fact("stale-git-state", "locks"), "recent");
        assert_eq!(report.fact("lock-path", "sh"), "stops", "{:#}", report.probe("lock-path"));
    }
    machine
        .script("agent", "rm /tmp/of-agent/.git/index.lock; cd /tmp/of-agent; git status || true");
    assert!(
        touched(&machine).contains("/tmp/touched-"),
        "the configuration is obeyed by git itself"
    );
}

fn what_a_repository_points_to_is_left_alone_unless_it_is_a_repository(release: Release) {
    let machine = Machine::boot(release);
    machine.script(
        "agent",
        "mkdir -p ~/private /tmp/pointing/.git && cd /tmp/pointing/.git && : >HEAD && echo ~/private >commondir
        touch -d @1 ~/private /tmp/pointing /tmp/pointing/.git",
    );
    machine.check(&["lock", "--repo", "/tmp/pointing"]);
    assert_eq!(machine.script("agent", "stat -c %Y ~/private"), "1\n");
    machine.script("agent", "mkdir ~/private/objects ~/private/refs; touch -d @1 ~/private");
    machine.check(&["lock", "--repo", "/tmp/pointing"]);
    assert_ne!(machine.script("agent", "stat -c %Y ~/private"), "1\n");
}

fn names_in_a_running_tmux_server_are_not_expanded(release: Release) {
    let machine = Machine::boot(release);
    machine.script("root", "loginctl enable-linger agent");
    machine.script(
        "agent",
        "exec >/dev/null 2>&1
        tmux new-session -d -s '##(touch /tmp/touched-session)' -n '##(touch /tmp/touched-window)' 'sleep 1000'
        tmux set-option -g status off
        tmux set-environment -g XDG_RUNTIME_DIR '$(touch /tmp/touched-environment)#(touch /tmp/touched-format)'
        tmux -L '#(touch touched-socket)' new-session -d 'sleep 1000'",
    );
    let names = machine.script("agent", "tmux list-windows -a -F '#{session_name} #{window_name}'");
    assert_eq!(names, "#(touch /tmp/touched-session) #(touch /tmp/touched-window)\n");
    assert_eq!(touched(&machine), "", "the names are there, and were not expanded");
    let report = machine.check(&["tmux", "scope", "session"]);
    assert_eq!(touched(&machine), "");
    let summary = report.probe("tmux-bus-env")["summary"].as_str().unwrap();
    assert!(summary.contains("of 2 tmux servers"), "{summary}");
    let output = machine.agent(&["doctor", "check", "tmux", "--verbose"]);
    assert!(String::from_utf8_lossy(&output.stdout).contains("tmux-bus-env"));
    assert_eq!(touched(&machine), "");
    // The server may end a command of a format before it has done anything.
    let control = "tmux display-message -p '#(touch /tmp/touched-control)'";
    let again = format!("until [ -e /tmp/touched-control ]; do {control}; done");
    machine.agent(&["timeout", "20", "sh", "-c", &again]);
    assert_eq!(touched(&machine), "/tmp/touched-control\n");
}

/// Plants `$1` under the name of the directory that the doctor is about to make, for its process id
/// and start time are those of the shell that becomes it.
const PLANTED: &str = r#"
plant=$1
shift
boot=$(cut -c1-8 /proc/sys/kernel/random/boot_id)
namespace=$(readlink /proc/$$/ns/pid | tr -dc 0-9)
start=$(sed 's/.*) //' /proc/$$/stat | cut -d' ' -f20)
name=launch_doctor_${boot}_$(printf %x $namespace)_$$_$start
for place in /tmp "$XDG_RUNTIME_DIR" ~/repo ~/repo/.git; do
    $plant "$place/$name"
done
echo $name >~/name
exec "$@"
"#;

fn what_stands_in_the_place_of_a_temporary_file_is_neither_followed_nor_removed(release: Release) {
    let machine = Machine::boot(release);
    machine.script(
        "agent",
        "mkdir ~/victim ~/victim/flock-order ~/victim/lock-path.at-repo
        echo mine | tee ~/victim/file ~/victim/flock-order/file ~/victim/lock-path.at-repo/file
        git init -q ~/repo; ln -s ~/victim /tmp/launch_doctor_00000000_1_1_1
        touch -d @1 ~/victim ~/victim/*",
    );
    let before = machine.script("agent", "cd ~/victim; find . -printf '%p %T@ %s %y\\n' | sort");
    for plant in ["ln -s /home/agent/victim", "touch"] {
        let script =
            ["sh", "-ec", PLANTED, "sh", plant, "doctor", "check", "--format", "json", "lock"];
        let args = ["--repo", "/home/agent/repo", "env-block-spaces", "tmux-bus-env"];
        let report = Report::read(&machine.agent(&[&script[..], &args].concat()));
        // There is another place for the run, and none beside the repository.
        let reason = report.probe("flock-order")["reason"].as_str().unwrap();
        assert!(reason.contains("could not be created"), "{reason}");
        assert_eq!(report.verdict("env-block-spaces"), "known");
        let after = machine.script("agent", "cd ~/victim; find . -printf '%p %T@ %s %y\\n' | sort");
        assert_eq!(after, before);
        let left = "ls -d /tmp/$(cat ~/name) ~/repo/$(cat ~/name) ~/repo/.git/$(cat ~/name) \
             $XDG_RUNTIME_DIR/$(cat ~/name) | wc -l";
        assert_eq!(machine.script("agent", left), "4\n", "what is not the doctor's stays");
    }
    machine.script("agent", "test -L /tmp/launch_doctor_00000000_1_1_1");
}

fn shell_text_in_a_policy_is_data(release: Release) {
    let machine = Machine::boot(release);
    machine.script(
        "agent",
        r#"mkdir '$(touch touched-repo)'
        cat >doctor.toml <<'END'
slice = "$(touch touched-slice)"
repo = "$(touch touched-repo)"
[[waiver]]
probe = "scope-availability"
reason = "`touch touched-reason`; $(touch touched-reason)"
until = 2999-12-31
END"#,
    );
    let report = machine.check(&[]);
    assert_eq!(report.verdict("scope-availability"), "waived");
    let text = report.probe("scope-availability")["findings"][0]["text"].as_str().unwrap();
    assert!(text.ends_with("`touch touched-reason`; $(touch touched-reason)"), "{text}");
    for (line, expected) in [
        ("skip = ['$(touch touched-skip)']", "there is no probe or group `$(touch touched-skip)`"),
        ("repo = '$(touch touched-other)'", "cannot examine --repo $(touch touched-other)"),
        ("severity.'$(touch touched-x)' = 'warn'", "there is no probe `$(touch touched-x)`"),
    ] {
        machine.script("agent", &format!("cat >doctor.toml <<'END'\n{line}\nEND"));
        let output = machine.agent(&["doctor", "check"]);
        assert_eq!(output.status.code(), Some(2));
        let message = String::from_utf8_lossy(&output.stderr).into_owned();
        assert!(message.contains(expected), "{message}");
    }
    machine.script("agent", "rmdir '$(touch touched-repo)'");
    assert_eq!(touched(&machine), "");
}
