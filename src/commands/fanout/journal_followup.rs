//! What a second look at the journal finds: entries that the first query could not ask for.

use std::collections::BTreeSet;

use launch_probes::host::{Access, JournalQuery, Manager, PendingJournal};

use crate::fanout::{Claim, FIELDS, Input, Journal, JournalEntry, Refusal, unit_runs};

/// What is called a journal that journalctl printed.
pub(super) const ANSWER: &str = "the answer of journalctl";

/// Reads the entries that match one of `any_of`, within a window in seconds since 1970. `None` if
/// journalctl does not answer, or not readably: a second look only adds.
fn read(
    access: Access,
    (since, until): (Option<i64>, Option<i64>),
    any_of: Vec<(&str, &str)>,
) -> Option<Journal> {
    let query = JournalQuery { manager: access.manager, since, until, any_of, fields: &FIELDS };
    let bytes = query.start(access.deadline).and_then(PendingJournal::wait).ok()?;
    Journal::parse(&bytes, ANSWER).ok()
}

/// Looks up the starts of runs that ended in the window and began before it.
pub(super) fn find_earlier_starts(input: &mut Input, access: Access, since: i64) {
    let runs = unit_runs(&input.entries);
    let ids: Vec<String> = runs
        .iter()
        .filter(|run| run.lacks_start() && input.grouping.is_member(&run.unit))
        .filter_map(|run| run.invocation.clone())
        .take(500)
        .collect();
    if ids.is_empty() {
        return;
    }
    let field = match access.manager {
        Manager::User => "USER_INVOCATION_ID",
        Manager::System => "INVOCATION_ID",
    };
    let any_of = ids.iter().map(|id| (field, id.as_str())).collect();
    let Some(earlier) = read(access, (None, None), any_of) else { return };
    // Boots are numbered by the first answer; only what is of its first boot can be added in front.
    let first = input.entries.first().map(|entry| entry.at);
    let before = earlier.entries.into_iter().filter_map(|mut entry| {
        entry.at.boot = first?.boot;
        (entry.event.is_some() && entry.at.realtime < since && entry.at < first?).then_some(entry)
    });
    let mut entries: Vec<_> = before.collect();
    entries.append(&mut input.entries);
    input.entries = entries;
}

/// Reads what came through the dispatchers' pipes and was stored without its unit.
pub(super) fn find_lines_without_unit(input: &mut Input, access: Access) {
    let is_dispatchers = |writer: &String| input.grouping.dispatchers.contains(writer);
    let of_dispatchers =
        input.entries.iter().filter(|entry| entry.writer.as_ref().is_some_and(is_dispatchers));
    let streams: BTreeSet<String> = of_dispatchers.filter_map(|it| it.stream.clone()).collect();
    // Boots are numbered by the first answer, and a second one can begin with another.
    if streams.is_empty() || input.entries.iter().any(|entry| entry.at.boot > 0) {
        return;
    }
    let any_of = streams.iter().take(500).map(|id| ("_STREAM_ID", id.as_str())).collect();
    let Some(lines) = read(access, (None, None), any_of) else { return };
    input.entries.extend(lines.entries.into_iter().filter(|it| it.writer.is_none()));
    input.entries.sort_by_key(|entry| entry.at);
}

/// How many dispatchers are asked for their last lines.
const LAST_LINES: usize = 20;

/// Reads what dispatchers wrote just before they ended, where they claim nothing otherwise: journald
/// can have stored that after they had exited, without their unit.
pub(super) fn find_last_lines(input: &mut Input, access: Access) {
    let runs = unit_runs(&input.entries);
    let claims: BTreeSet<&str> = input
        .entries
        .iter()
        .filter(|entry| Claim::parse(&entry.message).is_some())
        .filter_map(|entry| entry.writer_invocation.as_deref())
        .collect();
    let silent = runs.iter().rev().filter(|run| {
        let is_dispatcher = input.grouping.dispatchers.contains(&run.unit);
        is_dispatcher && run.invocation.as_deref().is_some_and(|id| !claims.contains(id))
    });
    let mut found = Vec::new();
    for run in silent.take(LAST_LINES) {
        let Some(end) = run.end else { continue };
        let second = end.realtime / 1_000_000;
        let window = (Some(second - 1), Some(second + 2));
        let Some(lines) = read(access, window, vec![("_TRANSPORT", "stdout")]) else { return };
        let own = lines.entries.into_iter().filter(|line| {
            let speaks = Claim::parse(&line.message).is_some()
                || Refusal::recognise(&line.message).is_some();
            // What systemd-run logs by itself was read before.
            let is_known = line.identifier.as_deref() == Some("systemd-run");
            line.writer.is_none() && speaks && !is_known
        });
        found.extend(own.map(|mut line| {
            line.at.boot = end.boot;
            line.writer = Some(run.unit.clone());
            line.writer_invocation.clone_from(&run.invocation);
            line
        }));
    }
    let is_new = |line: &JournalEntry| {
        let mut read = input.entries.iter();
        !read.any(|it| it.at.realtime == line.at.realtime && it.message == line.message)
    };
    found.retain(is_new);
    input.entries.extend(found);
    input.entries.sort_by_key(|entry| entry.at);
}
