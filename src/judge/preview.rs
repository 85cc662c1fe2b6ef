use std::collections::BTreeMap;

use launch_probes::host::{Component, Versions};
use schemars::JsonSchema;
use serde::Serialize;

use super::card::{Card, FactValue, Kind};
use super::recorded::Platform;

/// What changes for launchers when components change their versions, by the cards alone.
#[derive(Debug, Clone, PartialEq, Serialize, JsonSchema)]
pub struct Preview {
    /// The version of this layout.
    #[schemars(extend("const" = 1))]
    pub schema: u32,
    /// The version of each component before.
    pub from: BTreeMap<String, String>,
    /// The version of each component afterwards.
    pub to: BTreeMap<String, String>,
    /// The behaviours that change, the worst first.
    pub changes: Vec<BehaviourChange>,
    /// How many behaviours stay as they are.
    pub unchanged: usize,
    /// The behaviours that are not recorded for a version that was asked for.
    pub unknown: Vec<UnknownBehaviour>,
}

/// One behaviour that changes.
#[derive(Debug, Clone, PartialEq, Serialize, JsonSchema)]
pub struct BehaviourChange {
    /// The probe's id.
    pub id: String,
    /// The failure mode in a few words.
    pub title: String,
    /// What the change amounts to.
    pub effect: Effect,
    /// The facts that change, in the order of the card.
    pub facts: Vec<FactChange>,
    /// The workaround in one sentence, where one is needed afterwards or may go.
    pub workaround: Option<String>,
    /// The commands of the workaround, where it is needed afterwards.
    pub commands: Vec<String>,
}

/// What a change amounts to, the worst first.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Effect {
    /// Something that works today becomes a problem.
    Breaks,
    /// A problem becomes another one, so that its workaround has to be looked at.
    NeedsWorkaround,
    /// The workaround may go.
    MayRelax,
    /// It differs, and neither makes nor ends a problem.
    Differs,
}

/// One fact that changes.
#[derive(Debug, Clone, PartialEq, Serialize, JsonSchema)]
pub struct FactChange {
    /// The fact.
    pub fact: String,
    /// The value before.
    pub from: String,
    /// The value afterwards.
    pub to: String,
    /// What the value afterwards means, in one sentence.
    pub description: String,
    /// Where the boundary between the two comes from, if the card names a source.
    pub source: Option<String>,
}

/// A behaviour about which nothing is recorded for a version.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, JsonSchema)]
pub struct UnknownBehaviour {
    /// The probe's id.
    pub id: String,
    /// The component.
    pub component: String,
    /// The newest version on which it was measured; `None` if the version is older than all.
    pub newest: Option<String>,
}

impl Preview {
    /// Compares what the cards record for two platforms.
    pub fn between<'a>(
        cards: impl IntoIterator<Item = &'a Card>,
        from: Platform,
        to: Platform,
    ) -> Self {
        let mut preview = Self {
            schema: 1,
            from: by_name(from.versions),
            to: by_name(to.versions),
            changes: Vec::new(),
            unchanged: 0,
            unknown: Vec::new(),
        };
        for card in cards {
            let Some(behaviour) = Behaviour::of(card, from, to) else { continue };
            if let Some(unknown) = behaviour.unknown {
                preview.unknown.push(unknown);
            } else if behaviour.facts.is_empty() {
                preview.unchanged += 1;
            }
            if !behaviour.facts.is_empty() {
                preview.changes.push(change(
                    card,
                    behaviour.facts,
                    &behaviour.before,
                    &behaviour.after,
                ));
            }
        }
        preview.changes.sort_by_key(|change| change.effect);
        preview
    }
}

impl Preview {
    /// Returns the behaviours that are not known, by component and by the newest version on which
    /// they were measured.
    pub fn unknown_by_component(&self) -> Vec<(&str, Option<&str>, Vec<&str>)> {
        let mut groups: BTreeMap<(&str, Option<&str>), Vec<&str>> = BTreeMap::new();
        for unknown in &self.unknown {
            let key = (unknown.component.as_str(), unknown.newest.as_deref());
            groups.entry(key).or_default().push(&unknown.id);
        }
        groups.into_iter().map(|((component, newest), ids)| (component, newest, ids)).collect()
    }
}

