//! Measures which session `-t NAME` acts on where no session has that name and one begins with it.

use super::support::bus_variables::BusVariables;
use crate::exec::Output;
use crate::fact_values;
use crate::sandbox::{Fact, FactDecl, Measurement, NotMeasured};
use crate::sandbox::{PrivateTmuxServer, ProbeContext};

const HAS_SESSION: Fact<Target> = Fact::new("has-session");
const EXACT_HAS_SESSION: Fact<Target> = Fact::new("exact-has-session");
const EXACT_KILL_SESSION: Fact<Target> = Fact::new("exact-kill-session");
const KILL_SESSION: Fact<Target> = Fact::new("kill-session");
pub(crate) const FACTS: &[FactDecl] =
    &[HAS_SESSION.decl(), EXACT_HAS_SESSION.decl(), EXACT_KILL_SESSION.decl(), KILL_SESSION.decl()];

fact_values! {
    /// What a command with a target that no session is called does.
    pub(crate) enum Target {
        Other = "other",
        Refused = "refused",
    }
}

/// The only session but one.
const SESSION: &str = "agent-10";
/// The target: a name that no session has.
const NAME: &str = "agent-1";
/// The same target, for an exact match (tmux(1), COMMANDS).
const EXACT: &str = "=agent-1";

pub(crate) fn measure(context: &ProbeContext) -> Result<Measurement, NotMeasured> {
    let server = PrivateTmuxServer::start(context, "server", BusVariables::remove)?;
    let tmux = |words: &[&str]| server.command().args(words).run();
    let opened = tmux(&[
        "new-session",
        "-d",
        "-s",
        "other",
        "--",
        "cat",
        ";",
        "new-session",
        "-d",
        "-s",
        SESSION,
        "--",
        "cat",
    ])?;
    let exists = || -> Result<bool, NotMeasured> {
        let listed = tmux(&["list-sessions", "-F", "#{session_name}"])?;
        if !listed.success() {
            return Err(not_listed(&listed));
        }
        Ok(listed.stdout_text().lines().any(|line| line == SESSION))
    };
    if !exists()? {
        return Err(not_listed(&opened));
    }
    let mut measurement = Measurement::default();
    for (fact, target) in [(HAS_SESSION, NAME), (EXACT_HAS_SESSION, EXACT)] {
        let run = tmux(&["has-session", "-t", target])?;
        let found = if run.success() { Target::Other } else { Target::Refused };
        measurement.set_from(fact, found, &run);
    }
    // The exact match comes first, because the other one may end the session.
    for (fact, target) in [(EXACT_KILL_SESSION, EXACT), (KILL_SESSION, NAME)] {
        let run = tmux(&["kill-session", "-t", target])?;
        let killed = if exists()? { Target::Refused } else { Target::Other };
        measurement.set_from(fact, killed, &run);
    }
    Ok(measurement)
}

fn not_listed(run: &Output) -> NotMeasured {
    NotMeasured::Unmeasured(format!(
        "the private tmux server does not list its session: {}",
        run.error_summary()
    ))
}
