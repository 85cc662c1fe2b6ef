//! What must be true of every parser and formatter, whatever the bytes are: one function a family. See
//! `launch_probes::fuzz_invariants`.

use std::collections::{BTreeMap, BTreeSet};
use std::ffi::OsString;
use std::os::unix::ffi::OsStringExt;
use std::time::Duration;

use clap::ValueEnum;
use jiff::Timestamp;
use launch_probes::Evidence;
use launch_probes::fuzz_invariants::Target;
use textwrap::core::display_width;

use crate::cli::{Cli, ColorChoice};
use crate::config::{record_of_report, set_color};
use crate::exit::FailOn;
use crate::judge::{
    Card, Difference, Finding, Kind, Policy, Range, Record, Verdict, Version, WaiverState,
};
use crate::report::{
    BlockedBy, Format, Host, PolicyReport, ProbeReport, Report, WaiverReport, card_markdown,
    card_text, difference, matrix, plugin_failure, render, requests_nagios,
};
use crate::text::sanitize::{is_hidden, one_line};
use crate::text::template::{expand, expand_each};
use crate::text::wrap::{columns, push_wrapped};
use crate::text::{printable, quote};

#[cfg(test)]
mod corpora;
pub mod diagnose;
pub mod fanout;
mod scopes;

/// Every family, by the name of its fuzzer and of its corpus.
pub const TARGETS: [(&str, Target); 6] = [
    ("versions", versions),
    ("documents", documents),
    ("reports", reports),
    ("cli", cli),
    ("fanout", fanout::fanout),
    ("logs", diagnose::logs),
];

/// Versions and ranges of them.
pub fn versions(bytes: &[u8]) {
    let text = String::from_utf8_lossy(bytes);
    let found: Vec<Version> = text.lines().take(8).filter_map(Version::parse).collect();
    for version in &found {
        assert_eq!(Version::parse(&version.to_string()).as_ref(), Some(version));
        assert!(version.belongs_to(version));
    }
    for line in text.lines().take(8) {
        let Ok(range) = line.parse::<Range>() else { continue };
        assert_eq!(range.to_string().parse::<Range>().as_ref(), Ok(&range));
        assert!(range.contains(&range.from));
        assert!(range.until.as_ref().is_none_or(|until| !range.contains(until)));
        for version in &found {
            let is_below = range.until.as_ref().is_none_or(|until| version < until);
            assert_eq!(range.contains(version), *version >= range.from && is_below);
        }
    }
}

/// Files that an operator hands in: policies, records, reports to compare, and cards.
pub fn documents(bytes: &[u8]) {
    let Ok(text) = str::from_utf8(bytes) else { return };
    set_color(ColorChoice::Never, false);
    match Policy::parse(text) {
        Ok(policy) => {
            assert!(policy.waivers.iter().all(|waiver| !waiver.reason.trim().is_empty()));
        }
        Err(why) => assert!(why.len() <= 8 * text.len() + 4096),
    }
    if let Ok(card) = Card::parse(text) {
        let _ = (card_text(&card, true, 80), card_markdown(&card, "group"));
    }
    let record = Record::parse(text).ok();
    let report = serde_json::from_str(text).ok();
    let read = record.or_else(|| record_of_report(&report?));
    if let Some(record) = read {
        let again = Record::parse(&record.to_toml());
        assert_eq!(again.expect("the doctor reads what it writes"), record);
        assert!(Difference::between(&record, &record).is_empty());
        let none = Record::new(BTreeMap::new(), BTreeMap::new(), BTreeSet::new());
        let changed = Difference::between(&none, &record);
        assert_seen(&difference::human(&changed, 80));
        let _: serde_json::Value = serde_json::from_str(&difference::json(&changed)).unwrap();
        assert_seen(&matrix(&[("a\u{1b}".into(), record), ("b".into(), none)]));
    }
}

