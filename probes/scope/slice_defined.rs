//! Whether the slice for agents is defined anywhere, or came into being by being named.

use super::agent_slice::AgentSlice;
use super::edit_distance::edit_distance;
use crate::host::UnitProperties;
use crate::sandbox::{Command, Sandbox};
use crate::{Measurement, Unable};

/// The properties by which a slice weighs or limits (systemd.resource-control(5)).
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
/// The properties that tell where a unit is defined.
const ORIGIN: [&str; 5] = ["Id", "LoadState", "FragmentPath", "DropInPaths", "NeedDaemonReload"];
/// How many letters may differ for a name to be taken for a slip.
const SLIP: usize = 2;

pub fn measure(sandbox: &Sandbox) -> Result<Measurement, Unable> {
    let slice = AgentSlice::named(sandbox)?;
    let files = unit_files(sandbox).start()?;
    let lineage = slice.lineage();
    // What nobody has defined tells which properties are nobody's decision.
    let mut units = lineage.clone();
    units.push(sandbox.unit_name("undefined", "slice"));
    let properties: Vec<&str> = ORIGIN.into_iter().chain(LIMITS).collect();
    let (mut read, run) = UnitProperties::read(sandbox.systemctl(), &units, &properties)?;
    let Some((undefined, own)) = read.pop().zip(read.last().cloned()) else {
        return Err(Unable::Unmeasured("systemctl told of no unit".into()));
    };
    if own.get("LoadState") != "loaded" {
        return Err(Unable::Skipped(format!(
            "systemd does not load {}: it is {}; see scope-availability",
            slice.unit(),
            own.get("LoadState")
        )));
    }
    let files = slices_in(&files.wait()?.text());

    let mut measurement = Measurement::default();
    measurement.detail("unit", slice.unit());
    measurement.detail("manager", sandbox.settings.manager.option());
    let setters: Vec<(&str, Vec<String>)> = read
        .iter()
        .map(|unit| (unit.get("Id"), limits(unit, &undefined)))
        .filter(|(_, limits)| !limits.is_empty())
        .collect();
    let above = setters.iter().find(|(unit, _)| *unit != slice.unit()).map(|(unit, _)| *unit);

    let mut elsewhere = None;
    let definition = if !own.get("FragmentPath").is_empty() {
        "file"
    } else if drop_ins(&own, &undefined).next().is_some() {
        "drop-in"
    } else if files.iter().any(|file| file == slice.unit()) {
        "unread"
    } else if let Some(parent) = above {
        measurement.detail("parent", parent);
        "by-parent"
    } else {
        elsewhere = defined_by_system(sandbox, &slice, &mut measurement)?;
        if elsewhere.is_some() { "system-manager" } else { "nowhere" }
    };
    measurement.fact_from("definition", definition, &run);
    if matches!(definition, "file" | "drop-in") {
        let is_set = |unit: &str| setters.iter().any(|(setter, _)| *setter == unit);
        let sets = match above {
            _ if is_set(slice.unit()) => "own",
            Some(_) => "by-parent",
            None => "nothing",
        };
        measurement.fact_from("limits", sets, &run);
    }
    let is_stale = read.iter().any(|unit| unit.get("NeedDaemonReload") == "yes");
    measurement.fact_from("files", if is_stale { "changed" } else { "read" }, &run);
    let mut near = None;
    if definition == "nowhere" {
        near = namesake(sandbox, &slice, &files, &undefined)?;
        measurement.fact("namesake", if near.is_some() { "near" } else { "none" });
        measurement.detail("namesake", near.clone().unwrap_or_default());
    }
    measurement.summary = summary(&slice, &own, definition, &setters, elsewhere.or(near));
    Ok(measurement)
}

