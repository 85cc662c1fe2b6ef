use crate::lab::{Machine, Report};

/// One fact of a probe, seen on different hosts.
pub struct View {
    /// The probe.
    pub id: &'static str,
    /// The fact.
    pub fact: &'static str,
}

impl View {
    /// Examines a machine after `script`: the fact must be `expected`, and judged so.
    #[track_caller]
    pub fn see(&self, machine: &Machine, script: &str, expected: &str, verdict: &str) -> Report {
        let report = machine.check_in(&format!("{script}\nexec \"$@\""), &[self.id]);
        report.assert_facts(self.id, &[(self.fact, expected)]);
        assert_eq!(report.verdict(self.id), verdict);
        report
    }
}
