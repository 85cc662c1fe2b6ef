//! What git does under the lock, and what it leaves.

use rstest::rstest;

use crate::lab::Release::*;
use crate::lab::{Machine, Release};
use crate::{LEFT_BEHIND, REPOSITORY};

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