fn summary(
    slice: &AgentSlice,
    own: &UnitProperties,
    definition: &str,
    setters: &[(&str, Vec<String>)],
    other: Option<String>,
) -> String {
    let unit = slice.unit();
    let place = match definition {
        "file" => format!("is defined in {}", own.get("FragmentPath")),
        "drop-in" => {
            format!("is defined by {}", own.list("DropInPaths").last().unwrap_or("a drop-in"))
        }
        "unread" => "has a file that the manager has not read".into(),
        "by-parent" => "is defined nowhere itself".into(),
        "system-manager" => {
            format!("is defined only for the system's manager, in {}", other.unwrap_or_default())
        }
        _ => match other {
            Some(near) => format!("is defined nowhere; {near} is"),
            None => "is defined nowhere".into(),
        },
    };
    let limits: Vec<String> = setters
        .iter()
        .map(|(setter, limits)| format!("{setter} sets {}", limits.join(", ")))
        .collect();
    let limits = if limits.is_empty() { "nothing is set".into() } else { limits.join("; ") };
    format!("{unit} {place}; {limits}")
}

/// What is set on a slice, as `PROPERTY=VALUE`.
fn limits(unit: &UnitProperties, undefined: &UnitProperties) -> Vec<String> {
    LIMITS
        .into_iter()
        .filter(|property| unit.get(property) != undefined.get(property))
        .map(|property| format!("{property}={}", unit.get(property)))
        .collect()
}

/// The drop-ins that are meant for this slice, and not for every slice.
fn drop_ins<'a>(
    unit: &'a UnitProperties,
    undefined: &'a UnitProperties,
) -> impl Iterator<Item = &'a str> {
    unit.list("DropInPaths").filter(|path| undefined.list("DropInPaths").all(|all| all != *path))
}

fn unit_files(sandbox: &Sandbox) -> Command {
    sandbox.systemctl().args([
        "list-unit-files",
        "--type=slice",
        "--plain",
        "--no-legend",
        "--full",
    ])
}

/// The first word of each line of `list-unit-files` or `list-units`.
pub(crate) fn slices_in(listed: &str) -> Vec<String> {
    listed.lines().filter_map(|line| Some(line.split_ascii_whitespace().next()?.into())).collect()
}

/// Where the system's manager has the slice, which is of no use to the user's.
fn defined_by_system(
    sandbox: &Sandbox,
    slice: &AgentSlice,
    measurement: &mut Measurement,
) -> Result<Option<String>, Unable> {
    if !sandbox.is_user() {
        return Ok(None);
    }
    let units = [slice.unit().to_owned(), sandbox.unit_name("undefined", "slice")];
    let systemctl = sandbox.command("systemctl").arg("--system");
    let Ok((read, run)) = UnitProperties::read(systemctl, &units, &ORIGIN) else {
        // Without a system bus there is nobody who could have been meant.
        return Ok(None);
    };
    let [own, undefined] = &read[..] else { return Ok(None) };
    let file = Some(own.get("FragmentPath")).filter(|path| !path.is_empty());
    let path = file.or_else(|| drop_ins(own, undefined).last()).map(str::to_owned);
    if path.is_some() {
        measurement.evidence.push(run.evidence("definition"));
    }
    Ok(path)
}

/// A slice with almost the same name that is defined.
fn namesake(
    sandbox: &Sandbox,
    slice: &AgentSlice,
    files: &[String],
    undefined: &UnitProperties,
) -> Result<Option<String>, Unable> {
    let loaded = sandbox
        .systemctl()
        .args(["list-units", "--type=slice", "--all", "--plain", "--no-legend", "--full"])
        .run()?;
    let mut near: Vec<(usize, String)> = slices_in(&loaded.text())
        .into_iter()
        .chain(files.iter().cloned())
        .map(|name| (edit_distance(&name, slice.unit()), name))
        .filter(|(distance, _)| (1..=SLIP).contains(distance))
        .collect();
    near.sort();
    near.dedup();
    if near.is_empty() {
        return Ok(None);
    }
    let names: Vec<String> = near.into_iter().map(|(_, name)| name).collect();
    let (read, _) = UnitProperties::read(sandbox.systemctl(), &names, &ORIGIN)?;
    let is_defined = |unit: &UnitProperties| {
        !unit.get("FragmentPath").is_empty() || drop_ins(unit, undefined).next().is_some()
    };
    Ok(names.into_iter().zip(read).find(|(_, unit)| is_defined(unit)).map(|(name, _)| name))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_names_of_slices_stand_in_front() {
        let listed = "app.slice static -\nodd\\x20name.slice loaded active active A slice\n\n";
        assert_eq!(slices_in(listed), ["app.slice", "odd\\x20name.slice"]);
    }
}
