use std::collections::BTreeMap;
use std::time::Duration;

use jiff::Timestamp;
use launch_doctor::exit::FailOn;
use launch_doctor::judge::{Finding, Kind, Verdict, WaiverState};
use launch_doctor::report::{Host, PolicyReport, ProbeReport, Report, WaiverReport};
use launch_probes::Evidence;

/// A text as a host or a command may write it: quotes, the syntax of every format, line breaks, control
/// characters, hidden and reordering characters, letters of two to four bytes.
pub(super) const HOSTILE: &str = "a\"b'c<d>&e]]>f::g%h,i|j#k\\l`m*n_o$p\r\nq\tr\u{1b}[31ms\u{7f}\u{202e}t\u{200b}\u{61c} é🦀 ::error::u";

/// The same, as formats of one line show it.
pub(super) const HOSTILE_LINE: &str = r#"a"b'c<d>&e]]>f::g%h,i|j#k\l`m*n_o$p q r\u{1b}[31ms\u{7f}\u{202e}t\u{200b}\u{61c} é🦀 ::error::u"#;

/// A report with every verdict, and with the hostile text wherever a host or a command writes one.
pub(super) fn hostile_report(fail_on: FailOn) -> Report {
    let host = Host { os: Some(HOSTILE.into()), tmux: None, ..host() };
    let probes = Verdict::ALL.into_iter().map(hostile_probe).collect();
    report(host, vec!["launch_doctor_dead_1_2_3".into()], probes, fail_on)
}

/// A small realistic report, for the documents.
pub(super) fn sample_report() -> Report {
    let linger = ProbeReport {
        title: "Nothing keeps the user manager when the last session ends".into(),
        summary: "agent does not linger, and has 1 session".into(),
        facts: facts(&[("linger", "off"), ("sessions", "some")]),
        findings: vec![Finding {
            fact: "linger".into(),
            verdict: Verdict::Fail,
            measured: "off".into(),
            expected: None,
            text: "The user manager ends with the last session, and every agent with it.".into(),
        }],
        fix: vec!["sudo loginctl enable-linger agent".into()],
        evidence: vec![evidence(
            "linger",
            &["loginctl", "show-user", "--property=Linger", "agent"],
            Some(0),
            "",
        )],
        ..probe("linger", "session", Verdict::Fail)
    };
    let spaces = ProbeReport {
        title: "-p Environment=KEY=\"a b c\" starts no unit".into(),
        kind: Kind::Pin,
        summary: "of 9 ways to give a value to a service, 4 start nothing".into(),
        facts: facts(&[("spaces", "rejected")]),
        expected: facts(&[("spaces", "rejected")]),
        workaround: Some(
            "Give values with `--setenv=KEY=VALUE`, which takes every character.".into(),
        ),
        fix: vec!["systemd-run --user --setenv=KEY='a b c' printenv KEY".into()],
        evidence: vec![evidence(
            "spaces",
            &["systemd-run", "--user", "--wait", "-p", "Environment=KEY=a b c", "true"],
            Some(1),
            "Failed to start transient service unit: Invalid environment block.",
        )],
        ..probe("env-block-spaces", "launcher", Verdict::Known)
    };
    let flock = ProbeReport {
        summary: "2 of 2 contenders ran one after the other".into(),
        ..probe("flock-order", "lock", Verdict::Ok)
    };
    let tmux = ProbeReport {
        summary: "tmux is not in PATH".into(),
        reason: Some("tmux is not in PATH".into()),
        ..probe("tmux-bus-env", "tmux", Verdict::Skipped)
    };
    report(host(), Vec::new(), vec![spaces, tmux, linger, flock], FailOn::Fail)
}

fn report(host: Host, swept: Vec<String>, probes: Vec<ProbeReport>, fail_on: FailOn) -> Report {
    let started: Timestamp = "2026-03-01T03:04:05.678Z".parse().expect("a time");
    let mut report =
        Report::new(host, started, Duration::from_millis(412), swept, policy(), probes, fail_on);
    // A release changes no snapshot.
    report.doctor.version = "1.2.3";
    report
}

