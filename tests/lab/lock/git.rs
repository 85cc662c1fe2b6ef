//! What git does under the lock: its path, concurrent pulls, maintenance.

use super::{LEFT_BEHIND, REPOSITORY};
use crate::lab::Release::*;
use crate::lab::{Machine, Release};

on_each_release!(a_lock_in_dot_git_does_not_exist_in_a_linked_work_tree);
on_each_release!(concurrent_pulls_fail_and_maintenance_keeps_the_lock_after_a_pull);
on_each_release!(linked_work_trees_share_what_their_creation_and_pulls_write);

fn a_lock_in_dot_git_does_not_exist_in_a_linked_work_tree(release: Release) {
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
            ("linked-refs", "shared"),
            ("repo", ""),
        ],
    );
    assert_eq!(report.verdict("lock-path"), "known");

    // The same in the user's own work trees, main and linked, and with a hostile environment.
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

/// The beginning of a script in which `program` runs `body` instead.
fn replace(program: &str, body: &str) -> String {
    format!(
        "rm -rf ~/bin; mkdir ~/bin; cat > ~/bin/{program} <<'END'
#!/bin/bash
{body}
END
         chmod +x ~/bin/{program}; PATH=~/bin:$PATH"
    )
}

#[test]
fn shells_and_gits_that_treat_the_path_otherwise_are_measured() {
    let machine = Machine::boot(Debian13);
    let check = |script: &str| machine.check_in(&format!("{script}; exec \"$@\""), &["lock-path"]);
    check("export POSIXLY_CORRECT=1").assert_facts("lock-path", &[("bash", "stops")]);

    // An sh that is not in POSIX mode, and a git without a common directory in the linked work tree.
    let lost = r#"case "$PWD $*" in
*/linked" rev-parse --git-common-dir") echo /no/such ;;
*" update-ref "*) : ;;
*) exec /usr/bin/git "$@" ;;
esac"#;
    let script = format!("{}; ln -s /bin/bash ~/bin/shell", replace("git", lost));
    let script = format!(
        "{script}; printf '#!/bin/bash\\nexec bash \"$@\"\\n' > ~/bin/sh; chmod +x ~/bin/sh"
    );
    let report = check(&script);
    report.assert_facts(
        "lock-path",
        &[
            ("sh", "goes-on"),
            ("common-dir", "goes-on"),
            ("between-trees", "two-holders"),
            ("linked-refs", "separate"),
        ],
    );
    assert_eq!(report.verdict("lock-path"), "regressed");

    // A git that takes the main work tree for the top, and puts every path into the common directory.
    let main = r#"case "$*" in
"rev-parse --show-toplevel") echo "$(dirname "$(/usr/bin/git rev-parse --path-format=absolute --git-common-dir)")" ;;
"rev-parse --git-path "*) echo "$(/usr/bin/git rev-parse --path-format=absolute --git-common-dir)/$3" ;;
*) exec /usr/bin/git "$@" ;;
esac"#;
    let report = check(&replace("git", main));
    report.assert_facts(
        "lock-path",
        &[("bash", "locks"), ("sh", "locks"), ("git-path", "one-holder")],
    );
    assert_eq!(report.verdict("lock-path"), "regressed");
}

