use std::collections::BTreeMap;

use super::QueryError;
use crate::exec::{Command, Output};

/// The properties by which systemd-oomd(8) is allowed to kill in a unit (systemd.resource-control(5)).
pub const OOMD_SETTINGS: [&str; 2] = ["ManagedOOMSwap", "ManagedOOMMemoryPressure"];

/// The properties of one unit, as `systemctl show` prints them.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct UnitProperties(BTreeMap<String, String>);

impl UnitProperties {
    /// Reads the properties of several units by one command, in the order of `units`. Without units it
    /// reads those of the manager. `systemctl` is the command for that manager.
    ///
    /// # Errors
    /// If the manager does not answer, or rejects a name.
    pub fn read(
        systemctl: Command,
        units: &[String],
        properties: &[&str],
    ) -> Result<(Vec<Self>, Output), QueryError> {
        let run = systemctl
            .arg("show")
            .arg(format!("--property={}", properties.join(",")))
            .arg("--")
            .args(units)
            .run()?;
        let read = Self::parse(&run.stdout_text());
        if run.success() && read.len() == units.len().max(1) {
            return Ok((read, run));
        }
        let names = if units.is_empty() { "the manager".into() } else { units.join(" ") };
        Err(QueryError::Unreachable(format!(
            "systemctl did not show {names}: {}",
            run.error_summary()
        )))
    }

    /// Parses `KEY=VALUE` lines. An empty line separates units.
    pub fn parse(text: &str) -> Vec<Self> {
        text.split("\n\n")
            .filter(|unit| !unit.trim().is_empty())
            .map(|unit| {
                let pairs = unit.lines().filter_map(|line| line.split_once('='));
                Self(pairs.map(|(key, value)| (key.to_owned(), value.to_owned())).collect())
            })
            .collect()
    }

    /// Returns the value of a property; empty if this systemd does not have it.
    pub fn get(&self, property: &str) -> &str {
        self.0.get(property).map_or("", String::as_str)
    }

    /// Reports whether systemd-oomd may kill in the unit, if [`OOMD_SETTINGS`] was read.
    pub fn allows_oomd_to_kill(&self) -> bool {
        OOMD_SETTINGS.iter().any(|name| self.get(name) == "kill")
    }

    /// Returns the values of a list property, such as `DropInPaths`.
    pub fn list(&self, property: &str) -> impl Iterator<Item = &str> {
        self.get(property).split_ascii_whitespace()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_properties_of_each_unit_are_parsed() {
        let units = UnitProperties::parse(
            "Id=a.slice\nDropInPaths=/a /b\n\nDropInPaths=\nId=b\\x20=c.slice\n",
        );
        assert_eq!(units.len(), 2);
        assert_eq!(units[0].get("Id"), "a.slice");
        assert_eq!(units[0].list("DropInPaths").collect::<Vec<_>>(), ["/a", "/b"]);
        assert_eq!(units[1].get("Id"), "b\\x20=c.slice");
        assert_eq!(units[1].list("DropInPaths").count(), 0);
        assert_eq!(units[1].get("NoSuchProperty"), "");
        assert!(UnitProperties::parse("").is_empty());
    }
}