/// Every format of a report that has the bytes wherever a host or a command writes a text.
pub fn reports(bytes: &[u8]) {
    let text = String::from_utf8_lossy(bytes);
    set_color(ColorChoice::Never, false);
    assert_seen(&printable(&text));
    let line = one_line(&text);
    assert!(!line.contains(is_hidden) && !line.contains('\n'));
    assert_eq!(unquoted(&quote(&text)).as_deref(), Some(&*text));
    placeholders(&text);
    let texts: Vec<&str> = text.split('\u{1}').collect();
    scopes::rows(&texts);
    let report = report(&texts);
    for width in [0, 40, 61, 120, 500] {
        let mut wrapped = String::new();
        push_wrapped(&mut wrapped, &line, "- ", "  ", width);
        assert_wrapped(&wrapped, width, 2);
    }
    for format in Format::value_variants() {
        let text = render(&report, *format, 72);
        match format {
            Format::Json | Format::Sarif => {
                drop(serde_json::from_str::<serde_json::Value>(&text).unwrap());
            }
            Format::Ndjson => {
                for line in text.lines() {
                    serde_json::from_str::<serde_json::Value>(line).unwrap();
                }
            }
            Format::Nagios => {
                assert_seen(&text);
                assert_eq!((text.lines().count(), text.matches('|').count()), (1, 1));
            }
            Format::Prometheus => {
                assert_seen(&text);
                let is_sample = |line: &str| line.starts_with("launch_doctor_");
                assert!(text.lines().all(|line| line.starts_with("# ") || is_sample(line)));
            }
            Format::Github => {
                assert_seen(&text);
                let begins = |line: &str| line.starts_with("::") || line.starts_with("doctor: ");
                assert!(text.lines().all(begins));
            }
            Format::Human | Format::Junit | Format::Tap | Format::Markdown | Format::Html => {
                assert_seen(&text);
            }
        }
    }
    assert!(!plugin_failure(&text).trim_end_matches('\n').contains(is_hidden));
}

/// Command lines; a NUL ends a word.
pub fn cli(bytes: &[u8]) {
    let words = bytes.split(|&byte| byte == 0).map(|word| OsString::from_vec(word.to_vec()));
    let args: Vec<OsString> = ["doctor".into()].into_iter().chain(words).collect();
    let _ = requests_nagios(&args);
    match Cli::from_args(&args) {
        Ok(cli) => {
            let timeout = cli.options.examine.timeout;
            assert!(timeout > Duration::ZERO && timeout <= Duration::from_secs(3600));
        }
        Err(error) => {
            let message = printable(&error.to_string()).into_owned();
            assert_seen(&message);
        }
    }
}

fn placeholders(text: &str) {
    let details = BTreeMap::from([("user".to_owned(), text.to_owned())]);
    let lists = BTreeMap::from([("unit".to_owned(), vec![text.to_owned(), "b".to_owned()])]);
    // A value is not expanded again.
    assert_eq!(expand("to {user}.", &details, str::to_owned), format!("to {text}."));
    let _ = expand(text, &details, quote);
    assert_eq!(expand_each("stop {unit}", &details, &lists, quote).len(), 2);
}

/// Reads a word as bash does; `None` if it is anything but one word.
fn unquoted(word: &str) -> Option<String> {
    if let Some(word) = word.strip_prefix("$'").and_then(|word| word.strip_suffix('\'')) {
        return ansi_c_unquoted(word);
    }
    let mut value = String::new();
    let mut chars = word.chars();
    while let Some(c) = chars.next() {
        match c {
            '\'' => loop {
                match chars.next()? {
                    '\'' => break,
                    c => value.push(c),
                }
            },
            '\\' => value.push(chars.next()?),
            c if c.is_ascii_alphanumeric() || "%+,-./:=@_^".contains(c) => value.push(c),
            _ => return None,
        }
    }
    Some(value)
}

