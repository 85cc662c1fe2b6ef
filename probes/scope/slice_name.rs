//! Which names of a slice systemd-run takes, which it refuses, and which it quietly rewrites.

use crate::host::Cgroup;
use crate::sandbox::{CommandError, Completed, Sandbox};
use crate::{Measurement, Unable};

/// What is measured: the fact, and what stands before and behind a name of the probe's own. Bytes that
/// are no text are not tried: while such a slice is active, nobody can list the manager's units.
const FORMS: [Form; 14] = [
    Form { fact: "plain", before: "", after: ".slice" },
    Form { fact: "no-suffix", before: "", after: "" },
    Form { fact: "space", before: "", after: " x.slice" },
    Form { fact: "newline", before: "", after: "\nx.slice" },
    Form { fact: "percent", before: "", after: "%n.slice" },
    Form { fact: "dollar", before: "", after: "$(id).slice" },
    Form { fact: "inner-slash", before: "", after: "/x.slice" },
    Form { fact: "leading-slash", before: "/", after: ".slice" },
    Form { fact: "double-dash", before: "", after: "--x.slice" },
    Form { fact: "trailing-dash", before: "", after: "-.slice" },
    Form { fact: "leading-dash", before: "-", after: ".slice" },
    Form { fact: "other-type", before: "", after: ".service" },
    Form { fact: "instance", before: "", after: "@x.slice" },
    Form { fact: "long", before: "", after: LONG },
];
/// More than the 255 letters that a unit's name may have (systemd.unit(5)).
const LONG: &str = concat!(
    "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa",
    "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa",
    "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa",
    "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa",
    "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"
);

/// A way to write a name.
struct Form {
    fact: &'static str,
    before: &'static str,
    after: &'static str,
}

pub fn measure(sandbox: &Sandbox) -> Result<Measurement, Unable> {
    sandbox.require_manager()?;
    let mut measurement = Measurement::default();
    // One after the other, because the manager tells every launch under way of all units.
    for form in &FORMS {
        let (fact, word) = (form.fact, form.word(sandbox));
        let run = launch(sandbox, Some(&word))?;
        let fate = fate(&run, &word);
        if fact == "plain" && fate != "taken" {
            // Without a slice that can be had, a refusal of the others would say nothing.
            return Err(Unable::Unmeasured(format!("no slice could be had: {}", run.failure())));
        }
        measurement.fact_from(fact, fate, &run);
    }
    let (empty, unset) = (launch(sandbox, Some(""))?, launch(sandbox, None)?);
    let value = match (slice_of(&empty), slice_of(&unset)) {
        (None, _) => "refused",
        (found, default) if found == default => "default",
        (Some(_), _) => "rewritten",
    };
    measurement.fact_from("empty", value, &empty);
    measurement.summary = summary(&measurement);
    Ok(measurement)
}

fn launch(sandbox: &Sandbox, slice: Option<&str>) -> Result<Completed, CommandError> {
    let command = sandbox.systemd_run().args(["--scope", "--quiet", "--collect"]);
    let command = match slice {
        None => command,
        Some(slice) => command.arg(format!("--slice={slice}")),
    };
    command.args(["--", "cat", "/proc/self/cgroup"]).run()
}

/// What became of a name, by the slice in which the command found itself.
fn fate(run: &Completed, word: &str) -> &'static str {
    match slice_of(run) {
        None => "refused",
        Some(slice) if slice == word || slice.strip_suffix(".slice") == Some(word) => "taken",
        Some(_) => "rewritten",
    }
}

fn slice_of(run: &Completed) -> Option<String> {
    let cgroup = Cgroup::parse(&run.text()).filter(|_| run.success())?;
    Some(cgroup.user_slices().last().copied().unwrap_or("-.slice").to_owned())
}

fn summary(measurement: &Measurement) -> String {
    let with = |value: &str| {
        let facts = measurement.facts.iter().filter(|(_, found)| *found == value);
        facts.map(|(fact, _)| fact.as_str()).collect::<Vec<_>>().join(", ")
    };
    format!("refused: {}; rewritten without a word: {}", with("refused"), with("rewritten"))
}

impl Form {
    /// The name in this form. What systemd makes of it still begins with the probe's own name,
    /// where it makes anything, so that it is found and removed.
    fn word(&self, sandbox: &Sandbox) -> String {
        let own = sandbox.unit_name(&self.fact.replace('-', "_"), "slice");
        let own = own.trim_end_matches(".slice");
        format!("{}{own}{}", self.before, self.after)
    }
}
