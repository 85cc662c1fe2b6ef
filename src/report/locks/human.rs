use std::fmt::Write as _;

use colored::Colorize;
use jiff::Timestamp;
use jiff::tz::TimeZone;
use launch_probes::host::{LockMode, Owner, OwnerKind};

use crate::locks::{
    LockEvent, LockHolderRow, LockProblem, LockRow, LockWaiterRow, LocksReport, Unreadable,
};
use crate::text::sanitize::one_line;
use crate::text::wrap::push_wrapped;

/// The widest path after which the columns still begin at one place.
const PATH_COLUMNS: usize = 48;

/// Formats a report for people, in lines of at most `width` columns; commands to paste are never wrapped.
pub fn human(report: &LocksReport, width: usize) -> String {
    let mut text = String::new();
    if report.locks.is_empty() {
        text.push_str("no lock file was found\n");
    }
    let columns = report.locks.iter().map(|row| one_line(&row.path).chars().count());
    let columns = columns.filter(|columns| *columns <= PATH_COLUMNS).max().unwrap_or_default();
    for row in &report.locks {
        push_lock(&mut text, row, report.at, columns, width);
    }
    if let Some(unreadable) = &report.unreadable {
        push_wrapped(&mut text, &unreadable_text(unreadable), "? ", "  ", width);
    }
    text
}

/// Formats a change, with the time of day at which it was seen.
pub fn event(event: &LockEvent) -> String {
    let time = event.at.to_zoned(TimeZone::system()).strftime("%H:%M:%S%.3f");
    let process = match (event.pid, &event.comm) {
        (Some(pid), Some(comm)) => format!("  {pid} {}", one_line(comm)),
        _ => String::new(),
    };
    format!("{time}  {:<18} {}{process}\n", event.event.name(), one_line(&event.path))
}

fn push_lock(text: &mut String, row: &LockRow, at: Timestamp, columns: usize, width: usize) {
    let path = one_line(&row.path);
    let state = state(row, at);
    let line = format!("{path:<columns$}  {state}");
    let shown = if row.problems.is_empty() { line.normal() } else { line.red() };
    let _ = writeln!(text, "{shown}");
    for holder in row.holders.iter().filter(|_| row.written.is_none()) {
        let _ = writeln!(text, "{}", holder_line(holder, at));
    }
    for waiter in &row.waiters {
        let _ = writeln!(text, "{}", waiter_line(waiter, at));
    }
    for problem in &row.problems {
        let line = format!("{} (doctor explain {})", problem.effect(), problem.probe());
        push_wrapped(text, &line, "    ", "    ", width);
    }
    for command in &row.fix {
        let _ = writeln!(text, "    {} {}", "$".dimmed(), one_line(command).bold());
    }
}

/// Says in a few words whether the file is locked.
fn state(row: &LockRow, at: Timestamp) -> String {
    if let Some(written) = row.written {
        let written = format!("written {} ago", span(written, at));
        return match (&row.undecided, row.holders.first()) {
            _ if row.stale => format!("stale: {written}, every git process here is younger"),
            (Some(why), _) => format!("{written}: {why}"),
            (None, Some(owner)) => {
                format!("live: {written}, {} {} may own it", owner.pid, one_line(&owner.comm))
            }
            (None, None) => written,
        };
    }
    let mut parts = Vec::new();
    parts.push(match (row.holders.len(), row.mode) {
        (0, _) => "free".to_owned(),
        (_, Some(LockMode::Shared)) => "held, shared".to_owned(),
        _ => "held".to_owned(),
    });
    if row.problems.contains(&LockProblem::DeadTaker) {
        parts.push("taker is dead".to_owned());
    }
    if row.deleted {
        parts.push("file deleted or replaced".to_owned());
    }
    match row.waiters.len() {
        0 => {}
        1 => parts.push("1 waits".to_owned()),
        count => parts.push(format!("{count} wait")),
    }
    parts.join(", ")
}

fn holder_line(holder: &LockHolderRow, at: Timestamp) -> String {
    let how = if holder.inherited { "inherited" } else { "opened" };
    let on = holder.fd.map(|fd| format!(" on fd {fd}")).unwrap_or_default();
    let process = format!("{} {}", holder.pid, one_line(&holder.comm));
    let started = format!("{how}{on}, started {} ago", span(holder.since, at));
    let owner = owner_text(holder.owner.as_ref(), holder.unit.as_deref());
    format!("  holds   {process:<22} {started:<42} {owner}").trim_end().to_owned()
}

fn waiter_line(waiter: &LockWaiterRow, at: Timestamp) -> String {
    let process = format!("{} {}", waiter.pid, one_line(&waiter.comm));
    let since = waiter.since.map(|since| span(since, at)).unwrap_or_default();
    let owner = owner_text(waiter.owner.as_ref(), waiter.unit.as_deref());
    format!("  waits   {process:<22} {since:<42} {owner}").trim_end().to_owned()
}

