//! The agents' own locks in the states that are healthy. Those with a fix are in `tests/lab/fixes/cases/lock-held.toml`.

use crate::lab::Machine;
use crate::lab::Release;

const ID: &str = "lock-held";

on_each_release!(a_lock_that_is_free_or_in_use_is_no_alarm: Debian11, Debian14);

fn a_lock_that_is_free_or_in_use_is_no_alarm(release: Release) {
    let machine = Machine::boot(release);
    assert_eq!(machine.check(&[ID]).verdict(ID), "skipped");
    let args = [ID, "--lock", "/home/agent/lock"];

    let absent = machine.check(&args);
    absent.assert_facts(ID, &[("holder", "none"), ("file", "absent"), ("access", "writable")]);
    assert_eq!(absent.verdict(ID), "ok");

    // A pull in progress: the script and what it started.
    let script = "cd; exec 9> lock; flock 9; exec 8>&9; \"$@\"";
    let living = machine.check_in(script, &args);
    living.assert_facts(ID, &[("holder", "living"), ("prompt", "none"), ("file", "current")]);
    living.assert_facts(ID, &[("file-system", "host")]);
    assert_eq!(living.verdict(ID), "ok", "{:#}", living.json());
    // flock itself, as a program.
    let living = machine.check_in("cd; exec flock lock \"$@\"", &args);
    assert_eq!((living.fact(ID, "holder"), living.verdict(ID)), ("living", "ok"));

    // In the repository, without an option for it; and by the policy.
    machine
        .script("agent", "cd; git init -q repo; : > repo/.git/pull-lock; : > repo/.git/index.lock");
    let of_repo = machine.check(&[ID, "--repo", "/home/agent/repo"]);
    assert_eq!((of_repo.fact(ID, "file"), of_repo.verdict(ID)), ("current", "ok"));
    let policy = "cd; echo 'lock = [\"/home/agent/lock\"]' > doctor.toml; exec \"$@\"";
    assert_eq!(machine.check_in(policy, &[ID]).fact(ID, "file"), "current");

    // In the process-id namespace of a container no table names what root holds.
    machine
        .script("root", "systemd-run --quiet --unit=holder -- flock /home/agent/lock sleep 1001");
    machine.script("agent", "cd; until ! flock -n lock true; do :; done");
    let hidden = machine.check(&args);
    hidden.assert_facts(ID, &[("holder", "not-visible")]);
    assert_eq!(hidden.verdict(ID), "ok");
    machine.script("root", "systemctl stop holder");
}
