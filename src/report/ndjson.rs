use std::collections::BTreeMap;

use jiff::Timestamp;
use serde::Serialize;

use super::model::{Doctor, Host, ProbeReport, Report};
use super::policy::PolicyReport;
use crate::exit::{Exit, FailOn};
use crate::judge::Verdict;

/// One line. Every line says which run it belongs to: the one that began at `started`.
#[derive(Serialize)]
#[serde(tag = "type", rename_all = "lowercase")]
enum Line<'a> {
    Run {
        started: Timestamp,
        schema: u32,
        doctor: &'a Doctor,
        host: &'a Host,
        fail_on: FailOn,
        swept: &'a [String],
        policy: &'a PolicyReport,
    },
    Probe {
        started: Timestamp,
        #[serde(flatten)]
        probe: &'a ProbeReport,
    },
    End {
        started: Timestamp,
        seconds: f64,
        summary: &'a BTreeMap<Verdict, usize>,
        exit: Exit,
    },
}

/// The report as lines of JSON: the run, each probe, the end. Together they hold what the one
/// document of `--format json` holds.
pub(super) fn render(report: &Report) -> String {
    // Named one by one, so that a key that is added cannot be forgotten here.
    let Report {
        schema,
        doctor,
        host,
        started,
        seconds,
        fail_on,
        swept,
        policy,
        probes,
        summary,
        exit,
    } = report;
    let (started, fail_on, exit) = (*started, *fail_on, *exit);
    let run = Line::Run { started, schema: *schema, doctor, host, fail_on, swept, policy };
    let probes = probes.iter().map(|probe| Line::Probe { started, probe });
    let end = Line::End { started, seconds: *seconds, summary, exit };
    std::iter::once(run).chain(probes).chain([end]).map(|line| json_line(&line)).collect()
}

fn json_line(line: &Line) -> String {
    let mut text = serde_json::to_string(line)
        .expect("a report holds nothing but text, numbers and maps with text keys");
    text.push('\n');
    text
}
