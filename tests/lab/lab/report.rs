use std::process::Output;

use serde_json::Value;

use super::schema::assert_valid;

/// A JSON report of the doctor's, and the status with which it ended.
#[derive(Debug)]
pub(crate) struct Report {
    json: Value,
    pub status: i32,
}

impl Report {
    /// Reads what `doctor check --format json` wrote.
    pub(crate) fn read(output: &Output) -> Self {
        let json = serde_json::from_slice(&output.stdout).unwrap_or_else(|error| {
            panic!(
                "no JSON report ({error}); status {:?}\nstdout: {}\nstderr: {}",
                output.status.code(),
                String::from_utf8_lossy(&output.stdout),
                String::from_utf8_lossy(&output.stderr),
            )
        });
        assert_valid(&json);
        Self { json, status: output.status.code().expect("the doctor is not ended by a signal") }
    }

    /// The whole document.
    pub(crate) fn json(&self) -> &Value {
        &self.json
    }

    /// One probe's part of it.
    pub(crate) fn probe(&self, id: &str) -> &Value {
        let probes = self.json["probes"].as_array().expect("a list of probes");
        probes
            .iter()
            .find(|probe| probe["id"] == id)
            .unwrap_or_else(|| panic!("no {id} in {self:#?}"))
    }

    /// A probe's verdict.
    pub(crate) fn verdict(&self, id: &str) -> &str {
        self.probe(id)["verdict"].as_str().expect("a verdict")
    }

    /// The value of a probe's fact; empty if it was not measured.
    pub(crate) fn fact(&self, id: &str, fact: &str) -> &str {
        self.probe(id)["facts"][fact].as_str().unwrap_or_default()
    }

    /// A probe's fixes, a line each.
    pub(crate) fn fix(&self, id: &str) -> String {
        self.commands(id, "fix")
    }

    /// A probe's commands that only look, a line each.
    pub(crate) fn look(&self, id: &str) -> String {
        self.commands(id, "look")
    }

    fn commands(&self, id: &str, key: &str) -> String {
        let commands = self.probe(id)[key].as_array().expect("a list of commands");
        commands.iter().filter_map(Value::as_str).collect::<Vec<_>>().join("\n")
    }

    /// Asserts several facts of a probe at once, so that a failure shows all that differ.
    #[track_caller]
    pub(crate) fn assert_facts(&self, id: &str, expected: &[(&str, &str)]) {
        let wrong: Vec<String> = expected
            .iter()
            .filter(|(fact, value)| self.fact(id, fact) != *value)
            .map(|(fact, value)| format!("{fact} is `{}`, not `{value}`", self.fact(id, fact)))
            .collect();
        assert!(wrong.is_empty(), "{id}: {}\n{:#}", wrong.join("; "), self.probe(id));
    }
}
