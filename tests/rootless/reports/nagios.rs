use launch_doctor::exit::{Exit, FailOn};
use launch_doctor::judge::Verdict;
use launch_doctor::report::{Format, PluginState, Report, plugin_state, render};
use predicates::prelude::*;
use rstest::rstest;
use tempfile::TempDir;

use super::doctor;
use super::fixture::{HOSTILE_LINE, hostile_report};

/// A report with some verdicts out of all, as `--fail-on` makes an exit status of it.
fn only(verdicts: &[Verdict], fail_on: FailOn) -> Report {
    let mut report = hostile_report(fail_on);
    report.probes.retain(|probe| verdicts.contains(&probe.verdict));
    report.exit = Exit::from_verdicts(report.probes.iter().map(|probe| probe.verdict), fail_on);
    report
}

#[rstest]
#[case::fail(&[Verdict::Fail, Verdict::Warn, Verdict::Unmeasured], FailOn::Fail, PluginState::Critical)]
#[case::warn(&[Verdict::Warn, Verdict::Ok], FailOn::Fail, PluginState::Warning)]
#[case::counted_warn(&[Verdict::Warn], FailOn::Warn, PluginState::Critical)]
#[case::regressed(&[Verdict::Regressed], FailOn::Fail, PluginState::Warning)]
#[case::warn_and_unmeasured(&[Verdict::Unmeasured, Verdict::Warn], FailOn::Fail, PluginState::Warning)]
#[case::unmeasured(&[Verdict::Unmeasured, Verdict::Ok], FailOn::Fail, PluginState::Unknown)]
#[case::better(&[Verdict::Relaxable, Verdict::Known], FailOn::Fail, PluginState::Ok)]
#[case::counted_better(&[Verdict::Relaxable], FailOn::Change, PluginState::Critical)]
#[case::never(&[Verdict::Fail], FailOn::Never, PluginState::Warning)]
#[case::nothing(&[], FailOn::Fail, PluginState::Unknown)]
fn the_state_follows_the_level(
    #[case] verdicts: &[Verdict],
    #[case] fail_on: FailOn,
    #[case] state: PluginState,
) {
    let report = only(verdicts, fail_on);
    assert_eq!(plugin_state(&report), state);
    assert!(render(&report, Format::Nagios, 80).starts_with(&format!("DOCTOR {state}: ")));
}

/// Monitoring Plugins Development Guidelines: 'label'=value[UOM];[warn];[crit];[min];[max]
#[test]
fn it_is_one_line_with_one_bar_and_performance_data_behind_it() {
    let text = render(&hostile_report(FailOn::Fail), Format::Nagios, 80);
    let (line, rest) = text.split_once('\n').unwrap();
    assert_eq!(rest, "");
    assert!(line.len() < 1024, "{}", line.len());
    let (text, data) = line.split_once(" | ").unwrap();
    assert!(!data.contains('|') && !text.contains('|'), "{line}");
    let shown = HOSTILE_LINE.replace('|', "¦");
    assert!(
        text.starts_with(&format!("DOCTOR CRITICAL: fail probe-fail: summary {shown}; fix: fix '")),
        "{text}"
    );
    assert!(
        text.contains(" && loginctl enable-linger agent; unmeasured probe-unmeasured: "),
        "{text}"
    );
    let datum = predicate::str::is_match(r"^[a-z]+=[0-9]+(\.[0-9]+s)?;0?;0?;0$").unwrap();
    let time = predicate::str::is_match(r"^time=0\.412s;;;0$").unwrap();
    let words: Vec<&str> = data.split(' ').collect();
    assert_eq!(words.len(), Verdict::ALL.len() + 1);
    for word in words {
        assert!(datum.eval(word) || time.eval(word), "{word}");
    }
    assert!(data.starts_with("fail=1;;0;0 warn=1;0;;0 "), "{data}");
}

#[test]
fn the_status_is_a_plugins_when_the_line_is_on_standard_output() {
    let dir = TempDir::new().unwrap();
    let file = |name: &str| dir.path().join(name).display().to_string();
    let nothing = ["check", "lock", "--skip", "lock"];
    let unknown = predicate::str::starts_with("DOCTOR UNKNOWN: nothing selected in ");
    for more in [
        vec!["--format".to_owned(), "nagios".into()],
        vec![format!("--format=json={}", file("a")), "--format=nagios".into()],
    ] {
        doctor().args(nothing).args(more).assert().code(3).stdout(unknown.clone()).stderr("");
    }
    doctor().args(nothing).arg(format!("--format=nagios={}", file("b"))).assert().code(3);
    doctor()
        .args(nothing)
        .args(["--format", "human", &format!("--format=nagios={}", file("c"))])
        .assert()
        .code(4);
}

#[rstest]
#[case::clap(&["--format", "nagios", "--timeout", "x"], "invalid value 'x' for '--timeout")]
#[case::probe(&["check", "lokc", "--format=nagios"], "there is no probe or group `lokc`")]
#[case::file(&["--format=nagios", "--format=json=/no/such/file"], "cannot write the report to /no/such/file")]
fn what_goes_wrong_is_an_unknown_state_and_not_an_alarm(
    #[case] args: &[&str],
    #[case] message: &str,
) {
    doctor()
        .args(args)
        .assert()
        .code(3)
        .stdout(predicate::str::starts_with(format!("DOCTOR UNKNOWN: {message}")))
        .stdout(predicate::function(|text: &str| text.lines().count() == 1))
        .stderr("");
}