fn linked_work_trees_share_what_their_creation_and_pulls_write(release: Release) {
    let machine = Machine::boot(release);
    let report = machine.check(&["worktree-add-race", "linked-tree-pull"]);
    report.assert_facts(
        "worktree-add-race",
        &[
            ("config-locked", "fails"),
            ("config-locked-no-track", "succeeds"),
            ("left", "branch-only"),
            ("retry", "fails"),
            ("locked", "none-fails"),
        ],
    );
    // These are chance.
    for fact in ["at-once", "at-once-no-track"] {
        let value = report.fact("worktree-add-race", fact);
        assert!(["some-fail", "none-fails"].contains(&value), "{fact} = {value}");
    }
    report.assert_facts(
        "linked-tree-pull",
        &[
            ("at-once", "some-fail"),
            ("locked", "none-fails"),
            ("fetched-once", "none-fails"),
            ("message", "ref-lock"),
        ],
    );
    for id in ["worktree-add-race", "linked-tree-pull"] {
        assert_eq!(report.verdict(id), "known");
        assert_ne!(report.fix(id), "");
    }
    // The workarounds of both, in a repository of the user.
    let script = "git config --global user.name a; git config --global user.email a@b; git init -q up
        git -C up commit -q --allow-empty -m one; git -C up branch -M main; git clone -q up down; cd down
        for n in 1 2 3 4 5 6; do
            flock .git/worktree-lock git worktree add -q -b b$n ../b$n origin/main & pids=\"$pids $!\"
        done
        for pid in $pids; do wait $pid; done; pids=
        git -C ../up commit -q --allow-empty -m two
        flock \"$(git rev-parse --git-common-dir)/pull-lock\" git fetch -q
        for n in 1 2 3 4 5 6; do git -C ../b$n rebase -q --autostash origin/main & pids=\"$pids $!\"; done
        for pid in $pids; do wait $pid; done; git -C ../b6 log --format=%s | grep two";
    machine.script("agent", script);

    // A git that is patient, one that drops the branch, and one whose work trees share nothing.
    let patient = r#"case "$*" in
*--no-track*config-locked*) exit 1 ;;
*worktree*config-locked*) set -- $(echo "$@" | sed 's/--track/--no-track/') ;;
*" pull "*) exit 0 ;;
*" rebase "*) exit 1 ;;
esac
exec /usr/bin/git "$@""#;
    let script = format!("{}; exec \"$@\"", replace("git", patient));
    let report = machine.check_in(&script, &["worktree-add-race", "linked-tree-pull"]);
    report.assert_facts(
        "worktree-add-race",
        &[("config-locked", "succeeds"), ("config-locked-no-track", "fails")],
    );
    report.assert_facts(
        "linked-tree-pull",
        &[("at-once", "none-fails"), ("fetched-once", "some-fail")],
    );
    let broken = r#"case "$*" in
*worktree*at-once*|*worktree*/locked-*) exit 1 ;;
*worktree*config-locked-0*) [ -e "$2/.git/config.lock" ] && exit 1 ;;
*tree-?" pull "*) exit 1 ;;
esac
exec /usr/bin/git "$@""#;
    let script = format!("{}; exec \"$@\"", replace("git", broken));
    let report = machine.check_in(&script, &["worktree-add-race", "linked-tree-pull"]);
    report.assert_facts(
        "worktree-add-race",
        &[("left", "nothing"), ("retry", "succeeds"), ("locked", "some-fail")],
    );
    report.assert_facts("linked-tree-pull", &[("locked", "some-fail"), ("message", "other")]);
    for id in ["worktree-add-race", "linked-tree-pull"] {
        assert_eq!(report.verdict(id), "regressed");
    }
}

fn concurrent_pulls_fail_and_maintenance_keeps_the_lock_after_a_pull(release: Release) {
    let machine = Machine::boot(release);
    // The user's own configuration must not apply to the repositories of the measurement.
    machine.script("agent", "git config --global pull.rebase false; git config --global gc.auto 0");
    let report = machine.check(&["pull-race", "maintenance-holds-lock"]);
    report.assert_facts(
        "pull-race",
        &[
            ("unlocked", "some-fail"),
            ("locked", "none-fails"),
            ("tree-locked", "updated"),
            ("later-pulls", "up-to-date"),
        ],
    );
    report.assert_facts(
        "pull-race",
        &[
            ("autostash-conflict", "succeeds"),
            ("after-conflict", "fails"),
            ("conflicting-change", "stash"),
        ],
    );
    // These are chance.
    for (fact, values) in [
        ("tree", &["updated", "not-updated", "mid-rebase", "change-missing"][..]),
        ("retry", &["all-succeed", "some-succeed", "none-succeeds"]),
        ("queue-time", &["one-pull", "several-pulls"]),
        ("linked-trees", &["some-fail", "none-fails"]),
    ] {
        let value = report.fact("pull-race", fact);
        assert!(values.contains(&value), "{fact} = {value}");
    }
    report.assert_facts(
        "maintenance-holds-lock",
        &[
            ("ended", "held"),
            ("unlocked", "free"),
            ("closed-in-pull", "free"),
            ("not-detached", "free"),
            if release >= Debian13 { ("holder", "maintenance") } else { ("holder", "gc") },
        ],
    );
    for id in ["pull-race", "maintenance-holds-lock"] {
        assert_eq!(report.verdict(id), "known");
        assert_ne!(report.fix(id), "");
    }
    assert_eq!(machine.script("agent", "ps -C git -o args= || true"), "");
    assert_eq!(machine.script("agent", LEFT_BEHIND), "");
}

/// The body of a `git` whose pulls in the work tree `$tree` end as `pull` says.
fn git_with_pull(pull: &str) -> String {
    format!(
        r#"[ "$3" = pull ] || exec /usr/bin/git "$@"
tree=$2
{pull}"#
    )
}

