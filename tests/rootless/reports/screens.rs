//! The report that a person sees by default, on five hosts, at three widths.

use std::time::Duration;

use launch_doctor::exit::FailOn;
use launch_doctor::judge::{Finding, Kind, Verdict};
use launch_doctor::report::{BlockedBy, Format, PolicyReport, ProbeReport, Report, render};
use rstest::{Context, rstest};

use super::fixture::{host, probe};

const CHECKS: [&str; 12] = [
    "scope-availability",
    "slice-defined",
    "slice-nesting",
    "controllers-delegated",
    "task-headroom",
    "failed-units",
    "tmux-bus-env",
    "tmux-server-home",
    "tmux-socket",
    "linger",
    "logout-policy",
    "git-env-leak",
];
const KNOWN: [&str; 22] = [
    "env-block-spaces",
    "env-block-split",
    "setenv-fidelity",
    "unit-file-env",
    "service-argument-expansion",
    "launch-status",
    "collect-forgets",
    "unit-name-taken",
    "option-order",
    "service-environment",
    "scope-argument-expansion",
    "scope-exec",
    "scope-name",
    "slice-name",
    "tmux-pane-scope",
    "tmux-wrapped-pane",
    "tmux-pane-command",
    "fanout-parallel",
    "journal-ends",
    "flock-inherited",
    "flock-unlinked",
    "pull-race",
];
const AS_RECORDED: [&str; 3] = ["bus-address", "tmux-command-limit", "flock-order"];
/// Behaviours and checks that are measured without a manager.
const WITHOUT_MANAGER: [&str; 6] = [
    "flock-inherited",
    "flock-unlinked",
    "pull-race",
    "flock-order",
    "git-env-leak",
    "tmux-socket",
];

fn healthy() -> Report {
    let of = |ids: &[&str], verdict, kind| -> Vec<ProbeReport> {
        ids.iter().map(|id| ProbeReport { kind, ..probe(id, "group", verdict) }).collect()
    };
    let probes = [
        of(&CHECKS, Verdict::Ok, Kind::Check),
        of(&KNOWN, Verdict::Known, Kind::Pin),
        of(&AS_RECORDED, Verdict::Ok, Kind::Pin),
        vec![without_answer(
            "stale-git-state",
            Verdict::Skipped,
            "no work tree was named with --repo",
        )],
    ];
    report(probes.concat())
}

fn report(probes: Vec<ProbeReport>) -> Report {
    let started = "2026-03-01T03:04:05Z".parse().expect("a time");
    let policy = PolicyReport::default();
    let elapsed = Duration::from_millis(2123);
    let mut report =
        Report::new(host(), started, elapsed, Vec::new(), policy, probes, FailOn::Fail);
    report.doctor.version = "1.2.3";
    report
}

fn without_answer(id: &str, verdict: Verdict, reason: &str) -> ProbeReport {
    let reason = reason.to_owned();
    ProbeReport { summary: reason.clone(), reason: Some(reason), ..probe(id, "group", verdict) }
}

fn finding(id: &str, verdict: Verdict, summary: &str, text: &str, fix: &[&str]) -> ProbeReport {
    ProbeReport {
        summary: summary.into(),
        findings: vec![Finding {
            fact: "fact".into(),
            verdict,
            measured: "value".into(),
            expected: None,
            text: text.into(),
        }],
        fix: fix.iter().map(|command| (*command).to_owned()).collect(),
        ..probe(id, "group", verdict)
    }
}

/// The healthy host, with other results for some probes.
fn changed(change: impl Fn(ProbeReport) -> ProbeReport) -> Report {
    report(healthy().probes.into_iter().map(change).collect())
}

fn one_finding() -> Report {
    changed(|probe| match probe.id.as_str() {
        "linger" => finding(
            "linger",
            Verdict::Fail,
            "lingering is disabled for agent; agent may enable it without root",
            "10 s after the last logout systemd stops every agent in a user unit, and none starts at boot.",
            &["loginctl enable-linger agent"],
        ),
        _ => probe,
    })
}

