//! Which names of a slice systemd-run accepts, which it refuses, and which it rewrites.

use crate::exec::{CommandError, Output};
use crate::fact_values;
use crate::host::Cgroup;
use crate::sandbox::{Fact, FactDecl, FactValues, Measurement, NotMeasured, ProbeContext};

fact_values! {
    /// What becomes of a scope whose slice has a name that a cgroup can have.
    enum NameFate {
        Taken = "taken",
        Rewritten = "rewritten",
        Refused = "refused",
    }
}

fact_values! {
    /// What becomes of a scope whose slice has a name that no cgroup can have.
    enum ImpossibleNameFate {
        Rewritten = "rewritten",
        Refused = "refused",
    }
}

fact_values! {
    /// What becomes of a scope in a slice with a plain name. If it is refused, nothing is measured.
    enum PlainNameFate {
        Taken = "taken",
        Rewritten = "rewritten",
    }
}

fact_values! {
    /// What becomes of a scope with an empty `--slice=`.
    enum EmptyNameFate {
        Default = "default",
        Rewritten = "rewritten",
        Refused = "refused",
    }
}

/// A form of a name: the fact, and the text before and after a name of the probe's own.
struct Form<V> {
    fact: Fact<V>,
    before: &'static str,
    after: &'static str,
}

impl<V: FactValues> Form<V> {
    const fn new(fact: &'static str, before: &'static str, after: &'static str) -> Self {
        Self { fact: Fact::new(fact), before, after }
    }

    /// Launches a scope in a slice with such a name. Where systemd creates a slice, its name begins
    /// with the probe's own, so that it is found and removed.
    fn launch(&self, context: &ProbeContext) -> Result<(Placement, Output), CommandError> {
        let label = self.fact.name().replace('-', "_");
        let own = context.unit_name(&label, "slice");
        let name = format!("{}{}{}", self.before, own.trim_end_matches(".slice"), self.after);
        let run = launch(context, Some(&name))?;
        Ok((Placement::of(&run, &name), run))
    }
}

const PLAIN: Form<PlainNameFate> = Form::new("plain", "", ".slice");
/// Bytes that are not valid text are not among the forms: while such a slice is active, no client
/// can list the manager's units.
const FORMS: [Form<NameFate>; 9] = [
    Form::new("no-suffix", "", ""),
    Form::new("space", "", " x.slice"),
    Form::new("percent", "", "%n.slice"),
    Form::new("dollar", "", "$(id).slice"),
    Form::new("double-dash", "", "--x.slice"),
    Form::new("trailing-dash", "", "-.slice"),
    Form::new("leading-dash", "-", ".slice"),
    Form::new("other-type", "", ".service"),
    Form::new("instance", "", "@x.slice"),
];
/// The kernel refuses a newline and more than 255 bytes in the name of a cgroup, and a slash
/// separates two cgroups.
const IMPOSSIBLE_FORMS: [Form<ImpossibleNameFate>; 4] = [
    Form::new("newline", "", "\nx.slice"),
    Form::new("inner-slash", "", "/x.slice"),
    Form::new("leading-slash", "/", ".slice"),
    Form::new("long", "", LONG),
];
/// More than the 255 bytes that a unit's name may have (systemd.unit(5)).
const LONG: &str = concat!(
    "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa",
    "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa",
    "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa",
    "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa",
    "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"
);
const EMPTY: Fact<EmptyNameFate> = Fact::new("empty");

pub(crate) const FACTS: &[FactDecl] = &{
    let mut facts = [EMPTY.decl(); 2 + FORMS.len() + IMPOSSIBLE_FORMS.len()];
    facts[1] = PLAIN.fact.decl();
    let mut index = 0;
    while index < FORMS.len() {
        facts[2 + index] = FORMS[index].fact.decl();
        index += 1;
    }
    let mut index = 0;
    while index < IMPOSSIBLE_FORMS.len() {
        facts[2 + FORMS.len() + index] = IMPOSSIBLE_FORMS[index].fact.decl();
        index += 1;
    }
    facts
};

pub(crate) fn measure(context: &ProbeContext) -> Result<Measurement, NotMeasured> {
    context.require_manager()?;
    let mut measurement = Measurement::default();
    // One launch after the other: the manager sends every launch in progress a signal for each
    // unit.
    let (placement, run) = PLAIN.launch(context)?;
    let value = match placement {
        Placement::Named => PlainNameFate::Taken,
        Placement::Other => PlainNameFate::Rewritten,
        // If no slice can be used, a refusal of the others says nothing.
        Placement::None => {
            return Err(NotMeasured::Unmeasured(format!(
                "no scope was started in a slice with a plain name: {}",
                run.error_summary()
            )));
        }
    };
    measurement.set_from(PLAIN.fact, value, &run);
    for form in &FORMS {
        let (placement, run) = form.launch(context)?;
        let value = match placement {
            Placement::Named => NameFate::Taken,
            Placement::Other => NameFate::Rewritten,
            Placement::None => NameFate::Refused,
        };
        measurement.set_from(form.fact, value, &run);
    }
    for form in &IMPOSSIBLE_FORMS {
        let (placement, run) = form.launch(context)?;
        let value = match placement {
            Placement::Named | Placement::Other => ImpossibleNameFate::Rewritten,
            Placement::None => ImpossibleNameFate::Refused,
        };
        measurement.set_from(form.fact, value, &run);
    }
    let (empty, unset) = (launch(context, Some(""))?, launch(context, None)?);
    let value = match (slice_of(&empty), slice_of(&unset)) {
        (None, _) => EmptyNameFate::Refused,
        (found, default) if found == default => EmptyNameFate::Default,
        (Some(_), _) => EmptyNameFate::Rewritten,
    };
    measurement.set_from(EMPTY, value, &empty);
    for key in ["refused", "rewritten"] {
        let names = facts_with(&measurement, key);
        measurement.detail(key, names);
    }
    Ok(measurement)
}

fn launch(context: &ProbeContext, slice: Option<&str>) -> Result<Output, CommandError> {
    let command = context.systemd_run().args(["--scope", "--quiet", "--collect"]);
    let command = match slice {
        None => command,
        Some(slice) => command.arg(format!("--slice={slice}")),
    };
    command.args(["--", "cat", "/proc/self/cgroup"]).run()
}

/// In which slice a command printed its cgroup.
enum Placement {
    Named,
    Other,
    None,
}

impl Placement {
    fn of(run: &Output, name: &str) -> Self {
        match slice_of(run) {
            None => Self::None,
            Some(slice) if slice == name || slice.strip_suffix(".slice") == Some(name) => {
                Self::Named
            }
            Some(_) => Self::Other,
        }
    }
}

fn slice_of(run: &Output) -> Option<String> {
    let cgroup = Cgroup::parse(&run.stdout_text()).filter(|_| run.success())?;
    Some(cgroup.user_slices().last().copied().unwrap_or("-.slice").to_owned())
}

fn facts_with(measurement: &Measurement, value: &str) -> String {
    let facts = measurement.facts.iter().filter(|(_, found)| *found == value);
    let names: Vec<&str> = facts.map(|(fact, _)| fact.as_str()).collect();
    if names.is_empty() { "none".into() } else { names.join(", ") }
}