#[test]
fn pulls_that_end_otherwise_are_measured() {
    let machine = Machine::boot(Debian13);
    let check = |pull: &str| {
        let script = replace("git", &git_with_pull(pull));
        machine.check_in(&format!("{script}; exec \"$@\""), &["pull-race"])
    };
    let report = check("exec flock ~/global /usr/bin/git \"$@\"");
    report.assert_facts(
        "pull-race",
        &[
            ("unlocked", "none-fails"),
            ("message", ""),
            ("retry", ""),
            ("tree", "updated"),
            ("linked-trees", "none-fails"),
        ],
    );
    assert_eq!(report.verdict("pull-race"), "relaxable");

    let report = check(
        "echo \"fatal: Unable to create '$tree/.git/index.lock': File exists.\" >&2; exit 128",
    );
    report.assert_facts(
        "pull-race",
        &[
            ("locked", "some-fail"),
            ("message", "index-lock"),
            ("retry", "none-succeeds"),
            ("later-pulls", "other"),
            ("tree", "not-updated"),
            ("tree-locked", "not-updated"),
            ("linked-trees", "some-fail"),
        ],
    );
    assert_eq!(report.verdict("pull-race"), "regressed");
    let report =
        check("mkdir -p \"$tree/.git/rebase-merge\"; echo 'error: cannot lock ref' >&2; exit 1");
    report.assert_facts(
        "pull-race",
        &[("message", "ref-lock"), ("tree", "mid-rebase"), ("tree-locked", "mid-rebase")],
    );
    let report = check("cp /dev/null \"$tree/file\"; exit 1");
    report.assert_facts(
        "pull-race",
        &[("message", "other"), ("tree", "change-missing"), ("tree-locked", "change-missing")],
    );

    // Each pull fails until the work tree has six failures, or is the first one to come after them.
    let report = check("mkdir \"$tree/.git/\"{1..6} 2> /dev/null && exit 1; exit 0");
    report.assert_facts("pull-race", &[("retry", "all-succeed")]);
    let counted = r#"for number in 1 2 3 4 5 6; do mkdir "$tree/.git/$number" 2> /dev/null && exit 1; done
echo 'fatal: Cannot rebase onto multiple branches.' >&2
mkdir "$tree/.git/retried" 2> /dev/null"#;
    check(counted).assert_facts("pull-race", &[("retry", "some-succeed")]);

    // The first pull takes its time, the others have nothing to do; or all take the same.
    let first = "mkdir \"$tree/.git/first\" 2> /dev/null && sleep 1; echo Already up to date.";
    check(first).assert_facts("pull-race", &[("queue-time", "one-pull")]);
    check("sleep 0.2").assert_facts("pull-race", &[("queue-time", "several-pulls")]);
}

#[test]
fn maintenance_that_keeps_or_drops_the_lock_otherwise_is_measured() {
    let machine = Machine::boot(Debian13);
    let id = "maintenance-holds-lock";
    // A git that closes the descriptors itself.
    let git = replace("git", r#"exec /usr/bin/git "$@" 7>&- 8>&- 9>&-"#);
    let report = machine.check_in(&format!("{git}; exec \"$@\""), &[id]);
    report.assert_facts(id, &[("ended", "free"), ("holder", "")]);
    assert_eq!(report.verdict(id), "relaxable");

    // A flock without -u, a shell without 7>&-, and a git in the foreground that leaves a child with
    // the lock until the shell opens the pipe.
    let script = format!(
        r#"{}
cat > ~/bin/flock <<'END'
#!/bin/sh
[ "$*" = "-u 8" ] || exec /usr/bin/flock "$@"
END
cat > ~/bin/sh <<'END'
#!/bin/bash
[[ $* != *.git/info/refs ]] || touch /home/agent/opened
[ "$1" = -c ] || exec /bin/sh "$@"
script=${{2// 7>&-/}}; shift 2; exec /bin/sh -c "$script" "$@"
END
chmod +x ~/bin/*; exec "$@""#,
        replace(
            "git",
            r#"case "$*" in
*/foreground*autoDetach=false*) until [ -e /home/agent/opened ]; do :; done > /dev/null 2>&1 & ;;
esac
exec /usr/bin/git "$@""#
        ),
    );
    let report = machine.check_in(&script, &[id]);
    report.assert_facts(
        id,
        &[("unlocked", "held"), ("closed-in-pull", "held"), ("not-detached", "held")],
    );
    assert_eq!(report.verdict(id), "regressed");
}
