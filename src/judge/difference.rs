use std::collections::{BTreeMap, BTreeSet};

use serde::Serialize;

use super::record::Record;

/// In what two records differ. An empty value means that one of them says nothing.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Difference {
    /// The components with another version.
    pub versions: Vec<Changed>,
    /// The facts with another value.
    pub facts: Vec<ChangedFact>,
}

/// A component with two versions.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Changed {
    pub component: String,
    pub a: Option<String>,
    pub b: Option<String>,
}

/// A fact with two values.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct ChangedFact {
    pub probe: String,
    pub fact: String,
    pub a: Option<String>,
    pub b: Option<String>,
}

impl Difference {
    /// Compares two records.
    pub fn between(a: &Record, b: &Record) -> Self {
        let versions = changes(&a.versions, &b.versions)
            .map(|(component, a, b)| Changed { component, a, b })
            .collect();
        let none = BTreeMap::new();
        let probes: BTreeSet<&String> = a.facts.keys().chain(b.facts.keys()).collect();
        let facts = probes
            .into_iter()
            .flat_map(|probe| {
                let of = |record: &'_ Record| record.facts.get(probe).unwrap_or(&none).clone();
                let changed: Vec<_> = changes(&of(a), &of(b)).collect();
                changed.into_iter().map(|(fact, a, b)| ChangedFact {
                    probe: probe.clone(),
                    fact,
                    a,
                    b,
                })
            })
            .collect();
        Self { versions, facts }
    }

    /// Whether the facts are the same. Versions may differ without a difference in behaviour.
    pub fn is_empty(&self) -> bool {
        self.facts.is_empty()
    }
}

/// The keys whose values differ, with both values.
fn changes(
    a: &BTreeMap<String, String>,
    b: &BTreeMap<String, String>,
) -> impl Iterator<Item = (String, Option<String>, Option<String>)> {
    let keys: BTreeSet<&String> = a.keys().chain(b.keys()).collect();
    keys.into_iter()
        .filter(|key| a.get(*key) != b.get(*key))
        .map(|key| (key.clone(), a.get(key).cloned(), b.get(key).cloned()))
        .collect::<Vec<_>>()
        .into_iter()
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
    fn only_what_differs_is_named_also_where_one_side_says_nothing() {
        let a = record("247", &[("p", "same", "x"), ("p", "other", "x"), ("q", "gone", "x")]);
        let b = record("257", &[("p", "same", "x"), ("p", "other", "y")]);
        let difference = Difference::between(&a, &b);
        let facts: Vec<_> = difference
            .facts
            .iter()
            .map(|fact| (fact.fact.as_str(), fact.a.as_deref(), fact.b.as_deref()))
            .collect();
        assert_eq!(facts, [("other", Some("x"), Some("y")), ("gone", Some("x"), None)]);
        assert_eq!(difference.versions.len(), 1);
    }

    #[test]
    fn a_new_version_that_behaves_the_same_is_no_difference() {
        let facts = [("p", "same", "x")];
        assert!(Difference::between(&record("247", &facts), &record("257", &facts)).is_empty());
    }
}
