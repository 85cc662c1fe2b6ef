use std::collections::{BTreeMap, BTreeSet};

use serde::Serialize;

use super::record::Record;

/// What two records say differently, by the facts that both have.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub struct Difference {
    /// The components whose versions differ. `None`: that record does not name one.
    pub versions: Vec<ChangedVersion>,
    /// The facts with another value.
    pub facts: Vec<ChangedFact>,
    /// The facts that only the first record has. They are not changes: another doctor, another state of the
    /// host or a probe that could not run explains them.
    pub only_a: Vec<OneSidedFact>,
    /// The facts that only the second record has.
    pub only_b: Vec<OneSidedFact>,
}

/// A component with two versions.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct ChangedVersion {
    pub component: String,
    pub a: Option<String>,
    pub b: Option<String>,
}

/// A fact with two values.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct ChangedFact {
    pub probe: String,
    pub fact: String,
    pub a: String,
    pub b: String,
}

/// A fact that one record has and the other has not.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct OneSidedFact {
    pub probe: String,
    pub fact: String,
    pub value: String,
}

impl Difference {
    /// Compares two records.
    pub fn between(a: &Record, b: &Record) -> Self {
        let mut difference = Self { versions: changed_versions(a, b), ..Self::default() };
        for (probe, facts) in &a.facts {
            for (fact, value) in facts {
                match b.facts.get(probe).and_then(|facts| facts.get(fact)) {
                    Some(other) if other == value => {}
                    Some(other) => difference.facts.push(ChangedFact {
                        probe: probe.clone(),
                        fact: fact.clone(),
                        a: value.clone(),
                        b: other.clone(),
                    }),
                    None => difference.only_a.push(one_sided(probe, fact, value)),
                }
            }
        }
        for (probe, facts) in &b.facts {
            let known = a.facts.get(probe);
            for (fact, value) in facts {
                if !known.is_some_and(|known| known.contains_key(fact)) {
                    difference.only_b.push(one_sided(probe, fact, value));
                }
            }
        }
        difference
    }

    /// Returns whether every fact that both records have is the same. Versions may differ without a difference
    /// in behaviour.
    pub fn is_empty(&self) -> bool {
        self.facts.is_empty()
    }
}

fn one_sided(probe: &str, fact: &str, value: &str) -> OneSidedFact {
    OneSidedFact { probe: probe.to_owned(), fact: fact.to_owned(), value: value.to_owned() }
}

fn changed_versions(a: &Record, b: &Record) -> Vec<ChangedVersion> {
    let of = |versions: &BTreeMap<String, String>, component| versions.get(component).cloned();
    let components: BTreeSet<&String> = a.versions.keys().chain(b.versions.keys()).collect();
    components
        .into_iter()
        .map(|component| ChangedVersion {
            component: component.clone(),
            a: of(&a.versions, component),
            b: of(&b.versions, component),
        })
        .filter(|changed| changed.a != changed.b)
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn record(systemd: &str, facts: &[(&str, &str, &str)]) -> Record {
        let mut by_probe: BTreeMap<String, BTreeMap<String, String>> = BTreeMap::new();
        for (probe, fact, value) in facts {
            by_probe.entry((*probe).into()).or_default().insert((*fact).into(), (*value).into());
        }
        let versions = BTreeMap::from([("systemd".into(), systemd.into())]);
        Record::new(versions, by_probe, BTreeSet::new())
    }

    #[test]
    fn only_facts_that_both_sides_have_can_change() {
        let a = record("247", &[("p", "same", "x"), ("p", "other", "x"), ("q", "old", "x")]);
        let b = record("257", &[("p", "same", "x"), ("p", "other", "y"), ("p", "new", "z")]);
        let difference = Difference::between(&a, &b);
        let [changed] = difference.facts.as_slice() else { panic!("{difference:?}") };
        assert_eq!(
            (changed.fact.as_str(), changed.a.as_str(), changed.b.as_str()),
            ("other", "x", "y")
        );
        assert_eq!(difference.only_a, [one_sided("q", "old", "x")]);
        assert_eq!(difference.only_b, [one_sided("p", "new", "z")]);
        assert_eq!(difference.versions.len(), 1);
        assert!(!difference.is_empty());
    }

    #[test]
    fn another_version_and_facts_of_one_side_are_no_difference() {
        let a = record("247", &[("p", "same", "x")]);
        let b = record("257", &[("p", "same", "x"), ("q", "new", "x")]);
        assert!(Difference::between(&a, &b).is_empty());
        assert!(Difference::between(&b, &a).is_empty());
    }
}