/// A host whose launches do not work: one finding, and the probes that need the manager.
fn broken(available: &ProbeReport, verdict: Verdict, reason: &str) -> Report {
    let blocked_by = Some(BlockedBy { need: "manager".into(), name: "the user manager".into() });
    changed(|probe| match probe.id.as_str() {
        "scope-availability" => available.clone(),
        id if WITHOUT_MANAGER.contains(&id) || probe.verdict == Verdict::Skipped => probe,
        "linger" if reason.starts_with("PID 1") => without_answer("linger", verdict, reason),
        id => ProbeReport { blocked_by: blocked_by.clone(), ..without_answer(id, verdict, reason) },
    })
}

fn no_systemd() -> Report {
    let available = finding(
        "scope-availability",
        Verdict::Fail,
        "PID 1 is not systemd, so scopes are not available on this host",
        "Agents run without the weights and limits of their slice.",
        &[],
    );
    broken(&available, Verdict::Skipped, "PID 1 is not systemd, so this host has no units")
}

fn no_bus() -> Report {
    let available = finding(
        "scope-availability",
        Verdict::Fail,
        "neither XDG_RUNTIME_DIR nor DBUS_SESSION_BUS_ADDRESS is set, so systemd-run cannot find the user manager",
        "Agents started by cron, a system service, su or sudo run outside the slice.",
        &["export XDG_RUNTIME_DIR=/run/user/1000"],
    );
    let reason = "the user manager does not answer: Failed to connect to bus: No medium found";
    broken(&available, Verdict::Skipped, reason)
}

fn hung_manager() -> Report {
    let available = finding(
        "scope-availability",
        Verdict::Fail,
        "the user manager of agent accepts the connection and does not answer",
        "No agent can be started; agents that run keep running. A restart of the manager would end them.",
        &[
            "sudo systemctl kill --kill-who=main --signal=SIGCONT user@1000.service",
            "sudo systemctl thaw user@1000.service",
        ],
    );
    let command =
        format!("systemd-run --user --wait --pipe --setenv=VALUE={} -- true", "x".repeat(800));
    let reason =
        format!("the user manager does not answer: `{command}` was still running after 5.0 s");
    broken(&available, Verdict::Unmeasured, &reason)
}

#[rstest]
#[case::healthy(healthy())]
#[case::one_finding(one_finding())]
#[case::no_systemd(no_systemd())]
#[case::no_bus(no_bus())]
#[case::hung_manager(hung_manager())]
fn a_screen_looks_as_in_its_snapshot(#[case] report: Report, #[context] context: Context) {
    let name = context.description.expect("each case has a name");
    for width in [60, 80, 140] {
        let screen = render(&report, Format::Human, width);
        insta::with_settings!({
            snapshot_path => "snapshots",
            prepend_module_to_snapshot => false,
            omit_expression => true,
        }, {
            insta::assert_snapshot!(format!("screen.{name}.{width}"), screen);
        });
        for line in screen.lines().filter(|line| !line.trim_start().starts_with("$ ")) {
            assert!(line.chars().count() <= width.min(120), "{line}");
        }
    }
}

#[rstest]
fn a_host_without_findings_takes_at_most_eight_lines(#[values(60, 80, 140)] width: usize) {
    let screen = render(&healthy(), Format::Human, width);
    assert!(screen.lines().count() <= 8, "{screen}");
    assert!(screen.contains("no findings in 2.1 s"), "{screen}");
}

#[test]
fn probes_with_one_cause_are_one_line() {
    let screen = render(&no_bus(), Format::Human, 140);
    assert_eq!(screen.matches("need the user manager").count(), 1, "{screen}");
    assert_eq!(screen.matches('✗').count(), 1, "{screen}");
    let hung = render(&hung_manager(), Format::Human, 140);
    assert!(!hung.contains(&"x".repeat(60)), "{hung}");
    assert!(render(&hung_manager(), Format::Json, 140).contains(&"x".repeat(800)));
}
