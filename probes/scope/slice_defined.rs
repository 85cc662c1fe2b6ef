//! Whether the slice for agents is defined, or was created because a launch named it.

use strsim::osa_distance;

use super::support::agent_slice::AgentSlice;
use crate::exec::Command;
use crate::fact_values;
use crate::host::UnitProperties;
use crate::sandbox::{Fact, FactDecl, Measurement, NotMeasured, ProbeContext};

/// The weights and limits of a slice (systemd.resource-control(5)).
const LIMITS: [&str; 21] = [
    "CPUWeight",
    "StartupCPUWeight",
    "CPUShares",
    "CPUQuotaPerSecUSec",
    "AllowedCPUs",
    "AllowedMemoryNodes",
    "IOWeight",
    "StartupIOWeight",
    "IODeviceWeight",
    "IOReadBandwidthMax",
    "IOWriteBandwidthMax",
    "IOReadIOPSMax",
    "IOWriteIOPSMax",
    "MemoryMin",
    "MemoryLow",
    "MemoryHigh",
    "MemoryMax",
    "MemorySwapMax",
    "MemoryZSwapMax",
    "MemoryLimit",
    "TasksMax",
];
/// The properties that show where a unit is defined.
const ORIGIN: [&str; 5] = ["Id", "LoadState", "FragmentPath", "DropInPaths", "NeedDaemonReload"];
/// How many edits make a name similar: as many as a typing error has.
const MAX_EDITS: usize = 2;

fact_values! {
    /// Where the slice is defined.
    enum Definition {
        File = "file",
        DropIn = "drop-in",
        ByParent = "by-parent",
        Unread = "unread",
        SystemManager = "system-manager",
        Nowhere = "nowhere",
    }
}

fact_values! {
    /// Whether a slice with a similar name is defined.
    enum SimilarName {
        None = "none",
        Near = "near",
    }
}

fact_values! {
    /// Which slice sets a weight or limit.
    enum LimitsSet {
        Own = "own",
        ByParent = "by-parent",
        Nothing = "nothing",
    }
}

fact_values! {
    /// Whether the manager has read the current files.
    enum Files {
        Read = "read",
        Changed = "changed",
    }
}

const DEFINITION: Fact<Definition> = Fact::new("definition");
const NAMESAKE: Fact<SimilarName> = Fact::new("namesake");
const LIMITS_SET: Fact<LimitsSet> = Fact::new("limits");
const FILES: Fact<Files> = Fact::new("files");
pub(crate) const FACTS: &[FactDecl] =
    &[DEFINITION.decl(), NAMESAKE.decl(), LIMITS_SET.decl(), FILES.decl()];

pub(crate) fn measure(context: &ProbeContext) -> Result<Measurement, NotMeasured> {
    let slice = AgentSlice::from_settings(context)?;
    let files = unit_files(context).start()?;
    // A slice that is defined nowhere shows the default of every property.
    let mut units = slice.lineage();
    units.push(context.unit_name("undefined", "slice"));
    let properties: Vec<&str> = ORIGIN.into_iter().chain(LIMITS).collect();
    let (mut read, run) = UnitProperties::read(context.systemctl(), &units, &properties)?;
    let Some((undefined, own)) = read.pop().zip(read.last().cloned()) else {
        return Err(NotMeasured::Unmeasured("systemctl showed no unit".into()));
    };
    if own.get("LoadState") != "loaded" {
        return Err(NotMeasured::Skipped(format!(
            "systemd does not load {}: its state is {}; see scope-availability",
            slice.unit(),
            own.get("LoadState")
        )));
    }
    let files = first_words(&files.wait()?.stdout_text());

    let mut measurement = Measurement::default();
    measurement.detail("unit", slice.unit());
    measurement.detail("manager", context.settings.manager.option());
    let setters: Vec<(&str, Vec<String>)> = read
        .iter()
        .map(|unit| (unit.get("Id"), limits(unit, &undefined)))
        .filter(|(_, limits)| !limits.is_empty())
        .collect();
    measurement.detail("settings", listing(&setters));
    let above = setters.iter().find(|(unit, _)| *unit != slice.unit()).map(|(unit, _)| *unit);

    let definition = if !own.get("FragmentPath").is_empty() {
        measurement.detail("path", own.get("FragmentPath"));
        Definition::File
    } else if drop_ins(&own, &undefined).next().is_some() {
        measurement.detail("path", own.list("DropInPaths").last().unwrap_or_default());
        Definition::DropIn
    } else if files.iter().any(|file| file == slice.unit()) {
        Definition::Unread
    } else if let Some(parent) = above {
        measurement.detail("parent", parent);
        Definition::ByParent
    } else if let Some(path) = defined_by_system(context, &slice, &mut measurement) {
        measurement.detail("path", path);
        Definition::SystemManager
    } else {
        Definition::Nowhere
    };
    measurement.set_from(DEFINITION, definition, &run);
    if matches!(definition, Definition::File | Definition::DropIn) {
        let is_set = |unit: &str| setters.iter().any(|(setter, _)| *setter == unit);
        let value = match above {
            _ if is_set(slice.unit()) => LimitsSet::Own,
            Some(_) => LimitsSet::ByParent,
            None => LimitsSet::Nothing,
        };
        measurement.set_from(LIMITS_SET, value, &run);
    }
    let is_stale = read.iter().any(|unit| unit.get("NeedDaemonReload") == "yes");
    measurement.set_from(FILES, if is_stale { Files::Changed } else { Files::Read }, &run);
    if definition == Definition::Nowhere {
        let similar = similar_slice(context, &slice, &files, &undefined)?;
        let value = if similar.is_some() { SimilarName::Near } else { SimilarName::None };
        measurement.set(NAMESAKE, value);
        measurement.detail("namesake", similar.unwrap_or_default());
    }
    Ok(measurement)
}

