use std::collections::HashSet;
use std::path::PathBuf;
use std::time::{Duration, Instant, SystemTime};
use std::{env, thread};

use jiff::Timestamp;
use launch_probes::host::{
    Access, Cgroup, CgroupLimits, CgroupUsage, Owner, OwnerEvidence, OwnerIndex, ProcessTable,
    SliceUnits, StartClock, TmuxPane, TransientUnits, UnitCgroup, User, has_foreign_process,
    is_orphan,
};
use launch_probes::sandbox::user_tmux_servers_in;

use super::members::MemberReader;
use super::slice_choice::{SliceChoice, SliceError};
use crate::cli::ScopesOptions;
use crate::scopes::{PaneReading, Reading, SliceReading, UnitReading};

/// A unit of a chosen slice, with its processes.
struct Candidate {
    slice: String,
    unit: UnitCgroup,
    pids: Vec<u32>,
}

/// Reads the chosen slices, their units and processes, and the panes outside.
///
/// # Errors
/// If no slice is examined.
pub(super) fn read(
    access: Access,
    user: &User,
    choice: &SliceChoice,
    options: &ScopesOptions,
) -> Result<Reading, SliceError> {
    let tmux_dir = env::var_os("TMUX_TMPDIR").map(PathBuf::from);
    let mut pending = OwnerIndex::query_default_servers(access, user.uid, tmux_dir.as_deref());
    let root = Cgroup::of_manager(access.manager, user.uid);
    let slices = SliceUnits::list(&root).map_err(|error| SliceError::Unreadable {
        manager: access.manager.name(),
        path: root.path().to_owned(),
        error,
    })?;
    let runtime_dir = env::var_os("XDG_RUNTIME_DIR").map(PathBuf::from);
    let transient = TransientUnits::list(access.manager, user, runtime_dir);
    let slices = choice.select(slices, &transient, access)?;
    // Before /proc is read: what is then missing there has ended, or cannot be seen.
    let candidates = candidates(&slices);
    let table = ProcessTable::read();
    let mut incomplete = Vec::new();
    let servers = user_tmux_servers_in(&table, user.uid).unwrap_or_else(|error| {
        incomplete.push(format!("tmux servers cannot be found: {error}"));
        Vec::new()
    });
    pending.add(access, servers);
    let mut members =
        MemberReader { table: &table, clock: StartClock::read(), args: options.args, hidden: 0 };
    let mut units: Vec<UnitReading> = candidates
        .iter()
        .map(|it| UnitReading {
            name: it.unit.name.clone(),
            slice: it.slice.clone(),
            path: it.unit.cgroup.path().to_owned(),
            since: since(&it.unit, &transient),
            usage: it.unit.usage(),
            sample: None,
            owner: None,
            is_orphan: false,
            processes: members.read(&it.pids),
        })
        .collect();
    let index = pending.wait();
    incomplete.extend(index.unreadable().iter().cloned());
    let mut undecided = 0;
    for (unit, candidate) in units.iter_mut().zip(&candidates) {
        let description = || transient.description(&candidate.unit.name);
        unit.owner = index.of_unit(&unit.name, &candidate.pids, &table, description);
        // The one in which the doctor runs is its caller's.
        let has_none = is_orphan(&unit.name, unit.owner.as_ref())
            && !candidate.pids.contains(&std::process::id());
        let is_foreign = has_none && has_foreign_process(&candidate.pids);
        undecided += usize::from(is_foreign);
        unit.is_orphan = has_none && !is_foreign && index.unreadable().is_empty();
    }
    if undecided > 0 {
        incomplete.push(format!(
            "other users run in {undecided} of these units: their tmux servers are not asked, so that no orphan is found there"
        ));
    }
    let mut panes = panes_outside(&index, &table, &slices, &units, &mut members);
    if let Some(span) = options.sample {
        sample(span, &candidates, &mut units, &mut panes, &members);
    }
    if members.hidden > 0 {
        incomplete.push(match members.hidden {
            1 => "1 process of these units cannot be read: run doctor as root".to_owned(),
            many => format!("{many} processes of these units cannot be read: run doctor as root"),
        });
    }
    // A unit whose processes have all ended meanwhile has ended.
    units.retain(|unit| !unit.processes.is_empty() || members.hidden > 0);
    Ok(Reading {
        now: Timestamp::now(),
        manager: access.manager,
        slices: slice_readings(&slices, choice),
        units,
        panes,
        incomplete,
    })
}

