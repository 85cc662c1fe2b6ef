//! With which other units the weight of the slice for agents competes.

use super::support::agent_slice::AgentSlice;
use crate::fact_values;
use crate::host::{Cgroup, UnitProperties};
use crate::sandbox::{Fact, FactDecl, Measurement, NotMeasured, ProbeContext};

/// The weights: each divides a resource among siblings (systemd.resource-control(5), cgroups(7)).
const WEIGHTS: [&str; 2] = ["CPUWeight", "IOWeight"];

fact_values! {
    /// Where the slice is.
    enum Level {
        Top = "top",
        Nested = "nested",
    }
}

fact_values! {
    /// With what the slice's weight competes.
    enum Competitors {
        Everything = "everything",
        EverythingByParent = "everything-by-parent",
        None = "none",
        ParentOnly = "parent-only",
    }
}

fact_values! {
    /// Whether another cgroup with processes is in the parent slice.
    enum Siblings {
        Alone = "alone",
        Others = "others",
    }
}

const LEVEL: Fact<Level> = Fact::new("level");
const COMPETES: Fact<Competitors> = Fact::new("competes");
const COMPANY: Fact<Siblings> = Fact::new("company");
pub(crate) const FACTS: &[FactDecl] = &[LEVEL.decl(), COMPETES.decl(), COMPANY.decl()];

pub(crate) fn measure(context: &ProbeContext) -> Result<Measurement, NotMeasured> {
    let slice = AgentSlice::from_settings(context)?;
    let lineage = slice.lineage();
    // A slice that is defined nowhere shows what a weight looks like that is not set.
    let mut units = lineage.clone();
    units.push(context.unit_name("undefined", "slice"));
    let properties = [&["ControlGroup"][..], &WEIGHTS].concat();
    let (mut read, run) = UnitProperties::read(context.systemctl(), &units, &properties)?;
    let Some(undefined) = read.pop() else {
        return Err(NotMeasured::Unmeasured("systemctl showed no unit".into()));
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
    measurement.detail("manager", context.settings.manager.option());
    let level = if lineage.len() > 1 { Level::Nested } else { Level::Top };
    measurement.set_from(LEVEL, level, &run);
    let innermost = weights.iter().rev().flatten().next();
    let competitors = match (&weights[0], innermost) {
        (Some(_), _) if lineage.len() == 1 => Competitors::Everything,
        (Some(_), _) => Competitors::EverythingByParent,
        (None, Some((property, weight))) => {
            measurement.detail("property", *property);
            measurement.detail("weight", weight.as_str());
            Competitors::ParentOnly
        }
        (None, None) => Competitors::None,
    };
    measurement.set_from(COMPETES, competitors, &run);
    let settings: Vec<String> = lineage
        .iter()
        .zip(&weights)
        .map(|(unit, weight)| match weight {
            Some((property, weight)) => format!("{unit} {property}={weight}"),
            None => format!("{unit} none"),
        })
        .collect();
    measurement.detail("weights", settings.join(", "));
    if let [.., around, own] = &read[..] {
        let siblings = siblings(around, own);
        let value = if siblings.is_empty() { Siblings::Alone } else { Siblings::Others };
        measurement.set_from(COMPANY, value, &run);
        measurement.detail("parent", &lineage[lineage.len() - 2]);
        measurement.detail("siblings", siblings.join(", "));
    }
    Ok(measurement)
}

/// Returns the cgroups with processes beside a slice in the slice around it. A slice that is not
/// active has no cgroup.
fn siblings(around: &UnitProperties, own: &UnitProperties) -> Vec<String> {
    let path = around.get("ControlGroup");
    if path.is_empty() {
        return Vec::new();
    }
    let parent = Cgroup::from_path(path);
    let mut children = parent.populated_children();
    children.retain(|name| own.get("ControlGroup") != format!("{path}/{name}"));
    children
}