/// What is recorded of one card for both platforms.
struct Behaviour {
    before: BTreeMap<String, String>,
    after: BTreeMap<String, String>,
    facts: Vec<FactChange>,
    unknown: Option<UnknownBehaviour>,
}

impl Behaviour {
    /// `None` for a card that is about this host alone.
    fn of(card: &Card, from: Platform, to: Platform) -> Option<Self> {
        let mut this = Self {
            before: BTreeMap::new(),
            after: BTreeMap::new(),
            facts: Vec::new(),
            unknown: None,
        };
        let mut has_behaviour = false;
        for (name, fact) in &card.facts {
            if card.kind_of(fact) != Kind::Pin || fact.nondeterministic {
                continue;
            }
            has_behaviour = true;
            let Some(component) = fact.expect.first().map(|expect| expect.on.component) else {
                continue;
            };
            let is_same_version = from.versions.get(component) == to.versions.get(component)
                && from.manager == to.manager;
            let (before, after) = (fact.recorded(from), fact.recorded(to));
            let is_known = after.as_ref().is_some_and(|after| !after.is_extrapolated);
            if !is_known && !is_same_version && to.versions.get(component).is_some() {
                let newest =
                    fact.expect.iter().flat_map(super::expectation::Expectation::measured).max();
                this.unknown.get_or_insert(UnknownBehaviour {
                    id: card.id.clone(),
                    component: component.name().to_owned(),
                    newest: after.is_some().then_some(newest).flatten().map(|it| it.to_string()),
                });
            }
            let (Some(before), Some(after)) = (before, after) else { continue };
            this.before.insert(name.clone(), before.value.to_owned());
            this.after.insert(name.clone(), after.value.to_owned());
            if before.value != after.value {
                let description = fact.values.get(after.value).map(|value| &value.description);
                this.facts.push(FactChange {
                    fact: name.clone(),
                    from: before.value.to_owned(),
                    to: after.value.to_owned(),
                    description: description.map(|text| one_line(text)).unwrap_or_default(),
                    source: after.source.or(before.source).map(str::to_owned),
                });
            }
        }
        has_behaviour.then_some(this)
    }
}

fn change(
    card: &Card,
    facts: Vec<FactChange>,
    before: &BTreeMap<String, String>,
    after: &BTreeMap<String, String>,
) -> BehaviourChange {
    let is_problem = |fact: &str, value: &str| {
        card.facts[fact].values.get(value).is_some_and(FactValue::is_problem)
    };
    let breaks = |it: &FactChange| !is_problem(&it.fact, &it.from) && is_problem(&it.fact, &it.to);
    let moves = |it: &FactChange| is_problem(&it.fact, &it.from) && is_problem(&it.fact, &it.to);
    let effect = if facts.iter().any(breaks) {
        Effect::Breaks
    } else if card.is_relaxed_by(after) && !card.is_relaxed_by(before) {
        Effect::MayRelax
    } else if facts.iter().any(moves) {
        Effect::NeedsWorkaround
    } else {
        Effect::Differs
    };
    let is_needed = matches!(effect, Effect::Breaks | Effect::NeedsWorkaround);
    let is_named = is_needed || effect == Effect::MayRelax;
    BehaviourChange {
        id: card.id.clone(),
        title: card.title.clone(),
        effect,
        facts,
        workaround: is_named.then(|| one_line(&card.workaround.text)),
        commands: if is_needed { card.workaround.commands.clone() } else { Vec::new() },
    }
}

fn by_name(versions: &Versions) -> BTreeMap<String, String> {
    Component::ALL
        .into_iter()
        .filter_map(|component| {
            Some((component.name().to_owned(), versions.get(component)?.to_owned()))
        })
        .collect()
}

fn one_line(text: &str) -> String {
    text.split_whitespace().collect::<Vec<_>>().join(" ")
}
