//! Against whom the weight of the slice for agents is measured.

use super::agent_slice::AgentSlice;
use crate::host::{Cgroup, UnitProperties};
use crate::sandbox::Sandbox;
use crate::{Measurement, Unable};

/// The weights: they divide what the slices of one level compete for (cgroups(7), "weights").
const WEIGHTS: [&str; 2] = ["CPUWeight", "IOWeight"];

pub fn measure(sandbox: &Sandbox) -> Result<Measurement, Unable> {
    let slice = AgentSlice::named(sandbox)?;
    let lineage = slice.lineage();
    // What nobody has defined tells what a weight looks like that is not set.
    let mut units = lineage.clone();
    units.push(sandbox.unit_name("undefined", "slice"));
    let properties = [&["ControlGroup"][..], &WEIGHTS].concat();
    let (mut read, run) = UnitProperties::read(sandbox.systemctl(), &units, &properties)?;
    let Some(undefined) = read.pop() else {
        return Err(Unable::Unmeasured("systemctl told of no unit".into()));
    };
    let weight_of = |unit: &UnitProperties| {
        let is_set = |property: &&str| unit.get(property) != undefined.get(property);
        let property = WEIGHTS.into_iter().find(is_set)?;
        Some((property, unit.get(property).to_owned()))
    };
    let weights: Vec<Option<(&str, String)>> = read.iter().map(weight_of).collect();

    let mut measurement = Measurement::default();
    measurement.detail("unit", slice.unit());
    measurement.detail("top", &lineage[0]);
    measurement.detail("manager", sandbox.settings.manager.option());
    measurement.fact_from("level", if lineage.len() > 1 { "nested" } else { "top" }, &run);
    let lowest = weights.iter().rev().flatten().next();
    let scope = match (&weights[0], lowest) {
        (Some(_), _) if lineage.len() == 1 => "everything",
        (Some(_), _) => "everything-by-parent",
        (None, Some((property, weight))) => {
            measurement.detail("property", *property);
            measurement.detail("weight", weight.as_str());
            "parent-only"
        }
        (None, None) => "none",
    };
    measurement.fact_from("competes", scope, &run);
    let levels: Vec<String> = lineage
        .iter()
        .zip(&weights)
        .map(|(unit, weight)| match weight {
            Some((property, weight)) => format!("{unit} has {property}={weight}"),
            None => format!("{unit} has no weight of its own"),
        })
        .collect();
    measurement.summary = levels.join(", ");
    if let [.., around, own] = &read[..] {
        let others = company(around, own);
        let company = if others.is_empty() { "alone" } else { "others" };
        measurement.fact_from("company", company, &run);
        let beside = if others.is_empty() { "nothing".into() } else { others.join(", ") };
        let parent = &lineage[lineage.len() - 2];
        measurement.summary = format!("{}; beside it in {parent}: {beside}", measurement.summary);
    }
    Ok(measurement)
}

/// What lives beside a slice in the slice around it. One that is not active has no cgroup.
fn company(around: &UnitProperties, own: &UnitProperties) -> Vec<String> {
    let path = around.get("ControlGroup");
    if path.is_empty() {
        return Vec::new();
    }
    let parent = Cgroup::at(path);
    let mut children = parent.populated_children();
    children.retain(|name| own.get("ControlGroup") != format!("{path}/{name}"));
    children
}
