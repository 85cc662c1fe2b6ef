use std::fmt;
use std::str::FromStr;

use launch_probes::host::Component;
use serde::Deserialize;

use super::version::Version;

/// The versions of one component for which something is recorded: `systemd >= 250, < 258`.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(try_from = "String")]
pub struct Range {
    /// The component.
    pub component: Component,
    /// The first version in it.
    pub from: Version,
    /// The first version after it, if it has an end.
    pub until: Option<Version>,
}

impl Range {
    /// Returns whether a version is in it.
    pub fn contains(&self, version: &Version) -> bool {
        *version >= self.from && self.until.as_ref().is_none_or(|until| version < until)
    }
}

impl FromStr for Range {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let wrong = || format!("`{text}` is not a range such as `systemd >= 250, < 258`");
        let (name, bounds) = text.trim().split_once(" >= ").ok_or_else(wrong)?;
        let component = Component::ALL
            .into_iter()
            .find(|component| component.name() == name)
            .ok_or_else(wrong)?;
        let (from, until) = match bounds.split_once(", < ") {
            Some((from, until)) => (from, Some(Version::parse(until).ok_or_else(wrong)?)),
            None => (bounds, None),
        };
        let from = Version::parse(from).ok_or_else(wrong)?;
        if until.as_ref().is_some_and(|until| *until <= from) {
            return Err(format!("`{text}` ends before it begins"));
        }
        Ok(Self { component, from, until })
    }
}

impl TryFrom<String> for Range {
    type Error = String;

    fn try_from(text: String) -> Result<Self, String> {
        text.parse()
    }
}

impl fmt::Display for Range {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} >= {}", self.component.name(), self.from)?;
        match &self.until {
            Some(until) => write!(f, ", < {until}"),
            None => Ok(()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_range_contains_its_first_version_and_not_its_end() {
        let range: Range = "systemd >= 250, < 258".parse().unwrap();
        let contains = |text| range.contains(&Version::parse(text).unwrap());
        assert!(contains("250") && contains("257.13-1~deb13u1"));
        assert!(!contains("249.11") && !contains("258"));
        assert_eq!(range.to_string(), "systemd >= 250, < 258");
    }

    #[test]
    fn a_range_names_a_component_and_does_not_end_before_it_begins() {
        for text in ["", "systemd", "bash >= 5", "systemd >= 258, < 250", "systemd >= x"] {
            assert!(text.parse::<Range>().is_err(), "{text}");
        }
    }
}
