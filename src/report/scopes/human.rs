use std::fmt::Write as _;

use colored::Colorize;

use super::figure::{age, bytes_of, count, memory, percent};
use super::table::Table;
use crate::scopes::{Process, Scope, Scopes, Slice, leading, over_limits};
use crate::text::quote;
use crate::text::sanitize::one_line;
use crate::text::wrap::push_wrapped;

/// How the rows are shown to people.
#[derive(Debug, Clone, Copy, Default)]
pub struct HumanOptions {
    /// Shows the processes of each unit as a tree.
    pub tree: bool,
    /// Leaves slices without a row out: some rows were selected.
    pub is_selection: bool,
    /// The number of columns of the terminal.
    pub width: usize,
}

/// Returns the rows for people.
pub fn human(scopes: &Scopes, options: HumanOptions) -> String {
    let mut text = String::new();
    for slice in &scopes.slices {
        let rows: Vec<&Scope> =
            scopes.scopes.iter().filter(|it| !it.outside && it.slice == slice.name).collect();
        let is_inner = scopes.slices.len() > 1 && slice.name == "-.slice";
        if rows.is_empty() && (options.is_selection || is_inner) {
            continue;
        }
        push_heading(&mut text, slice, &rows, options.width);
        push_rows(&mut text, &rows, scopes, options);
    }
    let outside: Vec<&Scope> = scopes.scopes.iter().filter(|scope| scope.outside).collect();
    if !outside.is_empty() {
        let panes = count(outside.len(), "pane", "panes");
        let line = format!("{panes} outside {}", names(scopes));
        let _ = writeln!(text, "{}", one_line(&line).bold());
        push_rows(&mut text, &outside, scopes, options);
        let line = "No limit of the slice applies to these processes: they were not launched through systemd-run --slice.";
        push_wrapped(&mut text, line, "    ", "    ", options.width);
        let _ = writeln!(text, "        {}", "doctor explain tmux-pane-scope".dimmed());
    }
    push_summary(&mut text, scopes, options.width);
    text
}

fn names(scopes: &Scopes) -> String {
    match scopes.slices.as_slice() {
        [first, rest @ ..] if rest.iter().all(|slice| is_in(slice, first)) => first.name.clone(),
        _ => "these slices".into(),
    }
}

fn is_in(slice: &Slice, outer: &Slice) -> bool {
    slice.path.strip_prefix(&*outer.path).is_some_and(|rest| rest.starts_with('/'))
}

/// The slice, what it uses of its limits, and how many units it has.
fn push_heading(text: &mut String, slice: &Slice, rows: &[&Scope], width: usize) {
    let tasks = match slice.limits.tasks {
        Some(limit) => format!("{} of {limit} tasks", slice.current.tasks),
        None => count(usize::try_from(slice.current.tasks).unwrap_or(usize::MAX), "task", "tasks"),
    };
    let limit = slice.limits.memory_max.or(slice.limits.memory_high);
    let memory = bytes_of(slice.current.memory_bytes, limit);
    let mark = match slice.current.memory_source {
        crate::scopes::MemorySource::Cgroup => "",
        crate::scopes::MemorySource::Rss => "~",
    };
    let weight = slice.limits.cpu_weight.map(|weight| format!(", CPUWeight {weight}"));
    let used = format!("{tasks}, {mark}{memory}{}", weight.unwrap_or_default());
    let orphans = rows.iter().filter(|scope| scope.orphan).count();
    let mut units = count(rows.len(), "unit", "units");
    if orphans > 0 {
        let _ = write!(units, ", {}", count(orphans, "orphan", "orphans"));
    }
    let name = one_line(&slice.name);
    let _ = writeln!(text, "{}   {used}   {units}", name.bold());
    for over in over_limits(slice) {
        let share = u128::from(over.used) * 100 / u128::from(over.limit.max(1));
        let line = format!("{name} uses {share} % of its {}", over.kind.setting());
        let first = format!("  {} ", "!".yellow().bold());
        push_wrapped(text, &line, &first, "    ", width);
    }
}