/// Names the agent's pane, and the unit.
fn owner_text(owner: Option<&Owner>, unit: Option<&str>) -> String {
    let pane = owner.and_then(|owner| match owner.kind {
        OwnerKind::TmuxServer => Some("tmux server".to_owned()),
        _ => owner.target(),
    });
    let parts = pane.into_iter().chain(unit.map(str::to_owned));
    one_line(&parts.collect::<Vec<_>>().join("  "))
}

fn unreadable_text(unreadable: &Unreadable) -> String {
    match unreadable.processes {
        Some(1) => {
            "1 process of another user could not be examined, and may hold these locks: use sudo"
                .into()
        }
        Some(count) => format!(
            "{count} processes of other users could not be examined, and may hold these locks: use sudo"
        ),
        None => "processes of other users are hidden, and may hold these locks: use sudo".into(),
    }
}

/// Formats the time between two moments: `12 s`, `6 min 58`, `2 h 10`, `3 days`.
fn span(from: Timestamp, to: Timestamp) -> String {
    let seconds = to.duration_since(from).as_secs().max(0);
    match seconds {
        0..60 => format!("{seconds} s"),
        60..3600 => format!("{} min {:02}", seconds / 60, seconds % 60),
        3600..172_800 => format!("{} h {:02}", seconds / 3600, seconds % 3600 / 60),
        _ => format!("{} days", seconds / 86_400),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::exit::Exit;
    use crate::locks::LocksHost;

    fn at(seconds: i64) -> Timestamp {
        Timestamp::from_second(seconds).unwrap()
    }

    fn report(locks: Vec<LockRow>) -> LocksReport {
        LocksReport {
            schema: 1,
            doctor: "0",
            host: LocksHost::default(),
            at: at(1000),
            locks,
            unreadable: None,
            exit: Exit::Success,
        }
    }

    #[test]
    fn a_lock_whose_taker_is_dead_shows_who_has_it_and_who_waits() {
        colored::control::set_override(false);
        let lock = LockRow {
            mode: Some(LockMode::Exclusive),
            holders: vec![LockHolderRow {
                pid: 857,
                fd: Some(9),
                comm: "sle\u{1b}ep\t".into(),
                taker: None,
                inherited: true,
                since: at(580),
                unit: Some("a.scope".into()),
                owner: None,
            }],
            waiters: vec![LockWaiterRow {
                pid: 858,
                comm: "flock".into(),
                mode: None,
                since: Some(at(582)),
                unit: None,
                owner: None,
            }],
            problems: vec![LockProblem::DeadTaker],
            fix: vec!["flock /proc/857/fd/9 true".into()],
            ..LockRow::unlocked("/srv/work/.git/pull-lock")
        };
        let git = LockRow {
            stale: true,
            written: Some(at(580)),
            problems: vec![LockProblem::Stale],
            ..LockRow::unlocked("/srv/work/.git/index.lock")
        };
        assert_eq!(
            human(&report(vec![lock, git]), 100),
            "/srv/work/.git/pull-lock   held, taker is dead, 1 waits\n\
             \x20 holds   857 sle\\u{1b}ep        inherited on fd 9, started 7 min 00 ago    a.scope\n\
             \x20 waits   858 flock              6 min 58\n\
             \x20   The lock outlives its taker because a child inherited it. (doctor explain flock-inherited)\n\
             \x20   $ flock /proc/857/fd/9 true\n\
             /srv/work/.git/index.lock  stale: written 7 min 00 ago, every git process here is younger\n\
             \x20   git fails until this file is removed. (doctor explain stale-git-state)\n"
        );
    }

    #[test]
    fn a_free_lock_and_none_are_said_to_be() {
        colored::control::set_override(false);
        assert_eq!(human(&report(vec![LockRow::unlocked("/l")]), 80), "/l  free\n");
        assert_eq!(human(&report(Vec::new()), 80), "no lock file was found\n");
        let hidden = LocksReport {
            unreadable: Some(Unreadable { processes: Some(2) }),
            ..report(vec![LockRow::unlocked("/l")])
        };
        assert!(human(&hidden, 120).contains("? 2 processes of other users could not be examined"));
    }

    #[test]
    fn a_time_is_in_the_two_largest_units() {
        let shown = |seconds| span(at(0), at(seconds));
        assert_eq!([0, 59, 418, 7800].map(shown), ["0 s", "59 s", "6 min 58", "2 h 10"]);
        assert_eq!(span(at(0), at(259_200)), "3 days");
        assert_eq!(span(at(5), at(0)), "0 s");
    }
}
