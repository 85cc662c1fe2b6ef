//! Which units the manager keeps loaded because they failed.

use std::collections::HashSet;
use std::fs;

use super::support::unit_group::UnitGroup;
use crate::exec::Output;
use crate::fact_values;
use crate::host::UnitProperties;
use crate::sandbox::{Fact, FactDecl, Measurement, NotMeasured, ProbeContext, RunId};

/// The number of failed units from which on the manager's size matters.
const MANY: usize = 50;
/// How many groups the summary names.
const NAMED_GROUPS: usize = 3;
/// How many groups the fix names one by one. More are reset by one command that reads their names.
const RESET_GROUPS: usize = 8;
/// How many units are asked whether they were launched, where the directory of their files cannot be read.
const ASKED_UNITS: usize = 200;
/// How much output of systemctl is read, in bytes: a manager has at most 131072 names of units.
const CAPTURE_LIMIT: usize = 16 << 20;
/// The manager's own properties: how many units failed, and in which directories units have their files.
const MANAGER_PROPERTIES: [&str; 2] = ["NFailedUnits", "UnitPath"];
/// The directory among them that has the files of launched units.
const TRANSIENT_DIR: &str = "/transient";

fact_values! {
    /// How many launched units are kept as failed.
    enum Launched {
        None = "none",
        Some = "some",
        Many = "many",
    }
}

fact_values! {
    /// Whether units with a unit file are kept as failed.
    enum FromFiles {
        None = "none",
        Some = "some",
    }
}

const LAUNCHED: Fact<Launched> = Fact::new("launched");
const FROM_FILES: Fact<FromFiles> = Fact::new("from-files");
pub(crate) const FACTS: &[FactDecl] = &[LAUNCHED.decl(), FROM_FILES.decl()];

pub(crate) fn measure(context: &ProbeContext) -> Result<Measurement, NotMeasured> {
    context.require_manager()?;
    let (managers, run) = UnitProperties::read(context.systemctl(), &[], &MANAGER_PROPERTIES)?;
    let manager = &managers[0];
    let (units, run) = match manager.get("NFailedUnits") {
        "0" => (FailedUnits::default(), run),
        _ => FailedUnits::read(context, manager)?,
    };
    let FailedUnits { launched, from_files } = units;
    let count = launched.len();
    let groups = UnitGroup::of(launched.into_iter());
    let file_groups = UnitGroup::of(from_files.iter().cloned());

    let mut measurement = Measurement::default();
    measurement.detail("manager", context.settings.manager.option());
    measurement.detail("count", count.to_string());
    measurement.detail("units", unit_count(count));
    measurement.detail("groups", listing(&groups));
    measurement.detail("file-groups", listing(&file_groups));
    // A pattern must not match a unit with a file, whose failure is kept.
    let is_exact = |group: &UnitGroup| !from_files.iter().any(|name| group.matches(name));
    let (patterns, dirs) = if groups.len() <= RESET_GROUPS && groups.iter().all(is_exact) {
        (groups.iter().map(UnitGroup::pattern).collect(), Vec::new())
    } else {
        (Vec::new(), transient_dir(manager).map(str::to_owned).into_iter().collect())
    };
    measurement.list("pattern", patterns);
    measurement.list("transient-dir", dirs);
    let value = match count {
        0 => Launched::None,
        1..MANY => Launched::Some,
        _ => Launched::Many,
    };
    measurement.set_from(LAUNCHED, value, &run);
    let value = if from_files.is_empty() { FromFiles::None } else { FromFiles::Some };
    measurement.set_from(FROM_FILES, value, &run);
    Ok(measurement)
}

/// The names of the units that a manager keeps as failed.
#[derive(Default)]
struct FailedUnits {
    launched: Vec<String>,
    from_files: Vec<String>,
}

impl FailedUnits {
    /// Reads them by one list. The manager answers for each unit's properties in a call of its own, which takes minutes
    /// for thousands of units, so the files show which were launched.
    fn read(
        context: &ProbeContext,
        manager: &UnitProperties,
    ) -> Result<(Self, Output), NotMeasured> {
        let args = ["list-units", "--state=failed", "--all", "--plain", "--no-legend", "--full"];
        let mut run = list(context, &args)?;
        let text = run.stdout_text();
        let names = text.lines().filter_map(|line| line.split_ascii_whitespace().next());
        let names: Vec<String> =
            names.filter(|name| !RunId::names_unit(name)).map(str::to_owned).collect();
        drop(text);
        run.stdout.clear();
        let launched = match transient_dir(manager).and_then(file_names) {
            Some(files) => files,
            None => launched_among(context, &names)?,
        };
        let (launched, from_files) = names.into_iter().partition(|name| launched.contains(name));
        Ok((Self { launched, from_files }, run))
    }
}

fn transient_dir(manager: &UnitProperties) -> Option<&str> {
    manager.list("UnitPath").find(|path| path.ends_with(TRANSIENT_DIR))
}

/// Returns the names in a directory; `None` if it cannot be read, as in another mount namespace than the manager's.
fn file_names(dir: &str) -> Option<HashSet<String>> {
    let entries = fs::read_dir(dir).ok()?;
    Some(entries.filter_map(|entry| entry.ok()?.file_name().into_string().ok()).collect())
}

/// Asks the manager which of these units were launched, for the first of them.
fn launched_among(
    context: &ProbeContext,
    names: &[String],
) -> Result<HashSet<String>, NotMeasured> {
    let asked: Vec<&str> = names.iter().take(ASKED_UNITS).map(String::as_str).collect();
    if asked.is_empty() {
        return Ok(HashSet::new());
    }
    let show = [&["show", "--property=Id,Transient", "--"], &asked[..]].concat();
    let units = UnitProperties::parse(&list(context, &show)?.stdout_text());
    let launched = units.iter().filter(|unit| unit.get("Transient") == "yes");
    Ok(launched.map(|unit| unit.get("Id").to_owned()).collect())
}

fn list(context: &ProbeContext, args: &[&str]) -> Result<Output, NotMeasured> {
    let run = context.systemctl().args(args).capture_limit(CAPTURE_LIMIT).run()?;
    if run.success() {
        return Ok(run);
    }
    Err(NotMeasured::Unmeasured(format!("the units could not be listed: {}", run.error_summary())))
}

fn unit_count(count: usize) -> String {
    match count {
        1 => "1 launched unit is".into(),
        count => format!("{count} launched units are"),
    }
}

fn listing(groups: &[UnitGroup]) -> String {
    let mut names: Vec<String> =
        groups.iter().take(NAMED_GROUPS).map(UnitGroup::to_string).collect();
    let rest: usize = groups.iter().skip(NAMED_GROUPS).map(UnitGroup::len).sum();
    if rest > 0 {
        names.push(format!("and {rest} more"));
    }
    names.join(", ")
}
