use std::collections::BTreeMap;

use crate::Unable;
use crate::sandbox::{Command, Completed};

/// What `systemctl show` tells of one unit.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct UnitProperties(BTreeMap<String, String>);

impl UnitProperties {
    /// Asks for the properties of several units at once, in their order; of none, for those of the
    /// manager itself. `systemctl` is the command that asks the manager in question.
    ///
    /// # Errors
    /// When it does not answer, or refuses one of the names.
    pub fn read(
        systemctl: Command,
        units: &[String],
        properties: &[&str],
    ) -> Result<(Vec<Self>, Completed), Unable> {
        let run = systemctl
            .arg("show")
            .arg(format!("--property={}", properties.join(",")))
            .arg("--")
            .args(units)
            .run()?;
        let read = Self::parse(&run.text());
        if run.success() && read.len() == units.len().max(1) {
            return Ok((read, run));
        }
        let names = if units.is_empty() { "the manager".into() } else { units.join(" ") };
        Err(Unable::Unmeasured(format!("systemctl did not tell of {names}: {}", run.failure())))
    }

    /// Reads `KEY=VALUE` lines; an empty line stands between two units.
    pub fn parse(text: &str) -> Vec<Self> {
        text.split("\n\n")
            .filter(|unit| !unit.trim().is_empty())
            .map(|unit| {
                let pairs = unit.lines().filter_map(|line| line.split_once('='));
                Self(pairs.map(|(key, value)| (key.to_owned(), value.to_owned())).collect())
            })
            .collect()
    }

    /// The value of a property; empty where this systemd does not have it.
    pub fn get(&self, property: &str) -> &str {
        self.0.get(property).map_or("", String::as_str)
    }

    /// The values of a property that is a list, such as `DropInPaths`.
    pub fn list(&self, property: &str) -> impl Iterator<Item = &str> {
        self.get(property).split_ascii_whitespace()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_unit_has_its_own_properties() {
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
