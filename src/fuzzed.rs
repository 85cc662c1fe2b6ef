//! The readers and tellers of what others write, behind one function a family, and what must hold
//! of them whatever the bytes are: see `launch_probes::fuzzed`.

use std::collections::BTreeMap;
use std::ffi::OsString;
use std::os::unix::ffi::OsStringExt;
use std::time::Duration;

use clap::ValueEnum;
use jiff::Timestamp;
use launch_probes::Evidence;
use launch_probes::fuzzed::Target;
use textwrap::core::display_width;

use crate::cli::{Cli, is_for_monitoring};
use crate::commands::diff::record_in;
use crate::exit::FailOn;
use crate::judge::placeholder::{fill, fill_each};
use crate::judge::{
    Card, Difference, Finding, Kind, Policy, Range, Record, Verdict, Version, WaiverState, quote,
};
use crate::report::fold::{columns, push_wrapped};
use crate::report::printable::{is_hidden, one_line};
use crate::report::{
    ColorChoice, Format, Host, PolicyReport, ProbeReport, Report, WaiverReport, decide_color,
    difference, matrix, page, plugin_failure, printable, render, runbook,
};

/// Every family, by the name of its fuzzer and of its corpus.
pub const TARGETS: [(&str, Target); 4] =
    [("versions", versions), ("documents", documents), ("reports", reports), ("cli", cli)];

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
    decide_color(ColorChoice::Never, false);
    match Policy::parse(text) {
        Ok(policy) => {
            assert!(policy.waivers.iter().all(|waiver| !waiver.reason.trim().is_empty()));
        }
        Err(why) => assert!(why.len() <= 8 * text.len() + 4096),
    }
    if let Ok(card) = Card::parse(text) {
        let _ = (runbook(&card, 80), page(&card, "group"));
    }
    let record = Record::parse(text, || "FILE".into()).ok();
    let report = serde_json::from_str(text).ok();
    let read = record.or_else(|| record_in(&report?));
    if let Some(record) = read {
        let again = Record::parse(&record.to_toml(), || "FILE".into());
        assert_eq!(again.expect("what the doctor writes it reads"), record);
        assert!(Difference::between(&record, &record).is_empty());
        let none = Record::new(BTreeMap::new(), BTreeMap::new(), Default::default());
        let changed = Difference::between(&none, &record);
        assert_seen(&difference::human(&changed, 80));
        let _: serde_json::Value = serde_json::from_str(&difference::json(&changed)).unwrap();
        assert_seen(&matrix(&[("a\u{1b}".into(), record), ("b".into(), none)]));
    }
}

/// Every format of a report in which the bytes stand wherever others have a say.
pub fn reports(bytes: &[u8]) {
    let text = String::from_utf8_lossy(bytes);
    decide_color(ColorChoice::Never, false);
    assert_seen(&printable(&text));
    let line = one_line(&text);
    assert!(!line.contains(is_hidden) && !line.contains('\n'));
    assert_eq!(unquoted(&quote(&text)).as_deref(), Some(&*text));
    placeholders(&text);
    let said: Vec<&str> = text.split('\u{1}').collect();
    let report = report(&said);
    for width in [0, 40, 61, 120, 500] {
        let mut folded = String::new();
        push_wrapped(&mut folded, &line, "- ", "  ", width);
        assert_folded(&folded, width, 2);
    }
    for format in Format::value_variants() {
        let told = render(&report, *format, 72);
        match format {
            Format::Json => drop(serde_json::from_str::<serde_json::Value>(&told).unwrap()),
            Format::Ndjson => {
                for line in told.lines() {
                    serde_json::from_str::<serde_json::Value>(line).unwrap();
                }
            }
            Format::Nagios => {
                assert_seen(&told);
                assert_eq!((told.lines().count(), told.matches('|').count()), (1, 1));
            }
            Format::Prometheus => {
                assert_seen(&told);
                let is_sample = |line: &str| line.starts_with("launch_doctor_");
                assert!(told.lines().all(|line| line.starts_with("# ") || is_sample(line)));
            }
            Format::Github => {
                assert_seen(&told);
                let begins = |line: &str| line.starts_with("::") || line.starts_with("doctor: ");
                assert!(told.lines().all(begins));
            }
            Format::Human | Format::Junit | Format::Tap | Format::Markdown => assert_seen(&told),
        }
    }
    assert!(!plugin_failure(&text).trim_end_matches('\n').contains(is_hidden));
}

/// Command lines; a NUL ends a word.
pub fn cli(bytes: &[u8]) {
    let words = bytes.split(|&byte| byte == 0).map(|word| OsString::from_vec(word.to_vec()));
    let args: Vec<OsString> = ["doctor".into()].into_iter().chain(words).collect();
    let _ = is_for_monitoring(&args);
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
    // What a host says is never read again as a card's text.
    assert_eq!(fill("to {user}.", &details, str::to_owned), format!("to {text}."));
    let _ = fill(text, &details, quote);
    assert_eq!(fill_each("stop {unit}", &details, &lists, quote).len(), 2);
}

/// What a POSIX shell makes of one word; `None` if it would read anything but one word.
fn unquoted(word: &str) -> Option<String> {
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

/// Nothing is in it that is not seen, but line breaks and tabs.
fn assert_seen(text: &str) {
    let hidden = text.chars().find(|c| is_hidden(*c) && *c != '\n' && *c != '\t');
    assert_eq!(hidden, None);
}

/// No line is wider than asked for, unless it is a single word.
fn assert_folded(text: &str, width: usize, indent: usize) {
    for line in text.lines() {
        let is_one_word = !line.chars().skip(indent).collect::<String>().trim_end().contains(' ');
        assert!(display_width(line) <= columns(width) || is_one_word, "{line}");
    }
}

/// A report in which what is `said` stands in turn wherever a host or a command has a say.
fn report(said: &[&str]) -> Report {
    let mut turns = said.iter().cycle();
    let mut next = || turns.next().map_or_else(String::new, |text| (*text).to_owned());
    let mut pairs = || BTreeMap::from([("fact".to_owned(), next())]);
    // Three of the verdicts, others for each text.
    let verdicts = Verdict::ALL.into_iter().cycle().skip(said[0].len() % 9).step_by(2).take(3);
    let probes = verdicts.map(|verdict| ProbeReport {
        id: "linger".into(),
        group: "session".into(),
        kind: Kind::Check,
        title: "A title".into(),
        verdict,
        facts: pairs(),
        expected: pairs(),
        summary: said[0].to_owned(),
        seconds: 0.1,
        attempts: 2,
        extrapolated: true,
        reason: said.last().map(|text| (*text).to_owned()),
        findings: vec![Finding {
            fact: "fact".into(),
            verdict,
            measured: "on".into(),
            expected: Some("off".into()),
            text: said[0].to_owned(),
        }],
        workaround: Some("A workaround.".into()),
        fix: said.iter().take(4).map(|text| format!("stop {}", quote(text))).collect(),
        evidence: said.iter().take(4).map(|text| evidence(text)).collect(),
    });
    let probes: Vec<ProbeReport> = probes.collect();
    let host = Host {
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
    let policy = PolicyReport { file: Some(next()), waivers: vec![waiver] };
    let swept = vec!["launch_doctor_00000000_1_1_1".into()];
    let elapsed = Duration::from_millis(412);
    Report::new(host, Timestamp::UNIX_EPOCH, elapsed, swept, policy, probes, FailOn::Fail)
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
