//! Which names of a slice systemd-run takes, which it refuses, and which it quietly rewrites.

use std::ffi::OsString;
use std::os::unix::ffi::OsStringExt;

use crate::host::Cgroup;
use crate::sandbox::{Completed, Running, Sandbox};
use crate::{Measurement, Unable};

/// What is measured: the fact, what stands before and behind a name of the probe's own, and the
/// slice that whoever writes that means, if it is another than the word itself.
const FORMS: [Form; 15] = [
    Form { fact: "plain", before: b"", after: b".slice" },
    Form { fact: "no-suffix", before: b"", after: b"" },
    Form { fact: "space", before: b"", after: b" x.slice" },
    Form { fact: "newline", before: b"", after: b"\nx.slice" },
    Form { fact: "percent", before: b"", after: b"%n.slice" },
    Form { fact: "dollar", before: b"", after: b"$(id).slice" },
    Form { fact: "no-text", before: b"", after: b"\xff.slice" },
    Form { fact: "inner-slash", before: b"", after: b"/x.slice" },
    Form { fact: "leading-slash", before: b"/", after: b".slice" },
    Form { fact: "double-dash", before: b"", after: b"--x.slice" },
    Form { fact: "trailing-dash", before: b"", after: b"-.slice" },
    Form { fact: "leading-dash", before: b"-", after: b".slice" },
    Form { fact: "other-type", before: b"", after: b".service" },
    Form { fact: "instance", before: b"", after: b"@x.slice" },
    Form { fact: "long", before: b"", after: &[b'a'; 300] },
];

/// A way to write a name.
struct Form {
    fact: &'static str,
    before: &'static [u8],
    after: &'static [u8],
}

pub fn measure(sandbox: &Sandbox) -> Result<Measurement, Unable> {
    sandbox.require_manager()?;
    let mut launches = Vec::new();
    for form in &FORMS {
        let word = form.word(sandbox);
        launches.push((form.fact, launch(sandbox, Some(&word))?, word));
    }
    let empty = launch(sandbox, Some(&OsString::new()))?;
    let unset = launch(sandbox, None)?;

    let mut measurement = Measurement::default();
    for (fact, running, word) in launches {
        let run = running.wait()?;
        let fate = fate(&run, &word.to_string_lossy());
        if fact == "plain" && fate != "taken" {
            // Without a slice that can be had, a refusal of the others would say nothing.
            return Err(Unable::Unmeasured(format!("no slice could be had: {}", run.errors())));
        }
        measurement.fact_from(fact, fate, &run);
    }
    let (empty, unset) = (empty.wait()?, unset.wait()?);
    let value = match (slice_of(&empty), slice_of(&unset)) {
        (None, _) => "refused",
        (found, default) if found == default => "default",
        (Some(_), _) => "rewritten",
    };
    measurement.fact_from("empty", value, &empty);
    measurement.summary = summary(&measurement);
    Ok(measurement)
}

fn launch(sandbox: &Sandbox, slice: Option<&OsString>) -> Result<Running, Unable> {
    let command = sandbox.systemd_run().args(["--scope", "--quiet", "--collect"]);
    let command = match slice {
        None => command,
        Some(slice) => {
            let mut option = OsString::from("--slice=");
            option.push(slice);
            command.arg(option)
        }
    };
    Ok(command.args(["--", "cat", "/proc/self/cgroup"]).start()?)
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
    fn word(&self, sandbox: &Sandbox) -> OsString {
        let own = sandbox.unit_name(&self.fact.replace('-', "_"), "slice");
        let own = own.trim_end_matches(".slice");
        OsString::from_vec([self.before, own.as_bytes(), self.after].concat())
    }
}
