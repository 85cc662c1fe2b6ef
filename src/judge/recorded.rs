use launch_probes::host::{Manager, Versions};

use super::card::Fact;
use super::expectation::Expectation;
use super::version::Version;

/// The versions and the manager that a fact is judged for.
#[derive(Debug, Clone, Copy)]
pub struct Platform<'a> {
    /// The versions of the components.
    pub versions: &'a Versions,
    /// The manager that launches.
    pub manager: Manager,
}

/// What is recorded of a fact for a platform.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Recorded<'a> {
    /// The value for the version as the host gives it.
    pub value: &'a str,
    /// Other values that are right too, because the host does not give its point release and the
    /// value changes within it.
    pub alternatives: Vec<&'a str>,
    /// Whether the version is newer than every version on which the fact was measured.
    pub is_extrapolated: bool,
    /// Where the boundary of the range comes from.
    pub source: Option<&'a str>,
}

impl Fact {
    /// Returns what is recorded for a platform; `None` if nothing is, or the platform lacks the
    /// component.
    pub fn recorded(&self, platform: Platform) -> Option<Recorded<'_>> {
        let applying: Vec<&Expectation> =
            self.expect.iter().filter(|expect| expect.applies_to(platform.manager)).collect();
        let (version, found) = applying.iter().find_map(|expect| {
            let text = platform.versions.get(expect.on.component)?;
            let version = Version::parse(text)?;
            expect.on.contains(&version).then_some((version, *expect))
        })?;
        // A build without a version tag names its release alone (systemd.git, tools/meson-vcs-tag.sh),
        // so its point release may lie after a boundary within that release.
        let alternatives = applying
            .iter()
            .filter(|expect| expect.on.component == found.on.component)
            .filter(|expect| version.is_whole_release() && expect.on.from != version)
            .filter(|expect| expect.on.from.belongs_to(&version) && expect.value != found.value)
            .map(|expect| expect.value.as_str())
            .collect();
        let newest = applying
            .iter()
            .filter(|expect| expect.on.component == found.on.component)
            .flat_map(|expect| expect.measured())
            .max();
        let is_extrapolated =
            newest.is_some_and(|newest| version > newest && !version.belongs_to(&newest));
        Some(Recorded {
            value: &found.value,
            alternatives,
            is_extrapolated,
            source: found.source.as_deref(),
        })
    }
}

#[cfg(test)]
mod tests {
    use launch_probes::host::Component;

    use super::*;

    const FACT: &str = r#"
        question = "What?"
        values.cut = { description = "Cut." }
        values.whole = { description = "Whole." }
        values.missing = { description = "Missing." }
        expect = [
            { on = "systemd >= 247, < 255", value = "whole", measured = ["247"] },
            { on = "systemd >= 255, < 255.4", value = "cut", measured = ["255.3"] },
            { on = "systemd >= 255.4", value = "whole", measured = ["257"], manager = "user" },
            { on = "systemd >= 255.4", value = "missing", measured = ["257"], manager = "system" },
        ]
    "#;

    fn recorded(version: &str, manager: Manager) -> Option<(String, Vec<String>, bool)> {
        let fact: Fact = toml::from_str(FACT).unwrap();
        let versions = Versions::from_iter([(Component::Systemd, version.to_owned())]);
        let recorded = fact.recorded(Platform { versions: &versions, manager })?;
        let alternatives = recorded.alternatives.iter().map(|value| (*value).to_owned());
        Some((recorded.value.to_owned(), alternatives.collect(), recorded.is_extrapolated))
    }

    #[test]
    fn a_version_without_a_point_release_may_be_on_either_side_of_a_boundary_within_it() {
        let whole = || vec!["whole".to_owned()];
        assert_eq!(recorded("255", Manager::User), Some(("cut".into(), whole(), false)));
        assert_eq!(recorded("255.3", Manager::User), Some(("cut".into(), vec![], false)));
        assert_eq!(recorded("255.4-1", Manager::User), Some(("whole".into(), vec![], false)));
        assert_eq!(recorded("254", Manager::User), Some(("whole".into(), vec![], false)));
    }

    #[test]
    fn a_value_can_depend_on_the_manager() {
        assert_eq!(recorded("258", Manager::User), Some(("whole".into(), vec![], true)));
        assert_eq!(recorded("257.2", Manager::System), Some(("missing".into(), vec![], false)));
    }

    #[test]
    fn nothing_is_recorded_below_the_first_range_or_without_the_component() {
        assert_eq!(recorded("246", Manager::User), None);
        let fact: Fact = toml::from_str(FACT).unwrap();
        let none = Versions::default();
        assert_eq!(fact.recorded(Platform { versions: &none, manager: Manager::User }), None);
    }
}
