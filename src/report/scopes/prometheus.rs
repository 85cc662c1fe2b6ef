use std::fmt::{Display, Write as _};

use crate::scopes::{Scope, Scopes, Slice};
use crate::text::sanitize::one_line;

/// Returns the rows as a file for `node_exporter`'s textfile collector. Panes outside are only counted.
pub fn prometheus(scopes: &Scopes) -> String {
    let mut page = Page::default();
    let (_, orphans, outside) = scopes.counts();
    page.one("orphans", "Scopes without a pane whose launcher has ended.", orphans);
    page.one("panes_outside", "Panes of tmux in none of the slices.", outside);
    page.one("complete", "1 if everything could be read.", u8::from(scopes.incomplete.is_empty()));
    page.slices(scopes, "slice_tasks", "Processes and threads.", |it| Some(it.current.tasks));
    page.slices(scopes, "slice_tasks_limit", "TasksMax.", |it| it.limits.tasks);
    page.slices(scopes, "slice_memory_bytes", "Memory.", |it| Some(it.current.memory_bytes));
    page.slices(scopes, "slice_memory_limit_bytes", "MemoryMax.", |it| it.limits.memory_max);
    page.slices(scopes, "slice_memory_high_bytes", "MemoryHigh.", |it| it.limits.memory_high);
    page.units(scopes, "unit_tasks", "Processes and threads.", |it| Some(it.tasks.to_string()));
    page.units(scopes, "unit_memory_bytes", "Memory.", |it| Some(it.memory_bytes.to_string()));
    page.units(scopes, "unit_cpu_seconds", "Processor time.", |it| {
        it.cpu_usec.map(|usec| format!("{}.{:06}", usec / 1_000_000, usec % 1_000_000))
    });
    page.units(scopes, "unit_start_timestamp_seconds", "When it was created.", |it| {
        it.since.map(|since| since.as_second().to_string())
    });
    page.units(scopes, "unit_orphan", "1 if it is an orphan.", |it| {
        Some(u8::from(it.orphan).to_string())
    });
    page.text
}

/// The text under construction.
#[derive(Default)]
struct Page {
    text: String,
}

impl Page {
    fn family(&mut self, name: &str, help: &str) {
        let _ = writeln!(
            self.text,
            "# HELP launch_doctor_scopes_{name} {help}\n# TYPE launch_doctor_scopes_{name} gauge"
        );
    }

    fn one(&mut self, name: &str, help: &str, value: impl Display) {
        self.family(name, help);
        let _ = writeln!(self.text, "launch_doctor_scopes_{name} {value}");
    }

    fn slices(
        &mut self,
        scopes: &Scopes,
        name: &str,
        help: &str,
        value: fn(&Slice) -> Option<u64>,
    ) {
        self.family(name, help);
        for slice in &scopes.slices {
            if let Some(value) = value(slice) {
                self.sample(name, &[("slice", &slice.name)], value);
            }
        }
    }

    fn units(
        &mut self,
        scopes: &Scopes,
        name: &str,
        help: &str,
        value: fn(&Scope) -> Option<String>,
    ) {
        self.family(name, help);
        for scope in scopes.scopes.iter().filter(|scope| !scope.outside) {
            let labels = [("slice", &*scope.slice), ("unit", &scope.unit), ("agent", &scope.agent)];
            if let Some(value) = value(scope) {
                self.sample(name, &labels, value);
            }
        }
    }

    fn sample(&mut self, name: &str, labels: &[(&str, &str)], value: impl Display) {
        let pairs: Vec<String> =
            labels.iter().map(|(key, value)| format!("{key}=\"{}\"", escaped(value))).collect();
        let _ = writeln!(self.text, "launch_doctor_scopes_{name}{{{}}} {value}", pairs.join(","));
    }
}

/// A label's value: Prometheus reads these escapes and every other character as it is.
fn escaped(value: &str) -> String {
    one_line(value).replace('\\', r"\\").replace('"', "\\\"")
}