/// Reads the text in `$'…'` as bash does.
fn ansi_c_unquoted(text: &str) -> Option<String> {
    let mut value = Vec::new();
    let mut bytes = text.bytes();
    while let Some(byte) = bytes.next() {
        match byte {
            b'\\' => match bytes.next()? {
                b'n' => value.push(b'\n'),
                b't' => value.push(b'\t'),
                b'r' => value.push(b'\r'),
                first @ b'0'..=b'3' => {
                    let digits = [first, bytes.next()?, bytes.next()?];
                    value.push(u8::from_str_radix(str::from_utf8(&digits).ok()?, 8).ok()?);
                }
                escaped @ (b'\\' | b'\'') => value.push(escaped),
                _ => return None,
            },
            b'\'' => return None,
            byte if byte < b' ' || byte == 0x7f => return None,
            byte => value.push(byte),
        }
    }
    String::from_utf8(value).ok()
}

/// Asserts that a text has no hidden character but line breaks and tabs.
fn assert_seen(text: &str) {
    let hidden = text.chars().find(|c| is_hidden(*c) && *c != '\n' && *c != '\t');
    assert_eq!(hidden, None);
}

/// Asserts that no line is wider than asked for, unless it is a single word.
fn assert_wrapped(text: &str, width: usize, indent: usize) {
    for line in text.lines() {
        let is_one_word = !line.chars().skip(indent).collect::<String>().trim_end().contains(' ');
        assert!(display_width(line) <= columns(width) || is_one_word, "{line}");
    }
}

/// Makes a report with the texts in turn wherever a host or a command writes one.
fn report(texts: &[&str]) -> Report {
    let mut turns = texts.iter().cycle();
    let mut next = || turns.next().map_or_else(String::new, |text| (*text).to_owned());
    let mut pairs = || BTreeMap::from([("fact".to_owned(), next())]);
    // Three of the verdicts, others for each text.
    let verdicts = Verdict::ALL.into_iter().cycle().skip(texts[0].len() % 9).step_by(2).take(3);
    let probes = verdicts.map(|verdict| ProbeReport {
        id: "linger".into(),
        group: "session".into(),
        kind: Kind::Check,
        title: "A title".into(),
        verdict,
        facts: pairs(),
        expected: pairs(),
        summary: texts[0].to_owned(),
        seconds: 0.1,
        attempts: 2,
        extrapolated: true,
        blocked_by: Some(BlockedBy { need: "tmux".into(), name: texts[0].to_owned() }),
        reason: texts.last().map(|text| (*text).to_owned()),
        findings: vec![Finding {
            fact: "fact".into(),
            verdict,
            measured: "on".into(),
            expected: Some("off".into()),
            text: texts[0].to_owned(),
        }],
        workaround: Some("A workaround.".into()),
        look: texts.iter().take(2).map(|text| format!("cat {}", quote(text))).collect(),
        fix: texts.iter().take(4).map(|text| format!("stop {}", quote(text))).collect(),
        evidence: texts.iter().take(4).map(|text| evidence(text)).collect(),
    });
    let probes: Vec<ProbeReport> = probes.collect();
    let host = Host {
        name: Some(next()),
        machine: None,
        boot: None,
        systemd: Some(next()),
        systemd_version: None,
        tmux: Some(next()),
        git: None,
        util_linux: Some(next()),
        kernel: Some(next()),
        os: Some(next()),
        manager: "user",
        user: next(),
    };
    let waiver = WaiverReport {
        probe: "linger".into(),
        fact: None,
        reason: next(),
        until: jiff::civil::Date::MIN,
        state: WaiverState::Stale,
    };
    let policy = PolicyReport { file: Some(next()), ignored: Some(next()), waivers: vec![waiver] };
    let cleaned_runs = vec!["launch_doctor_00000000_1_1_1".into()];
    let elapsed = Duration::from_millis(412);
    Report::new(host, Timestamp::UNIX_EPOCH, elapsed, cleaned_runs, policy, probes, FailOn::Fail)
}

fn evidence(text: &str) -> Evidence {
    Evidence {
        fact: "fact".into(),
        argv: vec!["printf".into(), text.to_owned()],
        exit: Some(1),
        stderr: text.to_owned(),
        ms: 1,
    }
}
