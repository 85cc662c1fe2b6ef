use chrono::{DateTime, FixedOffset};
use jiff::Timestamp;
use quick_junit::{NonSuccessKind, Report as Document, TestCase, TestCaseStatus, TestSuite};

use super::details::details;
use super::model::{Host, ProbeReport, Report};
use super::test_status::TestStatus;
use crate::text::sanitize::one_line;

/// Formats a report as `JUnit` XML, by the schema of Jenkins's xUnit plugin (junit-10.xsd).
pub(super) fn render(report: &Report) -> String {
    let mut suite = TestSuite::new("doctor");
    suite.set_timestamp(fixed(report.started));
    suite.set_time(seconds(report.seconds));
    for (name, value) in properties(&report.host) {
        suite.add_property((name, one_line(value).as_str()));
    }
    suite.add_test_cases(report.probes.iter().map(|probe| case(probe, report)));
    let mut document = Document::new("doctor");
    document.set_time(seconds(report.seconds));
    document.add_test_suite(suite);

    let text = document.to_string().expect("writing to memory does not fail");
    // By the schema, only a suite has this count, and not the list of suites.
    text.replacen(&format!(" skipped=\"{}\"", document.skipped), "", 1)
}

fn case(probe: &ProbeReport, report: &Report) -> TestCase {
    let test_status = TestStatus::of(probe, report);
    let mut status = match test_status {
        TestStatus::Passed => TestCaseStatus::success(),
        TestStatus::Failed => TestCaseStatus::non_success(NonSuccessKind::Failure),
        TestStatus::Unmeasured => TestCaseStatus::non_success(NonSuccessKind::Error),
        TestStatus::Skipped => TestCaseStatus::skipped(),
    };
    if test_status != TestStatus::Passed {
        status.set_message(one_line(&probe.summary)).set_type(probe.verdict.name());
    }
    if matches!(test_status, TestStatus::Failed | TestStatus::Unmeasured) {
        status.set_description(body(probe));
    }
    let mut case = TestCase::new(probe.id.as_str(), status);
    case.set_classname(probe.group.as_str()).set_time(seconds(probe.seconds));
    if test_status == TestStatus::Passed {
        case.set_system_out(format!("{}: {}", probe.verdict, body(probe)));
    }
    case
}

/// Returns the details, without tabs, which the library would drop.
fn body(probe: &ProbeReport) -> String {
    details(probe).replace('\t', "    ")
}

fn properties(host: &Host) -> impl Iterator<Item = (&'static str, &str)> {
    host.fields().into_iter().filter_map(|(name, value)| Some((name, value?)))
}

fn seconds(seconds: f64) -> std::time::Duration {
    std::time::Duration::from_secs_f64(seconds.max(0.0))
}

fn fixed(time: Timestamp) -> DateTime<FixedOffset> {
    DateTime::from_timestamp(time.as_second(), 0).unwrap_or_default().fixed_offset()
}
