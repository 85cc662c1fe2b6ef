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
pub struct UnknownProbe {
    name: String,
    nearest: Option<String>,
}

/// Why a selection of probes cannot be run.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
pub enum SelectError {
    #[error(transparent)]
    Unknown(#[from] UnknownProbe),
    #[error(
        "`{id}` is measured in the lab only; `doctor explain {id}` shows why, and what is known"
    )]
    LabOnly { id: String },
}

impl Catalogue {
    /// Selects the probes to run, like [`Self::select`]: those that only the lab measures are left
    /// out.
    ///
    /// # Errors
    /// When a name is neither an id nor a group, or is the id of a probe that only the lab measures.
    pub fn select_to_run(wanted: &[String], unwanted: &[String]) -> Result<Self, SelectError> {
        let Self(mut entries) = Self::select(wanted, unwanted)?;
        let lab_only = |entry: &&Entry| entry.probe.measure.is_none();
        if let Some(entry) = entries.iter().filter(lab_only).find(|it| wanted.contains(&it.card.id))
        {
            return Err(SelectError::LabOnly { id: entry.card.id.clone() });
        }
        entries.retain(|entry| entry.probe.measure.is_some());
        Ok(Self(entries))
    }

    /// Selects all probes, or those that `wanted` names by id or group, without those that `unwanted` names.
    ///
    /// # Errors
    /// When a name is neither an id nor a group.
    pub fn select(wanted: &[String], unwanted: &[String]) -> Result<Self, UnknownProbe> {
        for name in wanted.iter().chain(unwanted) {
            if !PROBES.iter().any(|probe| is_named(probe, name)) {
                return Err(UnknownProbe { name: name.clone(), nearest: nearest(name) });
            }
        }
        let any = |names: &[String], probe| names.iter().any(|name| is_named(probe, name));
        let selected = PROBES
            .iter()
            .filter(|probe| wanted.is_empty() || any(wanted, probe))
            .filter(|probe| !any(unwanted, probe));
        Ok(Self(selected.map(Entry::of).collect()))
    }

    /// Returns whether a name is a probe's id, and not a group.
    pub fn is_id(name: &str) -> bool {
        PROBES.iter().any(|probe| probe.id() == name)
    }

    /// Keeps the entries for which `keep` returns true.
    pub fn retain(&mut self, keep: impl FnMut(&Entry) -> bool) {
        self.0.retain(keep);
    }

    /// Returns the entries.
    pub fn entries(&self) -> &[Entry] {
        &self.0
    }
}

impl Entry {
    fn of(probe: &'static Probe) -> Self {
        let card = Card::from_json(probe.card)
            .unwrap_or_else(|error| panic!("the card of {} does not parse: {error}", probe.name));
        Self { probe, card }
    }
}

fn is_named(probe: &Probe, name: &str) -> bool {
    probe.group == name || probe.id() == name
}

/// Returns the id or group that `name` is most likely a misspelling of. A word of four letters may have one
/// letter wrong, one of seven two, a longer one three; two letters that changed places count as one.
fn nearest(name: &str) -> Option<String> {
    let allowed = match name.chars().count() {
        ..3 => return None,
        3..7 => 1,
        7..12 => 2,
        _ => 3,
    };
    PROBES
        .iter()
        .flat_map(|probe| [probe.id(), probe.group.to_owned()])
        .map(|candidate| (strsim::damerau_levenshtein(name, &candidate), candidate))
        .filter(|(distance, _)| *distance <= allowed)
        .min_by_key(|(distance, _)| *distance)
        .map(|(_, candidate)| candidate)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_card_parses_as_it_is_written_and_has_the_id_of_its_probe() {
        for probe in PROBES {
            let file = format!("probes/{}/{}.toml", probe.group, probe.name);
            let text = std::fs::read_to_string(&file).unwrap();
            Card::parse(&text).unwrap_or_else(|error| panic!("{file}: {error}"));
        }
        for entry in Catalogue::select(&[], &[]).unwrap().entries() {
            assert_eq!(entry.card.id, entry.probe.id());
        }
    }

    #[test]
    fn a_group_selects_its_probes_and_skip_removes_them() {
        let all = Catalogue::select(&["lock".into()], &[]).unwrap();
        assert!(all.entries().iter().all(|entry| entry.probe.group == "lock"));
        let none = Catalogue::select(&["flock-order".into()], &["lock".into()]).unwrap();
        assert!(none.entries().is_empty());
    }

    #[test]
    fn what_only_the_lab_measures_is_listed_and_not_run() {
        let id = || vec!["logout-survival".to_owned()];
        assert_eq!(Catalogue::select(&id(), &[]).unwrap().entries().len(), 1);
        for wanted in [vec![], vec!["session".to_owned()]] {
            let to_run = Catalogue::select_to_run(&wanted, &[]).unwrap();
            assert!(to_run.entries().iter().all(|entry| entry.card.id != "logout-survival"));
        }
        let error = Catalogue::select_to_run(&id(), &[]).unwrap_err().to_string();
        assert!(error.starts_with("`logout-survival` is measured in the lab only; "), "{error}");
        assert!(Catalogue::select_to_run(&["linger".into()], &id()).is_ok());
    }

    #[test]
    fn a_misspelt_id_is_answered_with_the_nearest() {
        let near = [
            ("env-block-space", "env-block-spaces"),
            ("lokc", "lock"),
            ("lingr", "linger"),
            ("flock-ordre", "flock-order"),
            ("scope-availabilty", "scope-availability"),
        ];
        for (name, meant) in near {
            let error = Catalogue::select(&[name.into()], &[]).unwrap_err().to_string();
            assert!(error.contains(&format!("did you mean `{meant}`?")), "{error}");
        }
    }

    #[test]
    fn an_id_that_is_not_near_any_other_has_no_suggestion() {
        for name in ["nope", "zzz", "no-such", "x", ""] {
            let error = Catalogue::select(&[name.into()], &[]).unwrap_err().to_string();
            assert_eq!(
                error,
                format!("there is no probe or group `{name}`; `doctor list` shows all")
            );
        }
    }
}