/// A policy with an expired waiver and one that accepts nothing.
fn policy() -> PolicyReport {
    let waiver = |probe: &str, state| WaiverReport {
        probe: probe.into(),
        fact: None,
        reason: "the host is rebuilt nightly".into(),
        until: jiff::civil::date(2026, 2, 28),
        state,
    };
    let waivers =
        vec![waiver("linger", WaiverState::Expired), waiver("flock-order", WaiverState::Stale)];
    PolicyReport { file: Some("doctor.toml".into()), ignored: None, waivers }
}

/// A host with everything that is examined.
pub(super) fn host() -> Host {
    Host {
        name: Some("build-07".into()),
        machine: Some("714585e275fc46bc93c329335f97eda1".into()),
        boot: Some("8a1c6f0e-3f0d-4b0a-9f53-6a2f9d1c7b42".into()),
        systemd: Some("257.13-1~deb13u1".into()),
        systemd_version: Some(257),
        tmux: Some("3.5a".into()),
        git: Some("2.47.3".into()),
        util_linux: Some("2.41".into()),
        kernel: Some("6.12.48".into()),
        os: Some("Debian GNU/Linux 13 (trixie)".into()),
        manager: "user",
        user: "agent".into(),
    }
}

/// A probe with a verdict and nothing else.
pub(super) fn probe(id: &str, group: &str, verdict: Verdict) -> ProbeReport {
    ProbeReport {
        id: id.into(),
        group: group.into(),
        kind: Kind::Check,
        title: "…".into(),
        verdict,
        summary: String::new(),
        seconds: 0.021,
        attempts: 1,
        extrapolated: false,
        facts: BTreeMap::new(),
        expected: BTreeMap::new(),
        reason: None,
        blocked_by: None,
        findings: Vec::new(),
        workaround: None,
        look: Vec::new(),
        fix: Vec::new(),
        evidence: Vec::new(),
    }
}

fn hostile_probe(verdict: Verdict) -> ProbeReport {
    let plain = ProbeReport {
        kind: Kind::Pin,
        title: format!("title {HOSTILE}"),
        summary: format!("summary {HOSTILE}"),
        ..probe(&format!("probe-{verdict}"), "group", verdict)
    };
    let measured = ProbeReport {
        extrapolated: true,
        facts: facts(&[("fact", "measured")]),
        expected: facts(&[("fact", "recorded")]),
        evidence: vec![
            evidence("fact", &["env", HOSTILE, "systemd-run"], Some(1), HOSTILE),
            evidence("other", &["flock", "x"], None, ""),
        ],
        ..plain
    };
    // A new verdict must say here what it comes with.
    match verdict {
        Verdict::Ok => measured,
        Verdict::Known => ProbeReport {
            workaround: Some(format!("workaround {HOSTILE}")),
            fix: vec!["fix".into()],
            ..measured
        },
        Verdict::Warn
        | Verdict::Fail
        | Verdict::Relaxable
        | Verdict::Regressed
        | Verdict::Waived => ProbeReport {
            findings: vec![Finding {
                fact: "fact".into(),
                verdict,
                measured: "measured".into(),
                expected: Some("recorded".into()),
                text: format!("finding {HOSTILE}"),
            }],
            look: vec![format!("look '{HOSTILE}'")],
            fix: vec![format!("fix '{HOSTILE}'"), "loginctl enable-linger agent".into()],
            ..measured
        },
        Verdict::Skipped | Verdict::Unmeasured => {
            let summary = format!("summary {HOSTILE}");
            ProbeReport {
                reason: Some(summary.clone()),
                summary,
                title: format!("title {HOSTILE}"),
                ..probe(&format!("probe-{verdict}"), "group", verdict)
            }
        }
    }
}

fn facts(pairs: &[(&str, &str)]) -> BTreeMap<String, String> {
    pairs.iter().map(|(name, value)| ((*name).into(), (*value).into())).collect()
}

fn evidence(fact: &str, argv: &[&str], exit: Option<i32>, stderr: &str) -> Evidence {
    Evidence {
        fact: fact.into(),
        argv: argv.iter().map(|word| (*word).into()).collect(),
        exit,
        stderr: stderr.into(),
        ms: 9,
    }
}