fn push_rows(text: &mut String, rows: &[&Scope], scopes: &Scopes, options: HumanOptions) {
    if rows.is_empty() {
        return;
    }
    let mut table = Table::new(&[
        ("AGENT", 24),
        ("UNIT", 40),
        ("PANE", 28),
        ("SINCE", 12),
        ("CPU", 8),
        ("MEM", 10),
        ("TASKS", 10),
        ("COMMAND", usize::MAX),
    ]);
    for scope in rows {
        table.row(cells(scope, scopes));
    }
    let mut lines = table.lines(options.width.saturating_sub(4)).into_iter();
    let _ = writeln!(text, "    {}", lines.next().unwrap_or_default().dimmed());
    for (scope, line) in rows.iter().zip(lines) {
        if scope.orphan || scope.outside {
            let _ = writeln!(text, "  {} {line}", "✗".red().bold());
        } else {
            let _ = writeln!(text, "    {line}");
        }
        if options.tree {
            push_tree(text, &scope.processes, scopes, options.width);
        }
        if scope.orphan {
            let stop = format!("systemctl {} stop {}", scopes.manager_option, quote(&scope.unit));
            let _ = writeln!(text, "      {} {}", "$".dimmed(), stop.bold());
        }
    }
}

fn cells(scope: &Scope, scopes: &Scopes) -> Vec<String> {
    let command = leading(&scope.processes).map(command_of);
    let frozen = if scope.frozen { " (frozen)" } else { "" };
    let agent = if scope.orphan { "orphan" } else { &scope.agent };
    let unit = if scope.unit.is_empty() { "–" } else { &scope.unit };
    vec![
        one_line(agent),
        one_line(unit),
        scope.target().map_or_else(|| "–".into(), |target| one_line(&target)),
        age(scope.since, scopes.now),
        percent(scope.cpu_percent),
        memory(scope.memory_bytes, scope.memory_source),
        scope.tasks.to_string(),
        format!("{}{frozen}", command.unwrap_or_else(|| "–".into())),
    ]
}

fn command_of(process: &Process) -> String {
    match &process.args {
        Some(args) if !args.is_empty() => {
            let words: Vec<String> = args.iter().map(|word| quote(word)).collect();
            one_line(&words.join(" "))
        }
        _ => one_line(&process.comm),
    }
}

/// The processes of a unit, each below the one that started it.
fn push_tree(text: &mut String, processes: &[Process], scopes: &Scopes, width: usize) {
    let is_member = |pid: u32| processes.iter().any(|process| process.pid == pid);
    let mut stack: Vec<(usize, &Process)> =
        processes.iter().rev().filter(|it| !is_member(it.ppid)).map(|it| (0, it)).collect();
    let mut left = processes.len();
    while let Some((depth, process)) = stack.pop()
        && left > 0
    {
        left -= 1;
        let since = age(process.since, scopes.now);
        let line = format!("{} {}  {since}", process.pid, command_of(process));
        let indent = " ".repeat(8 + 2 * depth.min(20));
        let line = crate::text::shorten::shorten(&line, width.saturating_sub(indent.len()).max(20));
        let _ = writeln!(text, "{indent}{}", line.dimmed());
        let children = processes.iter().rev().filter(|it| it.ppid == process.pid);
        stack.extend(children.map(|it| (depth + 1, it)));
    }
}

fn push_summary(text: &mut String, scopes: &Scopes, width: usize) {
    let (units, orphans, outside) = scopes.counts();
    let mut parts = vec![count(units, "unit", "units"), count(orphans, "orphan", "orphans")];
    parts.push(count(outside, "pane outside", "panes outside"));
    if units == 0 && outside == 0 {
        let names: Vec<&str> = scopes.slices.iter().map(|slice| &*slice.name).collect();
        let line = match names.as_slice() {
            [] => "no slice has a unit that was launched".into(),
            [name] => format!("no unit to show in {name}"),
            _ => "no unit to show".into(),
        };
        let _ = writeln!(text, "{}", one_line(&line));
    } else {
        let _ = writeln!(text, "{}", parts.join(", "));
    }
    for sentence in &scopes.incomplete {
        push_wrapped(text, &one_line(sentence), "  ? ", "    ", width);
    }
}
