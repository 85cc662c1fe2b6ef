//! Every printed fix is executed in the state for which it is printed.
//!
//! `cases/ID.toml` is the table; `table.rs` says what an entry is. By hand, `DOCTOR_FIX=linger` runs the cases alone whose
//! probe or name has that word.

mod proof;
mod shell;
mod table;

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::{env, iter};

use launch_doctor::judge::Catalogue;

use crate::lab::{Machine, Release, project};
use table::{Case, tables};

/// The groups of probes whose fixes are proved in a machine of their own. The other groups share one.
const GROUPS: &[&str] = &["launcher", "lock", "scope", "session", "tmux"];

on_each_release!(every_fix_in_launcher_works);
on_each_release!(every_fix_in_lock_works);
on_each_release!(every_fix_in_scope_works);
on_each_release!(every_fix_in_session_works);
on_each_release!(every_fix_in_tmux_works);
on_each_release!(every_fix_in_other_groups_works);

fn every_fix_in_launcher_works(release: Release) {
    prove_where(release, |group| group == "launcher");
}

fn every_fix_in_lock_works(release: Release) {
    prove_where(release, |group| group == "lock");
}

fn every_fix_in_scope_works(release: Release) {
    prove_where(release, |group| group == "scope");
}

fn every_fix_in_session_works(release: Release) {
    prove_where(release, |group| group == "session");
}

fn every_fix_in_tmux_works(release: Release) {
    prove_where(release, |group| group == "tmux");
}

fn every_fix_in_other_groups_works(release: Release) {
    prove_where(release, |group| !GROUPS.contains(&group));
}

/// Proves the fixes of some groups, one after the other in one machine. After a failure the next case gets a new one.
#[track_caller]
fn prove_where(release: Release, is_asked: impl Fn(&str) -> bool) {
    let word = env::var("DOCTOR_FIX").unwrap_or_default();
    let cases: Vec<(String, Case)> = tables(&project("."))
        .into_iter()
        .filter(|(id, _)| is_asked(&group_of(id)))
        .flat_map(|(id, table)| iter::repeat(id).zip(table.cases))
        .filter(|(_, case)| case.releases.iter().any(|name| name == release.name()))
        .filter(|(id, case)| id.contains(&word) || case.name.contains(&word))
        .collect();
    let mut failed = Vec::new();
    let mut machine = None;
    for (id, case) in &cases {
        let machine_of_case = machine.take().unwrap_or_else(|| boot(release));
        let prove = AssertUnwindSafe(|| proof::prove(&machine_of_case, id, case));
        match catch_unwind(prove) {
            Ok(()) => machine = Some(machine_of_case),
            Err(_) => failed.push(format!("{id}: {}", case.name)),
        }
    }
    assert!(failed.is_empty(), "{} of {} cases failed: {failed:#?}", failed.len(), cases.len());
}

fn boot(release: Release) -> Machine {
    let machine = Machine::boot(release);
    proof::prepare(&machine);
    machine
}

fn group_of(id: &str) -> String {
    let catalogue = Catalogue::select(&[id.to_owned()], &[]).expect("the id of a probe");
    catalogue.entries()[0].probe.group.to_owned()
}
