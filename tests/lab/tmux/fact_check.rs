use crate::lab::{Machine, Report};

/// Checks the facts of one probe in different states of a machine.
pub(crate) struct FactCheck(pub(crate) &'static str);

impl FactCheck {
    /// Examines a machine after `script`: the probe must give `facts` and have `verdict`.
    #[track_caller]
    pub(crate) fn expect(
        &self,
        machine: &Machine,
        script: &str,
        facts: &[(&str, &str)],
        verdict: &str,
    ) -> Report {
        let report = machine.check_in(&format!("{script}\nexec \"$@\""), &[self.0]);
        report.assert_facts(self.0, facts);
        assert_eq!(report.verdict(self.0), verdict, "{:#}", report.probe(self.0));
        report
    }
}

/// Returns a script that puts a program before all others in PATH. It simulates a release that
/// behaves differently.
pub(crate) fn with_program(name: &str, body: &str) -> String {
    format!(
        "rm -rf bin; mkdir bin\ncat >bin/{name} <<'END'\n#!/bin/bash\n{body}\nEND\n\
         chmod 755 bin/{name}\nexport PATH=$PWD/bin:$PATH"
    )
}