/// Lists the launched units that have a process.
fn candidates(slices: &[SliceUnits]) -> Vec<Candidate> {
    let units = slices
        .iter()
        .flat_map(|slice| slice.launched().map(|unit| (slice.name.clone(), unit.clone())));
    let with_processes = |(slice, unit): (String, UnitCgroup)| {
        let pids = unit.processes();
        (!pids.is_empty()).then_some(Candidate { slice, unit, pids })
    };
    units.filter_map(with_processes).collect()
}

fn slice_readings(slices: &[SliceUnits], choice: &SliceChoice) -> Vec<SliceReading> {
    let reading = |slice: &SliceUnits| SliceReading {
        name: slice.name.clone(),
        path: slice.cgroup.path().to_owned(),
        limits: CgroupLimits::of(&slice.cgroup),
        usage: CgroupUsage::of_slice(&slice.cgroup),
    };
    match choice {
        SliceChoice::Named(name) if slices.is_empty() => vec![SliceReading {
            name: name.clone(),
            path: String::new(),
            limits: CgroupLimits::default(),
            usage: CgroupUsage::default(),
        }],
        _ => slices.iter().map(reading).collect(),
    }
}

/// Returns when a unit was created: the time of its settings, or else of its cgroup, which is later if a cgroup in it
/// came or went.
fn since(unit: &UnitCgroup, transient: &TransientUnits) -> Option<Timestamp> {
    let created: Option<SystemTime> = transient.created(&unit.name).or_else(|| unit.modified());
    Timestamp::try_from(created?).ok()
}

/// Lists the panes that are in none of the slices and to which no unit of them belongs. The pane in which the doctor
/// runs is its caller's, and no agent's.
fn panes_outside(
    index: &OwnerIndex,
    table: &ProcessTable,
    slices: &[SliceUnits],
    units: &[UnitReading],
    members: &mut MemberReader<'_>,
) -> Vec<PaneReading> {
    let key = |owner: &Owner| Some((owner.server.clone()?, owner.pane_id.clone()?));
    let owning: HashSet<_> =
        units.iter().filter_map(|unit| unit.owner.as_ref()).filter_map(key).collect();
    let caller = index.pane_of(&[std::process::id()], table).map(|(pane, _)| pane.clone());
    let is_outside = |pane: &&TmuxPane| {
        let own = (pane.socket.display().to_string(), pane.id.clone());
        !pane.is_dead && Some(*pane) != caller.as_ref() && !owning.contains(&own)
    };
    let mut found = Vec::new();
    for pane in index.panes().iter().filter(is_outside) {
        let Ok(cgroup) = Cgroup::of_pid(pane.pid) else { continue };
        let is_in = |slice: &SliceUnits| {
            let rest = cgroup.path().strip_prefix(slice.cgroup.path());
            rest.is_some_and(|rest| rest.starts_with('/'))
        };
        if slices.iter().any(is_in) {
            continue;
        }
        let slice = cgroup.user_slices().last().map(|slice| (*slice).to_owned());
        found.push(PaneReading {
            unit: cgroup.unit().unwrap_or_default().to_owned(),
            slice: slice.unwrap_or_else(|| "-.slice".to_owned()),
            owner: Owner::of_pane(pane, OwnerEvidence::PanePid),
            sample: None,
            processes: members.read(&table.tree(pane.pid)),
            path: cgroup.path().to_owned(),
        });
    }
    found
}

/// Measures what units and panes use of the processors for a while.
fn sample(
    span: Duration,
    candidates: &[Candidate],
    units: &mut [UnitReading],
    panes: &mut [PaneReading],
    members: &MemberReader<'_>,
) {
    let processes = |pane: &PaneReading| members.cpu_usec_now(&pane.processes);
    let started = Instant::now();
    let before: Vec<Option<u64>> = candidates.iter().map(|it| it.unit.cpu_usec()).collect();
    let before_panes: Vec<u64> = panes.iter().map(processes).collect();
    thread::sleep(span);
    let elapsed = u64::try_from(started.elapsed().as_micros()).unwrap_or(u64::MAX);
    for ((unit, candidate), before) in units.iter_mut().zip(candidates).zip(before) {
        let used = candidate
            .unit
            .cpu_usec()
            .zip(before)
            .map(|(after, before)| after.saturating_sub(before));
        unit.sample = used.map(|used| (used, elapsed));
    }
    for (pane, before) in panes.iter_mut().zip(before_panes) {
        pane.sample = Some((processes(pane).saturating_sub(before), elapsed));
    }
}
