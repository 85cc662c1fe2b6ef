//! How workers share a repository-wide lock, and what becomes of it.

mod lab;

use std::process::Command;

use lab::Release::*;
use lab::{Machine, Release, Report};
use rstest::rstest;

/// A script's beginning: an empty repository in `repo`, under the home directory.
const REPOSITORY: &str = "cd; export GIT_CONFIG_GLOBAL=/dev/null; git init -q repo";
/// A script that names what the doctor has left behind.
const LEFT_BEHIND: &str =
    "find ~ /tmp /var/tmp /dev/shm -name 'launch_doctor_*' 2> /dev/null || true";
/// Facts of a lock that does what it is for.
const SERIALIZED: &[(&str, &str)] = &[
    ("two", "serialized"),
    ("six", "serialized"),
    ("unlocked", "overlapped"),
    ("order", "arrival"),
];

/// A script's beginning: `flock` does what `body` says instead.
fn instead_of_flock(body: &str) -> String {
    format!(
        "mkdir -p ~/bin; cat > ~/bin/flock <<'END'
#!/bin/sh
[ \"$1\" != --version ] || exec /usr/bin/flock --version
{body}
END
         chmod +x ~/bin/flock; PATH=~/bin:$PATH"
    )
}

fn here(args: &[&str]) -> Report {
    let mut doctor = Command::new(env!("CARGO_BIN_EXE_doctor"));
    let output = doctor.args(["check", "--format", "json"]).args(args).output();
    Report::read(&output.expect("the doctor starts"))
}

#[rstest]
fn workers_on_one_lock_never_overlap_and_are_served_in_order_of_arrival(
    #[values(Debian11, Debian12, Debian12Backports, Debian13, Debian14)] release: Release,
) {
    let machine = Machine::boot(release);
    let places = [
        ("TMPDIR=/var/tmp exec \"$@\"".to_owned(), "overlay"),
        ("TMPDIR=/dev/shm exec \"$@\"".to_owned(), "tmpfs"),
        (format!("{REPOSITORY}; exec \"$@\" --repo repo"), "overlay"),
        ("cd; mkdir -p plain; exec \"$@\" --repo plain".to_owned(), "overlay"),
        ("git init -q /dev/shm/repo; exec \"$@\" --repo /dev/shm/repo".to_owned(), "tmpfs"),
    ];
    for (script, kind) in places {
        let report = machine.check_in(&script, &["flock-order"]);
        report.assert_facts("flock-order", SERIALIZED);
        assert_eq!(report.verdict("flock-order"), "ok");
        let summary = report.probe("flock-order")["summary"].as_str().unwrap();
        assert!(
            summary
                .contains("at most 1 of 2 and 1 of 6 workers were inside at once, without it 6;"),
            "{summary}"
        );
        assert!(summary.ends_with(&format!("on {kind}")), "{script}: {summary}");
    }
    assert_eq!(machine.script("agent", LEFT_BEHIND), "");

    // A flock that only pretends is noticed, because nobody waits.
    let report =
        machine.check_in(&format!("{}; exec \"$@\"", instead_of_flock("exit 0")), &["flock-order"]);
    report.assert_facts("flock-order", &[("two", "overlapped"), ("six", "overlapped")]);
    assert_ne!(report.verdict("flock-order"), "ok");
}

#[test]
fn a_host_without_systemd_has_its_lock_measured() {
    let report = here(&["flock-order"]);
    report.assert_facts("flock-order", SERIALIZED);
}

#[test]
fn the_lock_lies_in_the_common_directory_of_a_linked_work_tree() {
    let machine = Machine::boot(Debian13);
    // The main work tree on tmpfs and the linked one on disk: the lock is where the objects are.
    let script = "git init -q /dev/shm/main; cd /dev/shm/main
        git -c user.name=a -c user.email=a@b commit -q --allow-empty -m one
        git worktree add -q ~/linked; exec \"$@\" --repo ~/linked";
    let report = machine.check_in(script, &["flock-order"]);
    let summary = report.probe("flock-order")["summary"].as_str().unwrap();
    assert!(summary.ends_with("on tmpfs"), "{summary}");
}

#[test]
fn a_repository_that_may_not_be_written_is_unmeasured() {
    let machine = Machine::boot(Debian13);
    machine.script("root", "git init -q /srv/repo");
    let report = machine.check(&["flock-order", "--repo", "/srv/repo"]);
    assert_eq!(report.verdict("flock-order"), "unmeasured");
    let reason = report.probe("flock-order")["reason"].as_str().unwrap();
    assert!(reason.contains("/srv/repo/.git/") && reason.contains("Permission denied"), "{reason}");
    assert_eq!(report.status, 3);
}

#[test]
fn nothing_stays_in_the_repository_after_a_deadline_an_interrupt_or_a_kill() {
    let machine = Machine::boot(Debian13);
    let hang = instead_of_flock("exec tail -f /dev/null");
    let report = machine.check_in(
        &format!("{hang}; {REPOSITORY}; exec \"$@\" --repo repo --timeout 0.5"),
        &["flock-order"],
    );
    assert_eq!(report.verdict("flock-order"), "unmeasured");
    for signal in ["TERM", "KILL"] {
        let script = format!(
            "{hang}; cd; doctor check flock-order --repo repo > /dev/null & doctor=$!
             until ls repo/.git | grep -q launch_doctor_; do :; done
             kill -s {signal} $doctor; wait $doctor || true
             while ls repo/.git | grep -q launch_doctor_; do :; done"
        );
        machine.script("agent", &script);
    }
    // What a killed run left elsewhere goes with the next one.
    machine.check(&["flock-order"]);
    assert_eq!(machine.script("agent", LEFT_BEHIND), "");
}

#[rstest]
fn a_lock_lives_in_every_child_that_inherits_it_and_not_under_its_name(
    #[values(Debian11, Debian12, Debian12Backports, Debian13, Debian14)] release: Release,
) {
    let machine = Machine::boot(release);
    let report = machine.check(&["flock-inherited", "flock-unlinked"]);
    report.assert_facts(
        "flock-inherited",
        &[
            ("killed", "held"),
            ("ended", "held"),
            ("command", "held"),
            ("unlocked", "free"),
            ("closed-in-child", "free"),
            ("close-option", "free"),
            ("fdinfo", "names-the-child"),
            // The machine is a process-id namespace.
            ("proc-locks", "names-nobody"),
            ("lslocks", "names-nobody"),
        ],
    );
    report.assert_facts(
        "flock-unlinked",
        &[
            ("removed", "two-holders"),
            ("removed-at-end", "two-holders"),
            ("checked", "one-holder"),
            ("directory", "one-holder"),
        ],
    );
    for id in ["flock-inherited", "flock-unlinked"] {
        assert_eq!(report.verdict(id), "known");
        assert_ne!(report.fix(id), "");
    }
    // No child with the lock is left, and no file.
    assert_eq!(machine.script("agent", "ps -C sh -o args= | grep '[e]cho ready' || true"), "");
    assert_eq!(machine.script("agent", LEFT_BEHIND), "");
}

#[test]
fn outside_of_any_pid_namespace_proc_locks_names_a_process_that_has_ended() {
    let report = here(&["flock-inherited"]);
    // PROC_PID_INIT_INO in linux/proc_ns.h
    let namespace = std::fs::read_link("/proc/self/ns/pid").unwrap();
    let is_initial = namespace.to_str() == Some("pid:[4026531836]");
    let named = if is_initial { "names-the-dead" } else { "names-nobody" };
    report.assert_facts("flock-inherited", &[("killed", "held"), ("proc-locks", named)]);
}

#[rstest]
fn a_lock_in_dot_git_is_none_in_a_linked_work_tree(
    #[values(Debian11, Debian12, Debian12Backports, Debian13, Debian14)] release: Release,
) {
    let machine = Machine::boot(release);
    let report = machine.check(&["lock-path"]);
    let path_format = if release == Debian11 { "echoed" } else { "absolute" };
    report.assert_facts(
        "lock-path",
        &[
            ("bash", "goes-on"),
            ("sh", "stops"),
            ("common-dir", "locks"),
            ("between-trees", "one-holder"),
            ("git-path", "two-holders"),
            ("path-format", path_format),
            ("repo", ""),
        ],
    );
    assert_eq!(report.verdict("lock-path"), "known");

    // The same in the work tree of an operator, main and linked, and with a hostile environment.
    let trees = format!(
        "{REPOSITORY}; git -C repo -c user.name=a -c user.email=a@b commit -q --allow-empty -m one
         git -C repo worktree add -q ~/linked; export GIT_DIR=/no/such GIT_INDEX_FILE=/no/such"
    );
    let report = machine.check_in(&format!("{trees}; exec \"$@\" --repo ~/repo"), &["lock-path"]);
    report.assert_facts("lock-path", &[("repo", "directory"), ("common-dir", "locks")]);
    assert_eq!(report.verdict("lock-path"), "known");
    let report = machine.check_in("exec \"$@\" --repo ~/linked", &["lock-path"]);
    report.assert_facts("lock-path", &[("repo", "file")]);
    assert_eq!(report.verdict("lock-path"), "warn");
    assert_eq!(report.status, 0);
    let fix = report.fix("lock-path");
    assert!(fix.starts_with("exec 9> /home/agent/repo/.git/pull-lock && flock 9"), "{fix}");
    machine.script("agent", &format!("cd ~/linked; {}", fix.lines().next().unwrap()));
}

#[rstest]
fn pulls_at_once_fail_and_maintenance_keeps_the_lock_behind_a_pull(
    #[values(Debian11, Debian12, Debian12Backports, Debian13, Debian14)] release: Release,
) {
    let machine = Machine::boot(release);
    // The user's own configuration must not get into the repositories of the measurement.
    machine.script("agent", "git config --global pull.rebase false; git config --global gc.auto 0");
    let report = machine.check(&["pull-race", "maintenance-holds-lock"]);
    report.assert_facts(
        "pull-race",
        &[("unlocked", "some-fail"), ("locked", "none-fails"), ("tree-locked", "updated")],
    );
    // How the tree is left without the lock is chance.
    let left = report.fact("pull-race", "tree");
    assert!(["updated", "not-updated", "mid-rebase", "change-missing"].contains(&left), "{left}");
    let has_new_maintenance = release >= Debian13;
    report.assert_facts(
        "maintenance-holds-lock",
        &[
            ("ended", "held"),
            ("unlocked", "free"),
            ("closed-in-pull", "free"),
            ("not-detached", "free"),
            ("holder", if has_new_maintenance { "maintenance" } else { "gc" }),
        ],
    );
    for id in ["pull-race", "maintenance-holds-lock"] {
        assert_eq!(report.verdict(id), "known");
        assert_ne!(report.fix(id), "");
    }
    assert_eq!(machine.script("agent", "ps -C git -o args= || true"), "");
    assert_eq!(machine.script("agent", LEFT_BEHIND), "");
}

/// A script's beginning: a repository whose configuration, hooks and alias leave a file behind
/// whenever they are run.
const HOSTILE: &str = r#"cd; export GIT_CONFIG_GLOBAL=/dev/null
    git init -q repo; cd repo; git config user.name a; git config user.email a@b
    echo 1 > file; git add file; git commit -q -m one
    printf '#!/bin/sh\ntouch /home/agent/pwned\n' > ~/evil; chmod +x ~/evil
    for hook in pre-auto-gc post-index-change reference-transaction pre-commit post-checkout
    do cp ~/evil .git/hooks/$hook; done
    git config core.fsmonitor ~/evil; git config core.sshCommand ~/evil; git config core.pager ~/evil
    git config alias.rev-parse '!~/evil'; git config core.hooksPath .git/hooks
    rm -f ~/pwned"#;

#[rstest]
fn what_a_git_that_was_killed_left_is_found_and_not_touched(
    #[values(Debian11, Debian12, Debian12Backports, Debian13, Debian14)] release: Release,
) {
    let machine = Machine::boot(release);
    let check = |script: &str| {
        let script = format!("cd ~/repo; export GIT_CONFIG_GLOBAL=/dev/null; {script}");
        machine.check_in(&script, &["stale-git-state", "--repo", "/home/agent/repo"])
    };
    assert_eq!(machine.check(&["stale-git-state"]).verdict("stale-git-state"), "skipped");

    machine.script("agent", HOSTILE);
    // All of the group look at the hostile repository, and none runs what it holds.
    let report = machine.check(&["lock", "--repo", "/home/agent/repo"]);
    report.assert_facts("stale-git-state", &[("locks", "none"), ("operation", "none")]);
    assert_eq!(report.verdict("stale-git-state"), "ok");
    assert_eq!(report.status, 0, "{:#}", report.json());
    assert_eq!(machine.script("agent", "ls ~/pwned 2> /dev/null || true"), "");
    // A git of the user's does.
    machine.script("agent", "git -C ~/repo status > /dev/null 2>&1; ls ~/pwned");

    // A commit that its hook holds up has the lock; killed, it leaves the lock behind.
    let held_up = "git config --unset core.fsmonitor; rm .git/hooks/*; mkfifo ~/pipe
        printf '#!/bin/sh\\n: > ~/there; read x < ~/pipe\\n' > .git/hooks/pre-commit
        chmod +x .git/hooks/pre-commit; echo 2 > file
        git commit -q -a -m two > /dev/null 2>&1 & until [ -e ~/there ]; do :; done; \"$@\"
        kill -s KILL $!";
    let report = check(held_up);
    report.assert_facts("stale-git-state", &[("locks", "held")]);
    assert_eq!(report.verdict("stale-git-state"), "ok");
    let report = check("exec \"$@\"");
    report.assert_facts("stale-git-state", &[("locks", "recent")]);
    assert_eq!(report.verdict("stale-git-state"), "ok");
    let report = check("touch -d '3 hours ago' .git/index.lock; exec \"$@\"");
    report.assert_facts("stale-git-state", &[("locks", "abandoned"), ("operation", "none")]);
    assert_eq!((report.verdict("stale-git-state"), report.status), ("fail", 1));
    let fix = report.fix("stale-git-state");
    assert_eq!(fix, "rm /home/agent/repo/.git/index.lock");
    machine.script("agent", &format!("test -e ~/repo/.git/index.lock; {fix}"));

    // A lock of another user's, whose processes cannot be seen.
    machine.script("root", "install -o other -m 644 /dev/null /home/agent/repo/.git/config.lock");
    let report = check("exec \"$@\"");
    report.assert_facts("stale-git-state", &[("locks", "not-visible")]);
    assert_eq!(report.verdict("stale-git-state"), "warn");
    machine.script("agent", "rm -f ~/repo/.git/config.lock");

    machine.script(
        "agent",
        "cd ~/repo; rm -r .git/hooks; git config maintenance.auto false; git commit -q -a -m two; git branch side HEAD~; git checkout -q side
         echo 3 > file; git commit -q -a -m three; git checkout -q -",
    );
    for (operation, begin) in [
        ("rebase", "git rebase side"),
        ("merge", "git merge side"),
        ("cherry-pick", "git cherry-pick side"),
        ("revert", "git revert --no-edit HEAD~"),
        ("am", "git format-patch -q -1 side --stdout > ~/patch; git am -q ~/patch"),
    ] {
        let report = check(&format!("({begin}) > /dev/null 2>&1 || true; exec \"$@\""));
        report.assert_facts("stale-git-state", &[("operation", operation)]);
        assert_eq!(report.verdict("stale-git-state"), "warn");
        let fix = report.fix("stale-git-state").replace('\n', "; ");
        assert!(fix.contains(&format!("{operation} --abort")), "{fix}");
        machine.script("agent", &fix);
        check("exec \"$@\"").assert_facts("stale-git-state", &[("operation", "none")]);
    }
    // The same, held up in the middle by a git that lives.
    let under_way = "rm ~/there; git rebase -q --exec ': > ~/there; read x < ~/pipe' HEAD~ > /dev/null 2>&1 & \
         until [ -e ~/there ]; do :; done; \"$@\"; kill -s KILL $!";
    let report = check(under_way);
    report.assert_facts("stale-git-state", &[("operation", "under-way")]);
    assert_eq!(report.verdict("stale-git-state"), "ok");
}

#[test]
fn a_git_that_the_doctor_has_started_is_not_taken_for_one_at_work() {
    let machine = Machine::boot(Debian13);
    // The question for git's version hangs, in the work tree.
    let script = r#"mkdir ~/bin; cat > ~/bin/git <<'END'
#!/bin/bash
[ "$1" != --version ] || exec -a git tail -f /dev/null
exec /usr/bin/git "$@"
END
        chmod +x ~/bin/git; PATH=~/bin:$PATH; git init -q ~/repo; cd ~/repo
        touch -d '3 hours ago' .git/index.lock; exec "$@""#;
    let report = machine.check_in(script, &["stale-git-state", "--repo", "/home/agent/repo"]);
    report.assert_facts("stale-git-state", &[("locks", "abandoned")]);
}

#[rstest]
fn a_git_directory_in_the_environment_or_in_a_tmux_server_is_told(
    #[values(Debian11, Debian12, Debian12Backports, Debian13, Debian14)] release: Release,
) {
    let machine = Machine::boot(release);
    let id = "git-env-leak";
    let report = machine.check(&[id]);
    let clean = [("git-dir", "unset"), ("git-work-tree", "unset"), ("git-index-file", "unset")];
    report.assert_facts(id, &clean);
    report.assert_facts(id, &[("tmux-git-dir", "")]);
    assert_eq!(report.verdict(id), "ok");

    let report = machine.check_in("GIT_DIR= GIT_INDEX_FILE=/x exec \"$@\"", &[id]);
    report.assert_facts(
        id,
        &[("git-dir", "set"), ("git-work-tree", "unset"), ("git-index-file", "set")],
    );
    assert_eq!((report.verdict(id), report.status), ("warn", 0));
    assert_eq!(report.fix(id), "unset GIT_DIR\nunset GIT_INDEX_FILE");

    // One server with the variables of a hook, and one without.
    let servers =
        "GIT_DIR=/srv/secret GIT_WORK_TREE=/srv tmux -L leaky -f /dev/null new-session -d cat
        tmux -L clean -f /dev/null new-session -d cat";
    let report = machine.check_in(
        &format!("{servers}; \"$@\"; tmux -L leaky kill-server; tmux -L clean kill-server"),
        &[id],
    );
    report.assert_facts(id, &clean);
    report.assert_facts(
        id,
        &[("tmux-git-dir", "set"), ("tmux-git-work-tree", "set"), ("tmux-git-index-file", "unset")],
    );
    assert_eq!(report.verdict(id), "fail");
    assert!(!report.json().to_string().contains("secret"), "a value is told: {:#}", report.json());
    let fix = "tmux-1000/leaky set-environment -g -u GIT_DIR";
    assert!(report.fix(id).contains(fix), "{}", report.fix(id));
    let mended = report.fix(id).replace('\n', "; ");
    let script = format!(
        "{servers}; {mended}; \"$@\"; tmux -L leaky kill-server; tmux -L clean kill-server"
    );
    let report = machine.check_in(&script, &[id]);
    report.assert_facts(id, &[("tmux-git-dir", "unset"), ("tmux-git-work-tree", "unset")]);
    assert_eq!(report.verdict(id), "ok");
}
