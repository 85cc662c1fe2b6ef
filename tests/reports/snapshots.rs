use launch_doctor::exit::FailOn;
use launch_doctor::report::{Format, render};
use rstest::rstest;

use crate::fixture::{everything, ordinary};

#[rstest]
fn a_format_tells_everything_as_it_was_told_before(
    #[values(
        Format::Human,
        Format::Json,
        Format::Ndjson,
        Format::Junit,
        Format::Tap,
        Format::Nagios,
        Format::Prometheus,
        Format::Github,
        Format::Markdown
    )]
    format: Format,
    #[values("everything", "ordinary")] which: &str,
) {
    let report = if which == "ordinary" { ordinary() } else { everything(FailOn::Fail) };
    insta::with_settings!({
        snapshot_path => "../snapshots",
        prepend_module_to_snapshot => false,
        omit_expression => true,
    }, {
        let name = format!("{which}.{}", format!("{format:?}").to_lowercase());
        insta::assert_snapshot!(name, render(&report, format, 80));
    });
}
