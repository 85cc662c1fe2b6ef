use launch_doctor::exit::FailOn;
use launch_doctor::report::{Detail, Format, Layout, render};
use rstest::rstest;

use super::fixture::{hostile_report, sample_report};

#[rstest]
fn a_report_looks_as_in_its_snapshot(
    #[values(
        Format::Human,
        Format::Json,
        Format::Ndjson,
        Format::Junit,
        Format::Tap,
        Format::Nagios,
        Format::Prometheus,
        Format::Github,
        Format::Markdown,
        Format::Sarif,
        Format::Html
    )]
    format: Format,
    #[values("hostile", "sample")] which: &str,
) {
    let report = if which == "sample" { sample_report() } else { hostile_report(FailOn::Fail) };
    insta::with_settings!({
        snapshot_path => "snapshots",
        prepend_module_to_snapshot => false,
        omit_expression => true,
    }, {
        let name = format!("{which}.{}", format!("{format:?}").to_lowercase());
        insta::assert_snapshot!(name, render(&report, format, 80));
    });
}

/// The snapshots of --verbose: every probe, and with -vv what measured it.
#[rstest]
#[case(Detail::Probes)]
#[case(Detail::Evidence)]
fn a_verbose_report_looks_as_in_its_snapshot(#[case] detail: Detail) {
    insta::with_settings!({
        snapshot_path => "snapshots",
        prepend_module_to_snapshot => false,
        omit_expression => true,
    }, {
        let name = format!("sample.human.{}", format!("{detail:?}").to_lowercase());
        let layout = Layout { width: 80, detail };
        insta::assert_snapshot!(name, render(&sample_report(), Format::Human, layout));
    });
}
