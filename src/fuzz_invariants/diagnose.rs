//! What must hold of a diagnosis whatever a log says.

use std::sync::OnceLock;

use crate::cli::ColorChoice;
use crate::config::set_color;
use crate::diagnose::{Analysis, InputFormat, LogLine, Matcher, Options, visible_segments};
use crate::judge::Catalogue;
use crate::report::diagnosis;
use crate::text::sanitize::is_hidden;

/// The reader of log lines, the search for signatures, and every format of what comes of it.
pub fn logs(bytes: &[u8]) {
    static KNOWN: OnceLock<(Catalogue, Matcher)> = OnceLock::new();
    let (catalogue, matcher) = KNOWN.get_or_init(|| {
        let catalogue = Catalogue::select(&[], &[]).expect("all probes can be selected");
        let matcher = Matcher::of(&catalogue);
        (catalogue, matcher)
    });
    for line in bytes.split(|&byte| byte == b'\n').take(8) {
        assert!(visible_segments(line).iter().all(|segment| !segment.contains(['\r', '\0'])));
        assert!(
            LogLine::read(line).iter().all(|line| !line.message.contains('\n'))
                || line.starts_with(b"{")
        );
    }
    let _ = InputFormat::detect(bytes);
    // However the bytes are cut into blocks of whole lines, the result is the same.
    let whole = diagnose(catalogue, matcher, &[bytes]);
    let lines: Vec<&[u8]> = bytes.split_inclusive(|&byte| byte == b'\n').collect();
    assert_eq!(whole, diagnose(catalogue, matcher, &lines));
    let count = bytes.split_inclusive(|&byte| byte == b'\n').count() as u64;
    assert_eq!(whole.inputs[0].lines, count);
    for finding in &whole.findings {
        assert!(finding.count > 0 && finding.first.line <= finding.last.line);
        assert!(finding.last.line <= count && finding.last.line > 0);
    }
    set_color(ColorChoice::Never, false);
    let is_wrong = |c: char| is_hidden(c) && c != '\n' && c != '\t';
    assert!(!diagnosis::human(&whole, false, true, 80).contains(is_wrong));
    assert!(!diagnosis::markdown(&whole).contains(is_wrong));
    assert!(!diagnosis::github(&whole).contains(is_wrong));
    let _: serde_json::Value = serde_json::from_str(&diagnosis::json(&whole)).expect("it is JSON");
    for line in diagnosis::ndjson(&whole).lines() {
        let _: serde_json::Value = serde_json::from_str(line).expect("a line is JSON");
    }
}

fn diagnose(
    catalogue: &Catalogue,
    matcher: &Matcher,
    blocks: &[&[u8]],
) -> crate::diagnose::Diagnosis {
    let cards = catalogue.entries().iter().map(|entry| &entry.card);
    let mut analysis = Analysis::new(matcher, cards, Options::default());
    analysis.begin_input("log", InputFormat::Text);
    for block in blocks {
        analysis.feed(block);
    }
    analysis.end_input(None);
    analysis.finish()
}
