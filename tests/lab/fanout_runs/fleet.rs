use serde_json::Value;

use crate::lab::{Machine, project};

/// One fleet that ran: what the doctor says, and what its members say.
pub(super) struct Fleet {
    pub watch: Value,
    pub journal: Value,
    /// The unit, and what came of it.
    pub expected: Vec<(String, String)>,
    pub spawned: u64,
    pub skipped: u64,
    pub refused: u64,
    /// When each member was inside, by its own stamps, in seconds since 1970.
    pub stamps: Vec<(f64, f64)>,
}

impl Fleet {
    /// Puts the scripts into a machine, whose agent may run units without a session.
    pub(super) fn prepare(machine: &Machine) {
        machine.script("root", "loginctl enable-linger agent");
        for script in ["fleet.sh", "drive.sh"] {
            let from = project(&format!("tests/lab/fanout_runs/{script}"));
            machine.put(&from, &format!("/tmp/{script}"));
        }
    }

    /// Runs a fleet.
    #[track_caller]
    pub(super) fn run(machine: &Machine, seed: u32, count: u32) -> Self {
        let output = machine.script("agent", &format!("exec bash /tmp/drive.sh {seed} {count}"));
        let parts: Vec<&str> = output.split("<--->\n").collect();
        let [watch, journal, expected, made, stamps] = parts[..] else {
            panic!("fleet {seed}: {output}")
        };
        let read = |text: &str| -> Value {
            serde_json::from_str(text).unwrap_or_else(|error| panic!("{error}: {text}"))
        };
        let words = |line: &str| -> Vec<String> { line.split(' ').map(str::to_owned).collect() };
        let made: Vec<u64> = made.split_whitespace().filter_map(|it| it.parse().ok()).collect();
        let stamps = stamps.lines().filter_map(|line| {
            let (begin, end) = line.split_once(' ')?;
            Some((begin.parse().ok()?, end.parse().ok()?))
        });
        Self {
            watch: read(watch),
            journal: read(journal),
            expected: expected
                .lines()
                .map(words)
                .map(|words| (words[0].clone(), words[1].clone()))
                .collect(),
            spawned: made[0],
            skipped: made[1],
            refused: made[2],
            stamps: stamps.collect(),
        }
    }

    /// The most members that were inside together, each taken for `slack` seconds longer at both
    /// ends.
    pub(super) fn peak(&self, slack: f64) -> u64 {
        let at = |time: f64| {
            self.stamps.iter().filter(|(b, e)| b - slack <= time && time < e + slack).count()
        };
        self.stamps.iter().map(|(begin, _)| at(begin - slack)).max().unwrap_or(0) as u64
    }
}

/// The only fire of a report.
#[track_caller]
pub(super) fn fire(report: &Value) -> &Value {
    let fires = report["fanout"]["fires"].as_array().expect("fires");
    assert_eq!(fires.len(), 1, "{report:#}");
    &fires[0]
}