/// Returns what each slice sets, such as `a.slice CPUWeight=40`.
fn listing(setters: &[(&str, Vec<String>)]) -> String {
    let settings: Vec<String> =
        setters.iter().map(|(unit, limits)| format!("{unit} {}", limits.join(" "))).collect();
    if settings.is_empty() { "none".into() } else { settings.join(", ") }
}

/// Returns what is set on a slice, as `PROPERTY=VALUE`.
fn limits(unit: &UnitProperties, undefined: &UnitProperties) -> Vec<String> {
    LIMITS
        .into_iter()
        .filter(|property| unit.get(property) != undefined.get(property))
        .map(|property| format!("{property}={}", unit.get(property)))
        .collect()
}

/// Returns the drop-ins of this slice, without those of every slice.
fn drop_ins<'a>(
    unit: &'a UnitProperties,
    undefined: &'a UnitProperties,
) -> impl Iterator<Item = &'a str> {
    unit.list("DropInPaths").filter(|path| undefined.list("DropInPaths").all(|all| all != *path))
}

fn unit_files(context: &ProbeContext) -> Command {
    let args = ["list-unit-files", "--type=slice", "--plain", "--no-legend", "--full"];
    context.systemctl().args(args)
}

/// Returns the first word of each line of `list-unit-files` or `list-units`: the units' names.
pub(crate) fn first_words(listed: &str) -> Vec<String> {
    listed.lines().filter_map(|line| Some(line.split_ascii_whitespace().next()?.into())).collect()
}

/// Returns the file by which the slice is defined for the system manager, which the user manager
/// does not read.
fn defined_by_system(
    context: &ProbeContext,
    slice: &AgentSlice,
    measurement: &mut Measurement,
) -> Option<String> {
    if !context.is_user() {
        return None;
    }
    let units = [slice.unit().to_owned(), context.unit_name("undefined", "slice")];
    let systemctl = context.command("systemctl").arg("--system");
    let Ok((read, run)) = UnitProperties::read(systemctl, &units, &ORIGIN) else {
        // Without a system manager the slice is not defined there.
        return None;
    };
    let [own, undefined] = &read[..] else { return None };
    let file = Some(own.get("FragmentPath")).filter(|path| !path.is_empty());
    let path = file.or_else(|| drop_ins(own, undefined).last()).map(str::to_owned);
    if path.is_some() {
        measurement.add_evidence(DEFINITION.name(), &run);
    }
    path
}

/// Returns a defined slice with a similar name.
fn similar_slice(
    context: &ProbeContext,
    slice: &AgentSlice,
    files: &[String],
    undefined: &UnitProperties,
) -> Result<Option<String>, NotMeasured> {
    let loaded = context
        .systemctl()
        .args(["list-units", "--type=slice", "--all", "--plain", "--no-legend", "--full"])
        .run()?;
    let mut similar: Vec<(usize, String)> = first_words(&loaded.stdout_text())
        .into_iter()
        .chain(files.iter().cloned())
        .map(|name| (osa_distance(&name, slice.unit()), name))
        .filter(|(edits, _)| (1..=MAX_EDITS).contains(edits))
        .collect();
    similar.sort();
    similar.dedup();
    if similar.is_empty() {
        return Ok(None);
    }
    let names: Vec<String> = similar.into_iter().map(|(_, name)| name).collect();
    let (read, _) = UnitProperties::read(context.systemctl(), &names, &ORIGIN)?;
    let is_defined = |unit: &UnitProperties| {
        !unit.get("FragmentPath").is_empty() || drop_ins(unit, undefined).next().is_some()
    };
    Ok(names.into_iter().zip(read).find(|(_, unit)| is_defined(unit)).map(|(name, _)| name))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_name_of_a_unit_is_the_first_word_of_its_line() {
        let listed = "app.slice static -\nodd\\x20name.slice loaded active active A slice\n\n";
        assert_eq!(first_words(listed), ["app.slice", "odd\\x20name.slice"]);
    }
}
