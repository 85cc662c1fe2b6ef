//! The standard error of every command that probes keep as evidence names the probe.

use std::collections::{BTreeSet, HashMap};

use launch_doctor::diagnose::{Analysis, InputFormat, Matcher, Options};
use launch_doctor::judge::{Card, Catalogue};

use crate::lab::{Machine, Release};

on_each_tmux!(each_message_in_the_evidence_of_a_probe_names_the_probe);

/// What a message names that does not name its own probe.
enum Names {
    /// The failure mode to which it belongs.
    Other(&'static str),
    /// Nothing: it is written in health as well.
    Nothing,
    /// Nothing, because the command succeeded.
    NothingOfSuccess,
}

/// Messages of probes that have signatures, by a part of them, and why they do not name the probe.
const OTHERS: [(&str, &str, Names, &str); 9] = [
    (
        "scope-argument-expansion",
        "Running ",
        Names::NothingOfSuccess,
        "systemd-run announces a scope that works",
    ),
    (
        "tmux-session-name",
        "can't find ",
        Names::Nothing,
        "tmux writes it for every target that is missing, and launchers ask for sessions in health",
    ),
    (
        "pull-race",
        "Applying autostash resulted in conflicts.",
        Names::Other("git-usable"),
        "the conflict stays in the repository, whatever else pulls",
    ),
    (
        "pull-race",
        "because you have unmerged files",
        Names::Other("stale-git-state"),
        "an earlier pull left it",
    ),
    (
        "pull-race",
        ".git/index.lock': File exists.",
        Names::Other("stale-git-state"),
        "another git has the index, or one that ended has left its lock: the message is the same",
    ),
    ("pull-race", "Applied autostash.", Names::NothingOfSuccess, "the pull succeeded"),
    ("pull-race", "Already up to date", Names::NothingOfSuccess, "the pull succeeded"),
    ("pull-race", "-> FETCH_HEAD", Names::NothingOfSuccess, "the pull succeeded"),
    (
        "worktree-add-race",
        "branch named 'agent-",
        Names::Nothing,
        "git refuses every branch that exists; the locked configuration is what the race writes",
    ),
];

/// A repository with a lock in it, so that no probe is skipped.
const REPOSITORY: &str = "
    git init -q ~/work && cd ~/work
    git -c user.name=a -c user.email=a@b commit -q --allow-empty -m first
    : >.git/pull-lock
";

fn each_message_in_the_evidence_of_a_probe_names_the_probe(release: Release) {
    let machine = Machine::boot(release);
    machine.script("root", "loginctl enable-linger agent");
    machine.script("agent", REPOSITORY);
    let report = machine.check(&["--slice", "agents.slice", "--repo", "/home/agent/work"]);
    let catalogue = Catalogue::select(&[], &[]).unwrap();
    let cards: HashMap<&str, &Card> =
        catalogue.entries().iter().map(|entry| (entry.card.id.as_str(), &entry.card)).collect();
    let matcher = Matcher::of(&catalogue);
    let mut named_probes = BTreeSet::new();
    let mut wrong = Vec::new();
    for probe in report.json()["probes"].as_array().unwrap() {
        let id = probe["id"].as_str().unwrap();
        let mut seen = BTreeSet::new();
        for evidence in probe["evidence"].as_array().unwrap() {
            let message = evidence["stderr"].as_str().unwrap();
            if message.trim().is_empty() || !seen.insert(message) {
                continue;
            }
            let named = diagnosed(message, &matcher, &cards);
            if named.contains(id) {
                named_probes.insert(id.to_owned());
            } else if !is_expected(cards[id], message, &named, evidence["exit"] == 0) {
                wrong.push(format!("{id}: {message:?} names {named:?}"));
            }
        }
    }
    assert!(wrong.is_empty(), "\n{}", wrong.join("\n"));
    assert!(named_probes.len() >= 13, "too few for a whole catalogue: {named_probes:?}");
}

/// Whether a message may name these failure modes instead of its own.
fn is_expected(card: &Card, message: &str, named: &BTreeSet<String>, succeeded: bool) -> bool {
    // Without signatures, the card says whose messages these are, if they are any failure's.
    if let Some(why) = &card.no_signature {
        return named.iter().all(|mode| why.contains(mode.as_str()));
    }
    OTHERS.iter().any(|(probe, part, names, _why)| {
        *probe == card.id
            && message.contains(part)
            && match names {
                Names::Other(mode) => named.contains(*mode),
                Names::Nothing => named.is_empty(),
                Names::NothingOfSuccess => named.is_empty() && succeeded,
            }
    })
}

/// Returns the failure modes that `doctor diagnose` finds in a message.
fn diagnosed(message: &str, matcher: &Matcher, cards: &HashMap<&str, &Card>) -> BTreeSet<String> {
    let mut analysis = Analysis::new(matcher, cards.values().copied(), Options::default());
    analysis.begin_input("-", InputFormat::Text);
    analysis.feed(format!("{message}\n").as_bytes());
    analysis.end_input(None);
    let findings = analysis.finish().findings.into_iter();
    findings.flat_map(|finding| finding.also.into_iter().chain([finding.mode])).collect()
}
