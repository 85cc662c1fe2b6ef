//! Measures what tmux makes of a session name with `.` or `:` in it, and of an empty one.

use super::support::bus_variables::BusVariables;
use crate::exec::Output;
use crate::fact_values;
use crate::sandbox::{Fact, FactDecl, Measurement, NotMeasured};
use crate::sandbox::{PrivateTmuxServer, ProbeContext};

const DOT: Fact<Name> = Fact::new("dot");
const COLON: Fact<Name> = Fact::new("colon");
const EMPTY: Fact<EmptyName> = Fact::new("empty");
const DOT_TARGET: Fact<Target> = Fact::new("dot-target");
const COLON_TARGET: Fact<Target> = Fact::new("colon-target");
pub(crate) const FACTS: &[FactDecl] =
    &[DOT.decl(), COLON.decl(), EMPTY.decl(), DOT_TARGET.decl(), COLON_TARGET.decl()];

fact_values! {
    /// The name of a session that was asked for by name.
    pub(crate) enum Name {
        Kept = "kept",
        Replaced = "replaced",
        Refused = "refused",
    }
}

fact_values! {
    /// Whether a session can have an empty name.
    pub(crate) enum EmptyName {
        Accepted = "accepted",
        Refused = "refused",
    }
}

fact_values! {
    /// Whether `-t =NAME` finds a session by the name that was asked for.
    pub(crate) enum Target {
        Found = "found",
        Missing = "missing",
    }
}

pub(crate) fn measure(context: &ProbeContext) -> Result<Measurement, NotMeasured> {
    let server = PrivateTmuxServer::start(context, "server", BusVariables::remove)?;
    let create = |name: &str| {
        let words = ["new-session", "-d", "-P", "-F", "#{session_name}|", "-s", name, "--", "cat"];
        server.command().args(words).run()
    };
    let find = |name: &str| server.command().args(["has-session", "-t", &format!("={name}")]).run();
    let control = create("agent-1")?;
    if classify(&control, "agent-1") != Name::Kept || !find("agent-1")?.success() {
        return Err(NotMeasured::Unmeasured(format!(
            "the private tmux server does not find its session agent-1: {}",
            control.error_summary()
        )));
    }
    let mut measurement = Measurement::default();
    // Both names would be replaced by the same one if they differed in that character alone.
    for (fact, target, name) in [(DOT, DOT_TARGET, "agent.2"), (COLON, COLON_TARGET, "agent:3")] {
        let created = create(name)?;
        measurement.set_from(fact, classify(&created, name), &created);
        let found = find(name)?;
        let value = if found.success() { Target::Found } else { Target::Missing };
        measurement.set_from(target, value, &found);
    }
    let created = create("")?;
    let empty = match classify(&created, "") {
        Name::Refused => EmptyName::Refused,
        Name::Kept | Name::Replaced => EmptyName::Accepted,
    };
    measurement.set_from(EMPTY, empty, &created);
    Ok(measurement)
}

fn classify(run: &Output, name: &str) -> Name {
    match run.stdout_text().strip_suffix('|') {
        Some(given) if given == name => Name::Kept,
        Some(_) => Name::Replaced,
        None => Name::Refused,
    }
}
