//! Whether the units of a fan-out run concurrently, and what the journal has about them.

mod journal;
mod journal_rate_limit;
mod timers;

use crate::lab::Release::*;
use crate::lab::{Machine, Release, Report};
use rstest::rstest;

on_each_release!(units_launched_at_once_run_together_unless_configuration_makes_them_skip);

fn units_launched_at_once_run_together_unless_configuration_makes_them_skip(release: Release) {
    let machine = Machine::boot(release);
    machine.script("root", "loginctl enable-linger agent");
    for fleet in ["6", "32"] {
        let report = machine.check(&["fanout-parallel", "--fleet", fleet]);
        let all = [("launched", "all"), ("ran", "all"), ("together", "all")];
        report.assert_facts("fanout-parallel", &all);
        assert_eq!(report.verdict("fanout-parallel"), "ok");
        let summary = report.probe("fanout-parallel")["summary"].as_str().unwrap();
        let expected = format!("all {fleet} units launched at once ran at the same time");
        assert_eq!(summary, expected);
    }

    // Every unit but the first is skipped: no unit fails, and no other unit runs.
    let stand_in = launch_with("-p \"ExecCondition=mkdir $XDG_RUNTIME_DIR/only-one\"");
    let report = machine.check_in(&stand_in, &["fanout-parallel"]);
    let skipped = [("launched", "some"), ("ran", "some"), ("together", "some")];
    report.assert_facts("fanout-parallel", &skipped);
    assert_eq!(report.verdict("fanout-parallel"), "regressed");

    let report = machine.check_in(&stand_in, &["fanout-parallel"]);
    let reason = report.probe("fanout-parallel")["reason"].as_str().unwrap().to_owned();
    assert!(reason.starts_with("none of 6 launches worked"), "{reason}");
    let launch = "exec ~/bin/systemd-run --user --quiet --collect true";
    let plain = machine.agent(&["sh", "-c", launch]);
    assert!(plain.status.success(), "without --wait the launch of a skipped unit exits with 0");
}

#[rstest]
#[case(Debian11, "there", "ok")]
#[case(Debian12, "missing", "known")]
#[case(Debian12Backports, "missing", "known")]
#[case(Debian13, "missing", "known")]
#[case(Debian14, "missing", "known")]
fn the_end_of_a_unit_that_succeeded_is_in_the_users_journal_until_systemd_248_4(
    #[case] release: Release,
    #[case] end: &str,
    #[case] verdict: &str,
) {
    let machine = Machine::boot(release);
    let report = machine.check(&["journal-ends"]);
    let facts = [
        ("start", "there"),
        ("end", end),
        ("oneshot-end", "there"),
        ("failed-end", "there"),
        ("printed", "there"),
    ];
    report.assert_facts("journal-ends", &facts);
    assert_eq!(report.verdict("journal-ends"), verdict);
}

#[test]
fn a_journal_without_the_lines_of_units_is_measured() {
    let machine = Machine::boot(Debian13);
    let quiet = launch_with("-p LogLevelMax=warning -p StandardOutput=null");
    let report = machine.check_in(&quiet, &["journal-ends"]);
    report.assert_facts(
        "journal-ends",
        &[
            ("start", "missing"),
            ("oneshot-end", "missing"),
            ("failed-end", "there"),
            ("printed", "missing"),
        ],
    );
    assert_eq!(report.verdict("journal-ends"), "regressed");

    // A journalctl that shows the failure only to those who follow the journal.
    let script = r#"rm ~/bin/systemd-run
        printf '#!/bin/sh\ncase "$*" in *--follow*) exec /usr/bin/journalctl "$@" ;; esac
        /usr/bin/journalctl "$@" | grep -v d9b373ed55a64feb8242e02dbe79a49c\n' > ~/bin/journalctl
        chmod +x ~/bin/journalctl; PATH=~/bin:$PATH; exec "$@""#;
    let report = machine.check_in(script, &["journal-ends"]);
    report.assert_facts("journal-ends", &[("start", "there"), ("failed-end", "missing")]);
}

/// Returns a script that runs a command with a `systemd-run` that adds options to each service. Behind a drop-in for all
/// services nothing would be judged.
fn launch_with(options: &str) -> String {
    format!(
        r#"mkdir -p ~/bin; cat >~/bin/systemd-run <<'END'
#!/bin/sh
case " $* " in *" --scope "*) exec /usr/bin/systemd-run "$@" ;; esac
exec /usr/bin/systemd-run {options} "$@"
END
        chmod 755 ~/bin/systemd-run; PATH=~/bin:$PATH exec "$@""#
    )
}

/// Asserts a fact, the verdict and the beginning of the sentence.
#[track_caller]
fn assert_state(report: &Report, id: &str, fact: (&str, &str), verdict: &str, sentence: &str) {
    report.assert_facts(id, &[fact]);
    assert_eq!(report.verdict(id), verdict, "{:#}", report.probe(id));
    let summary = report.probe(id)["summary"].as_str().unwrap_or_default();
    assert!(summary.starts_with(sentence), "{summary}");
}

/// Executes a report's fix: as root the lines with `sudo`, the rest as `agent`.
#[track_caller]
fn apply_fix(machine: &Machine, report: &Report, id: &str) {
    let fix = report.fix(id);
    assert!(!fix.is_empty(), "no fix: {:#}", report.probe(id));
    for line in fix.lines() {
        let user = if line.contains("sudo ") { "root" } else { "agent" };
        machine.script(user, &line.replace("sudo ", ""));
    }
}
