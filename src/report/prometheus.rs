use std::fmt::{Display, Write as _};

use super::model::{ProbeReport, Report};
use crate::judge::Verdict;
use crate::text::sanitize::one_line;

/// Formats a report for `node_exporter`'s textfile collector, in the text format of Prometheus.
///
/// There are no timestamps, which the collector refuses; `node_textfile_mtime_seconds` is the age. A probe has one
/// series for its verdict, which changes its label when the verdict changes.
pub(super) fn render(report: &Report) -> String {
    let mut page = Page::default();
    let mut info = vec![("version", report.doctor.version)];
    info.extend(report.host.fields().into_iter().map(|(name, value)| (name, value.unwrap_or(""))));
    page.family(
        "launch_doctor_info",
        "The versions of the doctor and of what it examined on this host.",
    );
    page.sample(&info, 1);

    page.family("launch_doctor_exit_status", "The exit status of the run.");
    page.sample(&[], report.exit.code());

    page.family("launch_doctor_run_duration_seconds", "Duration of the run.");
    page.sample(&[], report.seconds);

    page.family("launch_doctor_probes", "Number of probes with each verdict.");
    for verdict in Verdict::ALL {
        page.sample(&[("verdict", verdict.name())], report.count(verdict));
    }
    if !report.probes.is_empty() {
        page.family("launch_doctor_probe_verdict", "Always 1: the verdict on a probe, as a label.");
        for probe in &report.probes {
            page.sample(
                &[named(probe).as_slice(), &[("verdict", probe.verdict.name())]].concat(),
                1,
            );
        }
        page.family("launch_doctor_probe_duration_seconds", "Duration of a probe.");
        for probe in &report.probes {
            page.sample(&named(probe), probe.seconds);
        }
    }
    page.text
}

fn named(probe: &ProbeReport) -> [(&str, &str); 2] {
    [("group", &probe.group), ("probe", &probe.id)]
}

/// The text under construction. Every family is a gauge: a run is a state, not a counter.
#[derive(Default)]
struct Page {
    text: String,
    name: &'static str,
}

impl Page {
    fn family(&mut self, name: &'static str, help: &str) {
        self.name = name;
        let _ = writeln!(self.text, "# HELP {name} {help}\n# TYPE {name} gauge");
    }

    fn sample(&mut self, labels: &[(&str, &str)], value: impl Display) {
        let pairs: Vec<String> =
            labels.iter().map(|(key, value)| format!("{key}=\"{}\"", escaped(value))).collect();
        let labels =
            if pairs.is_empty() { String::new() } else { format!("{{{}}}", pairs.join(",")) };
        let _ = writeln!(self.text, "{}{labels} {value}", self.name);
    }
}

/// Escapes a label's value. Prometheus reads every other character unchanged.
fn escaped(value: &str) -> String {
    one_line(value).replace('\\', r"\\").replace('"', "\\\"")
}
