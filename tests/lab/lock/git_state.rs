//! What an interrupted git leaves, and which variables direct git elsewhere.

use crate::lab::Release::*;
use crate::lab::{Machine, Release};

on_each_release!(what_a_killed_git_left_is_found_and_not_touched);
on_each_release!(git_variables_in_the_environment_or_in_a_tmux_server_are_found);

/// The beginning of a script: a repository whose configuration, hooks and alias create a file whenever
/// they run.
const HOSTILE: &str = r"cd; export GIT_CONFIG_GLOBAL=/dev/null
    git init -q repo; cd repo; git config user.name a; git config user.email a@b
    echo 1 > file; git add file; git commit -q -m one
    printf '#!/bin/sh\ntouch /home/agent/pwned\n' > ~/evil; chmod +x ~/evil
    for hook in pre-auto-gc post-index-change reference-transaction pre-commit post-checkout
    do cp ~/evil .git/hooks/$hook; done
    git config core.fsmonitor ~/evil; git config core.sshCommand ~/evil; git config core.pager ~/evil
    git config alias.rev-parse '!~/evil'; git config core.hooksPath .git/hooks
    rm -f ~/pwned";

fn what_a_killed_git_left_is_found_and_not_touched(release: Release) {
    let machine = Machine::boot(release);
    let check = |script: &str| {
        let script = format!("cd ~/repo; export GIT_CONFIG_GLOBAL=/dev/null; {script}");
        machine.check_in(&script, &["stale-git-state", "--repo", "/home/agent/repo"])
    };
    assert_eq!(machine.check(&["stale-git-state"]).verdict("stale-git-state"), "skipped");

    machine.script("agent", HOSTILE);
    // All probes of the group examine the hostile repository, and none runs its hooks.
    let report = machine.check(&["lock", "--repo", "/home/agent/repo"]);
    report.assert_facts("stale-git-state", &[("locks", "none"), ("operation", "none")]);
    assert_eq!(report.verdict("stale-git-state"), "ok");
    assert_eq!(report.status, 0, "{:#}", report.json());
    assert_eq!(machine.script("agent", "ls ~/pwned 2> /dev/null || true"), "");
    // The user's own git runs them.
    machine.script("agent", "git -C ~/repo status > /dev/null 2>&1; ls ~/pwned");

    // A commit that waits for its hook has the lock; when it is killed, the lock remains.
    let blocked = "git config --unset core.fsmonitor; rm .git/hooks/*; mkfifo ~/pipe
        printf '#!/bin/sh\\n: > ~/there; read x < ~/pipe\\n' > .git/hooks/pre-commit
        chmod +x .git/hooks/pre-commit; echo 2 > file
        git commit -q -a -m two > /dev/null 2>&1 & until [ -e ~/there ]; do :; done; \"$@\"
        kill -s KILL $!";
    let report = check(blocked);
    report.assert_facts("stale-git-state", &[("locks", "held")]);
    assert_eq!(report.verdict("stale-git-state"), "ok");
    let report = check("exec \"$@\"");
    report.assert_facts("stale-git-state", &[("locks", "recent")]);
    assert_eq!(report.verdict("stale-git-state"), "ok");
    let report = check("touch -d '3 hours ago' .git/index.lock; exec \"$@\"");
    report.assert_facts("stale-git-state", &[("locks", "abandoned"), ("operation", "none")]);
    assert_eq!((report.verdict("stale-git-state"), report.status), ("fail", 1));
    let fix = report.fix("stale-git-state");
    assert_eq!(fix, "rm -f /home/agent/repo/.git/index.lock");
    machine.script("agent", &format!("test -e ~/repo/.git/index.lock; {fix}"));

    locks_of_every_kind_are_stale_whatever_else_runs(&machine);

    machine.script(
        "agent",
        "cd ~/repo; rm -r .git/hooks; git config maintenance.auto false; git commit -q -a -m two; git branch side HEAD~; git checkout -q side
         echo 3 > file; git commit -q -a -m three; git checkout -q -",
    );
    for (operation, begin) in [
        (("operation", "rebase"), "git rebase side"),
        (("operation", "merge"), "git merge side"),
        (("operation", "cherry-pick"), "git cherry-pick side"),
        (("operation", "revert"), "git revert --no-edit HEAD~"),
        (("operation", "am"), "git format-patch -q -1 side --stdout > ~/patch; git am -q ~/patch"),
        (("operation", "bisect"), "git bisect start HEAD side~"),
    ] {
        // An idle git in the work tree does not work on it.
        let idle = "git cat-file --batch < ~/idle > /dev/null & exec 9> ~/idle";
        let script = format!(
            "rm -f ~/idle; mkfifo ~/idle; ({begin}; echo edit >> file) > /dev/null 2>&1 || true
             {idle}; \"$@\"; exec 9>&-; wait"
        );
        let report = check(&script);
        report.assert_facts("stale-git-state", &[operation]);
        assert_eq!(report.verdict("stale-git-state"), "warn");
        let fix = report.fix("stale-git-state");
        let end = if operation.1 == "bisect" { "bisect reset" } else { "--abort" };
        assert!(fix.ends_with(end), "{fix}");
        // What was edited is kept.
        let edited = if operation.1 == "bisect" {
            "git checkout -q file; {fix}; grep -q start .git/before-abort.patch".to_owned()
        } else {
            "{fix}; grep -q '^+edit' .git/before-abort.patch; git reset -q --hard".to_owned()
        };
        machine.script("agent", &format!("cd ~/repo; {}", edited.replace("{fix}", &fix)));
        check("exec \"$@\"").assert_facts("stale-git-state", &[("operation", "none")]);
    }
    // A rebase that is in progress.
    let under_way = "rm ~/there; git rebase -q --exec ': > ~/there; read x < ~/pipe' HEAD~ > /dev/null 2>&1 & \
         until [ -e ~/there ]; do :; done; \"$@\"; kill -s KILL $!";
    let report = check(under_way);
    report.assert_facts("stale-git-state", &[("operation", "under-way")]);
    assert_eq!(report.verdict("stale-git-state"), "ok");
}

