use launch_probes::{PROBES, Probe};

use super::card::Card;

/// A probe and its card.
#[derive(Debug)]
pub struct Entry {
    pub probe: &'static Probe,
    pub card: Card,
}

/// Probes with their cards, in the order of the registry.
#[derive(Debug)]
pub struct Catalogue(Vec<Entry>);

/// A name that is neither a probe's id nor a group.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
#[error("there is no probe or group `{name}`{}; `doctor list` shows all", nearest.as_ref().map(|near| format!(" (did you mean `{near}`?)")).unwrap_or_default())]
pub struct Unknown {
    name: String,
    nearest: Option<String>,
}

impl Catalogue {
    /// All probes, or those that `wanted` names by id or group, without those that `unwanted`
    /// names.
    ///
    /// # Errors
    /// When a name is neither an id nor a group.
    pub fn select(wanted: &[String], unwanted: &[String]) -> Result<Self, Unknown> {
        for name in wanted.iter().chain(unwanted) {
            if !PROBES.iter().any(|probe| is_named(probe, name)) {
                return Err(Unknown { name: name.clone(), nearest: nearest(name) });
            }
        }
        let any = |names: &[String], probe| names.iter().any(|name| is_named(probe, name));
        let selected = PROBES
            .iter()
            .filter(|probe| wanted.is_empty() || any(wanted, probe))
            .filter(|probe| !any(unwanted, probe));
        Ok(Self(selected.map(Entry::of).collect()))
    }

    /// Its entries.
    pub fn entries(&self) -> &[Entry] {
        &self.0
    }
}

impl Entry {
    fn of(probe: &'static Probe) -> Self {
        let card = Card::parse(probe.card)
            .unwrap_or_else(|error| panic!("the card of {} does not parse: {error}", probe.name));
        Self { probe, card }
    }
}

fn is_named(probe: &Probe, name: &str) -> bool {
    probe.group == name || probe.id() == name
}

/// The id or group that is spelt most like `name`, if one is at all like it.
fn nearest(name: &str) -> Option<String> {
    PROBES
        .iter()
        .flat_map(|probe| [probe.id(), probe.group.to_owned()])
        .map(|candidate| (strsim::jaro_winkler(name, &candidate), candidate))
        .filter(|(likeness, _)| *likeness > 0.7)
        .max_by(|(a, _), (b, _)| a.total_cmp(b))
        .map(|(_, candidate)| candidate)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_card_parses_and_bears_its_probes_id() {
        for entry in Catalogue::select(&[], &[]).unwrap().entries() {
            assert_eq!(entry.card.id, entry.probe.id());
        }
    }

    #[test]
    fn a_group_selects_its_probes_and_skip_takes_away() {
        let all = Catalogue::select(&["lock".into()], &[]).unwrap();
        assert!(all.entries().iter().all(|entry| entry.probe.group == "lock"));
        let none = Catalogue::select(&["flock-order".into()], &["lock".into()]).unwrap();
        assert!(none.entries().is_empty());
    }

    #[test]
    fn a_misspelt_id_is_answered_with_the_nearest() {
        let error = Catalogue::select(&["env-block-space".into()], &[]).unwrap_err();
        assert!(error.to_string().contains("did you mean `env-block-spaces`?"), "{error}");
        let error = Catalogue::select(&["zzz".into()], &[]).unwrap_err();
        assert_eq!(error.to_string(), "there is no probe or group `zzz`; `doctor list` shows all");
    }
}
