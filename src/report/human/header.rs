use crate::report::details::host_line;
use crate::report::model::Report;
use crate::text::sanitize::one_line;
use crate::text::wrap::push_wrapped;

/// Appends who reports on which host, and which dead runs were cleaned up.
pub(super) fn push_header(text: &mut String, report: &Report, width: usize) {
    let doctor = format!("launch-doctor {}", report.doctor.version);
    let on = if report.host.name.is_some() { " on " } else { ": " };
    push_wrapped(
        text,
        &one_line(&format!("{doctor}{on}{}", host_line(&report.host))),
        "",
        "  ",
        width,
    );
    for run in &report.swept {
        let line = format!("cleaned up after the interrupted run {run}");
        push_wrapped(text, &one_line(&line), "", "  ", width);
    }
}