/// Makes locks of each ref storage and of a linked work tree while an idle git runs that is younger than they are.
#[track_caller]
fn locks_of_every_kind_are_stale_whatever_else_runs(machine: &Machine) {
    let id = "stale-git-state";
    machine.script(
        "agent",
        "cd ~/repo; git worktree add -q ../tree 2> /dev/null; git config core.hooksPath /dev/null
         mkdir .git/modules; git init -q --separate-git-dir=.git/modules/library ~/library",
    );
    let idle =
        "rm -f ~/idle; mkfifo ~/idle; git cat-file --batch < ~/idle > /dev/null & exec 9> ~/idle
        status=0; \"$@\" || status=$?; exec 9>&-; wait; exit $status";
    for lock in [
        "refs/heads/topic/a.lock",
        "refs/remotes/origin/main.lock",
        "packed-refs.lock",
        "reftable/tables.list.lock",
        "worktrees/tree/index.lock",
        "worktrees/tree/HEAD.lock",
        "modules/library/index.lock",
        "HEAD.lock",
        "config.lock",
        "shallow.lock",
    ] {
        let make = format!(
            "cd ~/repo/.git; mkdir -p $(dirname {lock}); touch -d '3 hours ago' {lock}; {idle}"
        );
        let report = machine.check_in(&make, &[id, "--repo", "/home/agent/repo"]);
        report.assert_facts(id, &[("locks", "abandoned")]);
        assert_eq!((report.verdict(id), report.status), ("fail", 1), "{lock}");
        let fix = report.fix(id);
        assert_eq!(fix, format!("rm -f /home/agent/repo/.git/{lock}"));
        let report =
            machine.check_in(&format!("{fix}; exec \"$@\""), &[id, "--repo", "/home/agent/repo"]);
        report.assert_facts(id, &[("locks", "none")]);
    }
    // A git that root ran was killed; its lock is in a directory that only root can write.
    machine.script(
        "root",
        "cd /home/agent/repo/.git; mkdir -p refs/heads/of-root; touch -d '3 hours ago' refs/heads/of-root/x.lock",
    );
    let check = || machine.check(&[id, "--repo", "/home/agent/repo"]);
    let report = check();
    report.assert_facts(id, &[("locks", "abandoned-foreign")]);
    let fix = report.fix(id);
    machine.script("root", fix.strip_prefix("sudo ").expect("the fix needs root"));
    check().assert_facts(id, &[("locks", "none")]);
    // Where the processes of other users are hidden, its owner may be running.
    machine.script(
        "root",
        "rmdir /home/agent/repo/.git/refs/heads/of-root; mount -o remount,hidepid=2 /proc
         install -o other -m 644 /dev/null /home/agent/repo/.git/config.lock",
    );
    let report = check();
    report.assert_facts(id, &[("locks", "not-visible")]);
    assert_eq!(report.verdict(id), "warn");
    machine
        .script("root", "mount -o remount,hidepid=0 /proc; rm /home/agent/repo/.git/config.lock");
}

