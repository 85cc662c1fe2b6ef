use launch_doctor::exit::FailOn;
use launch_doctor::report::{Format, Report, render};
use serde_json::{Value, json};

use super::doctor;
use super::fixture::{HOSTILE_LINE, hostile_report};
use super::report_readers::{python, reader};

/// What a `JUnit` parser makes of a text that is valid by Jenkins's schema.
fn read(text: &str) -> Value {
    python("junit.py", &[&reader("junit-10.xsd")], text)
}

fn parsed(report: &Report) -> Value {
    read(&render(report, Format::Junit, 80))
}

fn case<'a>(document: &'a Value, name: &str) -> &'a Value {
    let cases = document["cases"].as_array().unwrap();
    cases.iter().find(|case| case["name"] == name).unwrap_or_else(|| panic!("{document:#}"))
}

fn kind<'a>(document: &'a Value, name: &str) -> &'a str {
    case(document, name)["results"][0]["kind"].as_str().unwrap_or("passed")
}

#[test]
fn a_junit_parser_finds_the_failures_errors_and_skips_in_a_valid_document() {
    let document = parsed(&hostile_report(FailOn::Fail));
    let suite = &document["suites"][0];
    assert_eq!(
        [&suite["tests"], &suite["failures"], &suite["errors"], &suite["skipped"]],
        [9, 1, 1, 1]
    );
    let failure = &case(&document, "probe-fail")["results"][0];
    assert_eq!(failure["kind"], "Failure");
    assert_eq!(failure["type"], "fail");
    assert_eq!(failure["message"], format!("summary {HOSTILE_LINE}"));
    let error = &case(&document, "probe-unmeasured")["results"][0];
    assert_eq!((&error["kind"], &error["type"]), (&json!("Error"), &json!("unmeasured")));
    let skipped = &case(&document, "probe-skipped")["results"][0];
    assert_eq!(skipped["kind"], "Skipped");
    assert_eq!(skipped["message"], format!("summary {HOSTILE_LINE}"));
    for passed in ["warn", "regressed", "relaxable", "waived", "known", "ok"] {
        assert_eq!(kind(&document, &format!("probe-{passed}")), "passed");
    }
    let case = case(&document, "probe-fail");
    assert_eq!((&case["classname"], &case["seconds"]), (&json!("group"), &json!(0.021)));
    assert_eq!(suite["properties"]["systemd"], "257.13-1~deb13u1");
    assert_eq!(suite["properties"]["os"], HOSTILE_LINE);
}

#[test]
fn a_failure_says_what_to_do_and_how_it_was_measured() {
    let document = parsed(&hostile_report(FailOn::Fail));
    let text = case(&document, "probe-fail")["results"][0]["text"].as_str().unwrap();
    for expected in [
        "finding a\"b'c<d>&e]]>f::g%h,i|j#k\\l`m*n_o$p\\u{d}\nq    r\\u{1b}[31ms",
        "\n$ loginctl enable-linger agent\n",
        r#"measured by: env $'a"b\'c<d>&e]]>f"#,
        "systemd-run  (exit status 1)\n",
        "measured by: flock x  (ended by a signal)\n",
        "é🦀",
    ] {
        assert!(text.contains(expected), "{expected} is not in:\n{text}");
    }
    let out = case(&document, "probe-known")["out"].as_str().unwrap();
    assert!(out.starts_with("known: summary a\"b"), "{out}");
    assert!(out.contains("workaround a\"b"), "{out}");
}

#[test]
fn the_level_decides_what_is_a_failure() {
    let document = parsed(&hostile_report(FailOn::Change));
    for counted in ["fail", "warn", "regressed", "relaxable"] {
        assert_eq!(kind(&document, &format!("probe-{counted}")), "Failure");
    }
    let document = parsed(&hostile_report(FailOn::Never));
    assert_eq!(kind(&document, "probe-fail"), "passed");
    assert_eq!(kind(&document, "probe-unmeasured"), "Error");
}

#[test]
fn a_run_and_a_run_of_nothing_are_valid() {
    let run = doctor().args(["check", "session", "--format", "junit"]).assert();
    let document = read(&String::from_utf8(run.get_output().stdout.clone()).unwrap());
    assert!(!document["cases"].as_array().unwrap().is_empty());
    let nothing =
        doctor().args(["check", "lock", "--skip", "lock", "--format", "junit"]).assert().code(4);
    let document = read(&String::from_utf8(nothing.get_output().stdout.clone()).unwrap());
    assert_eq!(document["suites"][0]["tests"], 0);
}
