//! Repositories in which git cannot work: each state is made, named, and fixed by what doctor prints.

use super::git_usable_states::{BASE, STATES, State};
use crate::lab::{Machine, Release, Report};

on_each_release!(each_state_in_which_git_cannot_work_is_named_and_fixed: Debian11, Debian14);

const ID: &str = "git-usable";
/// The status of a check after which [`State::kept`] failed.
const NOT_KEPT: i32 = 99;

fn each_state_in_which_git_cannot_work_is_named_and_fixed(release: Release) {
    let machine = Machine::boot(release);
    machine.script("agent", BASE);
    nothing_of_a_hostile_repository_is_run(&machine);
    the_working_directory_is_examined_by_default(&machine);
    for state in STATES {
        make_and_fix(&machine, state);
    }
}

/// Makes a state, asserts what doctor says of it, runs its fix, and asserts that doctor is quiet then.
#[track_caller]
fn make_and_fix(machine: &Machine, state: &State) {
    let State { name, facts, verdict, sentence, .. } = state;
    println!("{name}");
    let make = format!(
        "cp ~/gitconfig ~/.gitconfig; rm -rf ~/s; cp -a ~/base ~/s; ( cd ~/s; {} ) > /dev/null",
        state.make
    );
    let mut report = if state.root.is_empty() {
        check(machine, &make, state)
    } else {
        machine.script("agent", &make);
        machine.script("root", &format!("cd ~agent/s; {}", state.root));
        check(machine, "", state)
    };
    report.assert_facts(ID, facts);
    assert_eq!(report.verdict(ID), *verdict, "{name}: {:#}", report.probe(ID));
    let summary = report.probe(ID)["summary"].as_str().unwrap().to_owned();
    assert!(summary.starts_with(sentence), "{name}: {summary}");
    if *verdict == "ok" {
        assert_eq!(report.fix(ID), "", "{name}");
    } else if state.is_fixable {
        for _ in 0..2 {
            if report.verdict(ID) != "ok" {
                report = fix_and_check(machine, &report.fix(ID), state);
            }
        }
        assert_eq!(report.verdict(ID), "ok", "{name}: {:#}", report.probe(ID));
        assert_ne!(report.status, NOT_KEPT, "{name}: something was lost");
    }
    if !state.root.is_empty() {
        machine.script("root", "umount ~agent/s/repo 2> /dev/null || true; rm -rf ~agent/s");
    }
}

fn check(machine: &Machine, script: &str, state: &State) -> Report {
    let repo = format!("/home/agent/s/{}", state.repo);
    machine.check_in(&format!("{script}\nexec \"$@\""), &[ID, "--repo", &repo])
}

/// Runs each command as it is printed, as root if it begins with sudo, checks again, and sees what was kept.
#[track_caller]
fn fix_and_check(machine: &Machine, fix: &str, state: &State) -> Report {
    assert_ne!(fix, "");
    let (of_root, of_agent): (Vec<&str>, Vec<&str>) =
        fix.lines().partition(|command| command.starts_with("sudo "));
    if !of_root.is_empty() {
        machine.script("root", &of_root.join("\n").replace("sudo ", ""));
    }
    let script = format!(
        "( {}\n) > /dev/null
        set +e; \"$@\" > ~/report; status=$?
        if [ $status = 0 ]; then ( set -e; cd ~/s; {} ) > /dev/null; [ $? = 0 ] || status={NOT_KEPT}; fi
        cat ~/report; exit $status",
        if of_agent.is_empty() { ":".to_owned() } else { of_agent.join("\n") },
        state.kept
    );
    let repo = format!("/home/agent/s/{}", state.repo);
    machine.check_in(&script, &[ID, "--repo", &repo])
}

/// A repository that makes git run a program wherever its configuration can.
const HOSTILE: &str = r"cd; git clone -q base/remote hostile; cd hostile
    printf '#!/bin/sh\necho $0 $* >> /home/agent/pwned\n' > ~/evil; chmod +x ~/evil
    for hook in pre-auto-gc post-index-change reference-transaction pre-commit post-checkout
    do cp ~/evil .git/hooks/$hook; done
    for key in core.fsmonitor core.sshCommand core.pager core.editor core.askPass core.gitProxy \
        core.alternateRefsCommand credential.helper diff.external gpg.program filter.x.clean filter.x.smudge \
        filter.x.process diff.x.textconv merge.x.driver sequence.editor remote.origin.uploadpack \
        pager.ls-files pager.worktree pager.config pager.rev-parse interactive.diffFilter
    do git config $key ~/evil; done
    for name in rev-parse symbolic-ref ls-files ls-tree cat-file config worktree for-each-ref
    do git config alias.$name '!~/evil'; done
    echo '* filter=x diff=x merge=x' > .git/info/attributes; git config core.hooksPath .git/hooks
    git config remote.origin.url 'ext::/home/agent/evil'; git config protocol.ext.allow always
    git config core.repositoryformatversion 1; git config extensions.partialClone origin
    git config remote.origin.promisor true; git config submodule.sub.update '!~/evil'
    printf '[submodule \042sub\042]\n\tpath = sub\n\turl = ext::/home/agent/evil\n' > .gitmodules
    echo changed > f; git rev-parse 'HEAD^{tree}' > ~/tree; rm -f ~/pwned";

fn nothing_of_a_hostile_repository_is_run(machine: &Machine) {
    machine.script("agent", HOSTILE);
    let pwned = || machine.script("agent", "cat ~/pwned 2> /dev/null || true");
    let repo = "/home/agent/hostile";
    let report = machine.check(&[ID, "--repo", repo]);
    report.assert_facts(ID, &[("repository", "usable"), ("objects", "present")]);
    assert_eq!(pwned(), "");
    // A tree that is missing would be fetched.
    let lose = "cd ~/hostile; t=$(cat ~/tree); pack=$(echo .git/objects/pack/*.pack)
        [ ! -e $pack ] || { mv $pack ~/p; rm -f .git/objects/pack/*; git unpack-objects -q < ~/p; }
        rm -f .git/objects/$(echo $t | cut -c1-2)/$(echo $t | cut -c3-); rm -f ~/pwned";
    machine.script("agent", lose);
    let report = machine.check(&["lock", "--repo", repo]);
    report.assert_facts(ID, &[("objects", "missing")]);
    assert_eq!(pwned(), "");
    // The user's own git runs them.
    machine.script("agent", "cd ~/hostile; git status > /dev/null 2>&1 || true; ls ~/pwned");
    machine
        .script("agent", "rm -f ~/pwned; git -C ~/hostile cat-file -e $(cat ~/tree) || ls ~/pwned");
}

fn the_working_directory_is_examined_by_default(machine: &Machine) {
    let report = machine.check(&[ID]);
    assert_eq!(report.verdict(ID), "skipped");
    let reason = report.probe(ID)["reason"].as_str().unwrap();
    assert_eq!(reason, "/home/agent is in no git repository, and --repo names none");
    let report = machine.check_in("cd ~/base/repo/d; exec \"$@\"", &[ID]);
    assert_eq!(report.verdict(ID), "ok");
    // Variables of git in the environment are the finding of git-env-leak alone.
    let script = "cd ~/base/repo; GIT_DIR=/no/such GIT_INDEX_FILE=/no exec \"$@\"";
    assert_eq!(machine.check_in(script, &[ID]).verdict(ID), "ok");
}