#[test]
fn a_git_that_doctor_started_does_not_count_as_running() {
    let machine = Machine::boot(Debian13);
    // The query of git's version hangs, in the work tree.
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

fn git_variables_in_the_environment_or_in_a_tmux_server_are_found(release: Release) {
    let machine = Machine::boot(release);
    let id = "git-env-leak";
    let report = machine.check(&[id]);
    let clean = [("git-dir", "unset"), ("git-work-tree", "unset"), ("git-index-file", "unset")];
    report.assert_facts(id, &clean);
    report.assert_facts(id, &[("tmux-git-dir", ""), ("other", "unset"), ("manager", "unset")]);
    assert_eq!(report.verdict(id), "ok");

    let report = machine.check_in("GIT_DIR= GIT_INDEX_FILE=/x exec \"$@\"", &[id]);
    report.assert_facts(
        id,
        &[("git-dir", "set"), ("git-work-tree", "unset"), ("git-index-file", "set")],
    );
    let summary = report.probe(id)["summary"].as_str().unwrap();
    let expected = "set: GIT_DIR in this environment, GIT_INDEX_FILE in this environment \
                    (no tmux server examined)";
    assert_eq!(summary, expected);
    assert_eq!((report.verdict(id), report.status), ("warn", 0));
    assert_eq!(report.fix(id), "unset GIT_DIR\nunset GIT_INDEX_FILE");

    let report = machine.check_in("GIT_WORK_TREE=/x exec \"$@\"", &[id]);
    report.assert_facts(id, &[("git-work-tree", "set")]);
    assert_eq!(report.fix(id), "unset GIT_WORK_TREE");

    // Each other variable that git lists, and two that it does not.
    let list =
        "for name in $(git rev-parse --local-env-vars) GIT_NAMESPACE GIT_QUARANTINE_PATH; do";
    let report = machine.check_in(&format!("{list} export $name=/x; done; exec \"$@\""), &[id]);
    report.assert_facts(id, &[("other", "set")]);
    let fix = report.fix(id);
    for name in ["GIT_NAMESPACE", "GIT_COMMON_DIR", "GIT_OBJECT_DIRECTORY", "GIT_QUARANTINE_PATH"] {
        assert!(fix.contains(&format!("unset {name}")), "{fix}");
    }
    let report =
        machine.check_in(&format!("{list} export $name=/x; done; {fix}\nexec \"$@\""), &[id]);
    report.assert_facts(id, &[("git-dir", "unset")]);
    assert_eq!(report.verdict(id), "ok");
    let report = machine.check_in("GIT_CONFIG_COUNT=0 exec \"$@\"", &[id]);
    let settings = if release == Debian11 { "unset" } else { "settings" };
    report.assert_facts(id, &[("other", settings)]);
    assert_eq!(report.verdict(id), "ok");

    // The manager's environment, of which no value is kept.
    let set = "systemctl --user set-environment GIT_DIR=/srv/secret 'GIT_PREFIX=a b' SECRET=secret";
    let report = machine.check_in(&format!("{set}; exec \"$@\""), &[id]);
    report.assert_facts(id, &[("manager", "set")]);
    assert_eq!(report.verdict(id), "fail");
    assert!(!report.json().to_string().contains("secret"), "{:#}", report.json());
    let report = machine.check_in(&format!("{}; exec \"$@\"", report.fix(id)), &[id]);
    report.assert_facts(id, &[("manager", "unset")]);
    machine.script("agent", "systemctl --user show-environment | grep SECRET; systemctl --user unset-environment SECRET");

    let file = "mkdir -p ~/.config/environment.d; cd ~/.config/environment.d
         printf 'GIT_DIR=/srv/secret\nOTHER=x\n' >git.conf; systemctl --user daemon-reload";
    machine.script("agent", file);
    let report = machine.check(&[id]);
    report.assert_facts(id, &[("manager", "set-by-file")]);
    machine.script("agent", &report.fix(id));
    machine.check(&[id]).assert_facts(id, &[("manager", "unset")]);
    machine.script("agent", "systemctl --user show-environment | grep -x OTHER=x");

    machine.script("root", "systemctl set-environment GIT_DIR=/srv/secret");
    let report = machine.check_system(&[id]);
    report.assert_facts(id, &[("manager", "set-in-system")]);
    machine.script("root", &report.fix(id).replace("sudo ", ""));
    machine.check_system(&[id]).assert_facts(id, &[("manager", "unset")]);

    // Two servers with variables that have no fact of their own.
    let servers = "for name in a b; do GIT_NAMESPACE=secret GIT_COMMON_DIR=/secret tmux -L $name -f /dev/null new-session -d cat; done";
    let report = machine.check_in(&format!("{servers}; exec \"$@\""), &[id]);
    report.assert_facts(id, &[("tmux-other", "set"), ("other", "unset")]);
    assert!(!report.json().to_string().contains("secret"), "{:#}", report.json());
    let script =
        format!("{}\n\"$@\"; tmux -L a kill-server; tmux -L b kill-server", report.fix(id));
    let report = machine.check_in(&script, &[id]);
    report.assert_facts(id, &[("tmux-other", "unset")]);
    assert_eq!(report.verdict(id), "ok");

    // A server with the variable of a hook.
    let script = "GIT_INDEX_FILE=/x tmux -L hook -f /dev/null new-session -d cat
        status=0; \"$@\" || status=$?; tmux -L hook kill-server; exit $status";
    let report = machine.check_in(script, &[id]);
    report.assert_facts(id, &[("tmux-git-index-file", "set")]);
    assert!(report.fix(id).ends_with("set-environment -g -u GIT_INDEX_FILE"));

    // One server with two variables of a hook, and one without.
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
    assert!(
        !report.json().to_string().contains("secret"),
        "a value is printed: {:#}",
        report.json()
    );
    let fix = "tmux-1000/leaky set-environment -g -u GIT_DIR";
    assert!(report.fix(id).contains(fix), "{}", report.fix(id));
    let fix = report.fix(id).replace('\n', "; ");
    let script =
        format!("{servers}; {fix}; \"$@\"; tmux -L leaky kill-server; tmux -L clean kill-server");
    let report = machine.check_in(&script, &[id]);
    report.assert_facts(id, &[("tmux-git-dir", "unset"), ("tmux-git-work-tree", "unset")]);
    assert_eq!(report.verdict(id), "ok");
}
