use std::collections::BTreeMap;

use jiff::Timestamp;
use serde::Serialize;

use super::model::{Doctor, Host, ProbeReport, Report};
use super::policy::PolicyReport;
use super::record_comparison::RecordComparison;
use crate::exit::{Exit, FailOn};
use crate::judge::Verdict;

/// One line. Every line has `started`, which identifies the run.
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
        record: &'a Option<RecordComparison>,
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

/// Formats a report as lines of JSON: the run, each probe, the end. Together they have what the one document of
/// `--format json` has.
pub(super) fn render(report: &Report) -> String {
    // Named one by one, so that a new key cannot be forgotten here.
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
        record,
        summary,
        exit,
    } = report;
    let (started, fail_on, exit) = (*started, *fail_on, *exit);
    let run = Line::Run { started, schema: *schema, doctor, host, fail_on, swept, policy, record };
    let probes = probes.iter().map(|probe| Line::Probe { started, probe });
    let end = Line::End { started, seconds: *seconds, summary, exit };
    std::iter::once(run).chain(probes).chain([end]).map(|line| json_line(&line)).collect()
}

fn json_line(line: &Line) -> String {
    let mut text = serde_json::to_string(line)
        .expect("a report has only text, numbers and maps with text keys");
    text.push('\n');
    text
}
