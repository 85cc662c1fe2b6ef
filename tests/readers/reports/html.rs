use launch_doctor::exit::FailOn;
use launch_doctor::report::{Format, render};

use super::fixture::{HOSTILE_LINE, hostile_report};
use super::report_readers::python;

#[test]
fn a_parser_finds_the_texts_and_nothing_that_runs_or_is_loaded() {
    let page =
        python("html_page.py", &[], &render(&hostile_report(FailOn::Fail), Format::Html, 80));
    assert_eq!(page["loaded"].to_string(), "[]", "no script, style sheet, image, frame or link");
    assert_eq!(page["handlers"].to_string(), "[]");
    let findings: Vec<&str> =
        page["findings"].as_array().unwrap().iter().filter_map(|it| it.as_str()).collect();
    assert_eq!(findings.len(), 5);
    assert_eq!(findings[0], format!("fail probe-fail summary {HOSTILE_LINE}"));
    assert!(page["fixes"][0].as_str().unwrap().ends_with("\nloginctl enable-linger agent"));
    assert_eq!(page["rows"].as_array().unwrap().len(), 9);
    let tags = page["tags"].to_string();
    for tag in ["script", "img", "iframe", "d", "link"] {
        assert!(!tags.contains(&format!("\"{tag}\"")), "{tags}");
    }
    assert_eq!(page["language"], "en");
}
