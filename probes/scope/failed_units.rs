//! Which units the manager still holds because they failed.

use super::unit_groups::UnitGroup;
use crate::host::UnitProperties;
use crate::sandbox::{Completed, Sandbox};
use crate::{Measurement, Unable};

/// What every unit of a doctor's begins with: what other probes let fail at this moment is no find.
const OWN: &str = "launch_doctor_";
/// From how many on they are called a heap.
const MANY: usize = 50;
/// How many groups the summary names.
const NAMED: usize = 3;
/// How much `systemctl` may tell: thousands of units.
const LONGEST_ANSWER: usize = 2 << 20;

pub fn measure(sandbox: &Sandbox) -> Result<Measurement, Unable> {
    sandbox.require_manager()?;
    let mut run = ask(
        sandbox,
        &["list-units", "--state=failed", "--all", "--plain", "--no-legend", "--full"],
    )?;
    if run.text().lines().any(|line| !line.starts_with(OWN)) {
        // Which of them were launched, only their properties tell, and those take their time.
        run =
            ask(sandbox, &["show", "--state=failed", "--property=Id,ActiveState,Transient", "*"])?;
    } else {
        run.stdout.clear();
    }
    let units = UnitProperties::parse(&run.text());
    let failed = units
        .iter()
        .filter(|unit| unit.get("ActiveState") == "failed" && !unit.get("Id").starts_with(OWN));
    let (launched, filed): (Vec<_>, Vec<_>) =
        failed.partition(|unit| unit.get("Transient") == "yes");
    let name = |unit: &&UnitProperties| unit.get("Id").to_owned();
    let groups = UnitGroup::of(launched.iter().map(name));
    let files = UnitGroup::of(filed.iter().map(name));

    let mut measurement = Measurement::default();
    measurement.detail("manager", sandbox.settings.manager.option());
    measurement.detail("count", launched.len().to_string());
    if let Some(largest) = groups.first() {
        measurement.detail("pattern", largest.pattern());
    }
    let value = match launched.len() {
        0 => "none",
        1..MANY => "some",
        _ => "many",
    };
    measurement.fact_from("launched", value, &run);
    measurement.fact_from("from-files", if filed.is_empty() { "none" } else { "some" }, &run);
    measurement.summary = match (launched.len(), filed.len()) {
        (0, 0) => "no unit is held as failed".into(),
        (0, _) => format!("failed, of those with a file: {}", named(&files)),
        (count, 0) => format!("{count} launched units are held as failed: {}", named(&groups)),
        (count, _) => format!(
            "{count} launched units are held as failed: {}; and of those with a file: {}",
            named(&groups),
            named(&files)
        ),
    };
    Ok(measurement)
}

fn ask(sandbox: &Sandbox, words: &[&str]) -> Result<Completed, Unable> {
    let run = sandbox.systemctl().args(words).keep(LONGEST_ANSWER).run()?;
    if run.success() {
        return Ok(run);
    }
    Err(Unable::Unmeasured(format!("the units could not be listed: {}", run.failure())))
}

fn named(groups: &[UnitGroup]) -> String {
    let mut names: Vec<String> = groups.iter().take(NAMED).map(UnitGroup::to_string).collect();
    let rest: usize = groups.iter().skip(NAMED).map(UnitGroup::len).sum();
    if rest > 0 {
        names.push(format!("and {rest} more"));
    }
    names.join(", ")
}
