//! Measures in which unit each running tmux server is, and what would end it there.

use std::collections::BTreeSet;

use super::support::bounded_list::{bounded_list, count};
use super::support::server_oomd::OomdRisk;
use super::support::server_share::ServerShare;
use super::support::server_unit::{ServerUnit, UnitRelation};
use crate::fact_values;
use crate::host::{KillPolicy, User, is_booted_with_systemd};
use crate::sandbox::ProbeContext;
use crate::sandbox::user_tmux_servers;
use crate::sandbox::{Fact, FactDecl, Measurement, NotMeasured};

const HOME: Fact<Home> = Fact::new("home");
const FOUNDER: Fact<Founder> = Fact::new("founder");
const OOM: Fact<OomKill> = Fact::new("oom-kill");
const OOMD: Fact<OomdKill> = Fact::new("oomd");
pub(crate) const FACTS: &[FactDecl] = &[HOME.decl(), FOUNDER.decl(), OOM.decl(), OOMD.decl()];

fact_values! {
    /// Whether systemd-oomd may kill the unit of a server when memory or swap runs short.
    enum OomdKill {
        Spared = "spared",
        Kill = "oomd-kill",
    }
}

fact_values! {
    /// Whether the unit of a server was made for one of several sessions.
    enum Founder {
        None = "none",
        Session = "session",
    }
}

fact_values! {
    /// What an OOM kill of one process in a pane ends.
    enum OomKill {
        Process = "process",
        Server = "server",
    }
}

fact_values! {
    /// The unit of the server that is worst off.
    pub(crate) enum Home {
        NoServer = "none",
        OwnUnit = "own-unit",
        Session = "session",
        SparingService = "sparing-service",
        SharedScope = "shared-scope",
        Service = "service",
        KilledSession = "killed-session",
    }
}

pub(crate) fn measure(context: &ProbeContext) -> Result<Measurement, NotMeasured> {
    if !is_booted_with_systemd() {
        return Err(NotMeasured::Skipped("PID 1 is not systemd, so this host has no units".into()));
    }
    let user = User::current();
    let mut units = Vec::new();
    for server in user_tmux_servers(user.uid)? {
        units.extend(ServerUnit::find(context, server)?);
    }
    let mut measurement = Measurement::default();
    let worst = units.iter().map(|unit| unit.relation).max();
    let ends_with_session = units.iter().any(|unit| unit.relation == UnitRelation::Session)
        && kills_leftovers(context, &user, &mut measurement);
    measurement.set(HOME, classify(worst, ends_with_session));
    for run in units.iter().flat_map(|unit| &unit.evidence) {
        measurement.add_evidence(HOME.name(), run);
    }
    let is_at_risk = |unit: &&ServerUnit| match unit.relation {
        UnitRelation::Own | UnitRelation::KeptByService => false,
        UnitRelation::Session => ends_with_session,
        UnitRelation::SharedScope | UnitRelation::EndedByService => true,
    };
    let at_risk: Vec<&ServerUnit> = units.iter().filter(is_at_risk).collect();
    measurement.detail("troubled", describe(at_risk.iter().copied()));
    measurement.detail("all", describe(&units));
    let pids = at_risk.iter().map(|unit| unit.server.pid.to_string());
    // The scope to which the fix moves a server spares it at an OOM kill, where scopes have a policy.
    let has_policy = !at_risk.is_empty() && scopes_have_oom_policy(context)?;
    measurement.list("pid", pids.clone().filter(|_| !has_policy));
    measurement.list("spared-pid", pids.filter(|_| has_policy));
    record_shares(context, &units, &mut measurement);
    record_oomd(context, &units, &mut measurement)?;
    Ok(measurement)
}

/// Records what the end of a unit, or an OOM kill in it, takes along.
fn record_shares(context: &ProbeContext, units: &[ServerUnit], measurement: &mut Measurement) {
    let (mut founded, mut ended, mut founders) = (Vec::new(), Vec::new(), Vec::new());
    for unit in units {
        let Some(share) = ServerShare::find(context, unit) else { continue };
        let sessions = share.sessions.len();
        let place = format!("{} with {}", unit.unit, count(sessions, "session"));
        if let Some(session) = share.founder {
            founded.push(format!("{place}, made for the session {session}"));
            founders.push(unit.unit.clone());
        }
        if share.ends_on_oom {
            ended.push(place);
        }
        for run in &share.evidence {
            measurement.add_evidence(FOUNDER.name(), run);
        }
    }
    measurement.set(FOUNDER, if founded.is_empty() { Founder::None } else { Founder::Session });
    measurement.set(OOM, if ended.is_empty() { OomKill::Process } else { OomKill::Server });
    measurement.detail("founded", bounded_list(&founded));
    measurement.detail("ended", bounded_list(&ended));
    measurement.list("founder-unit", founders);
}

/// Records by which settings systemd-oomd may kill a server.
fn record_oomd(
    context: &ProbeContext,
    units: &[ServerUnit],
    measurement: &mut Measurement,
) -> Result<(), NotMeasured> {
    let (mut user, mut system, mut avoidable) = (BTreeSet::new(), BTreeSet::new(), BTreeSet::new());
    let mut killing = BTreeSet::new();
    let risks = OomdRisk::find_all(context, units).into_iter().filter(OomdRisk::is_set);
    for (number, risk) in risks.enumerate() {
        for run in risk.evidence.iter().filter(|_| number == 0) {
            measurement.add_evidence(OOMD.name(), run);
        }
        killing.extend([&risk.user_units[..], &risk.system_units[..]].concat());
        if let Some(unit) = risk.avoidable {
            avoidable.insert(unit);
        } else {
            user.extend(risk.user_units);
            system.extend(risk.system_units);
        }
    }
    let is_at_risk = !killing.is_empty() && runs_oomd(context, measurement)?;
    measurement.set(OOMD, if is_at_risk { OomdKill::Kill } else { OomdKill::Spared });
    measurement.detail("killing", bounded_list(&killing.into_iter().collect::<Vec<_>>()));
    measurement.list("oomd-unit", user);
    measurement.list("oomd-system-unit", system);
    measurement.list("avoidable-unit", avoidable);
    Ok(())
}

/// Returns whether systemd-oomd runs: without it the settings have no effect.
fn runs_oomd(context: &ProbeContext, measurement: &mut Measurement) -> Result<bool, NotMeasured> {
    let run = context.command("systemctl").args(["--system", "is-active", "systemd-oomd.service"]);
    let run = run.run()?;
    measurement.add_evidence(OOMD.name(), &run);
    Ok(run.success())
}

/// Returns whether scopes of the user manager have `OOMPolicy=` (systemd 252.5, and 253 on).
fn scopes_have_oom_policy(context: &ProbeContext) -> Result<bool, NotMeasured> {
    let show = context.command("systemctl").arg("--user");
    let run = show.args(["show", "--property=OOMPolicy", "init.scope"]).run()?;
    Ok(run.stdout_text().starts_with("OOMPolicy="))
}

fn classify(worst: Option<UnitRelation>, ends_with_session: bool) -> Home {
    match worst {
        None => Home::NoServer,
        Some(_) if ends_with_session => Home::KilledSession,
        Some(UnitRelation::Own) => Home::OwnUnit,
        Some(UnitRelation::Session) => Home::Session,
        Some(UnitRelation::KeptByService) => Home::SparingService,
        Some(UnitRelation::SharedScope) => Home::SharedScope,
        Some(UnitRelation::EndedByService) => Home::Service,
    }
}

fn describe<'a>(units: impl IntoIterator<Item = &'a ServerUnit>) -> String {
    let lines = units.into_iter().map(|unit| {
        let name = if unit.unit.is_empty() { "no unit" } else { &unit.unit };
        format!("{} (process {}) is in {name}", unit.server.path.display(), unit.server.pid)
    });
    bounded_list(&lines.collect::<Vec<_>>())
}

/// Returns whether logind kills what a session of this user leaves behind. Where that cannot be
/// measured, the finding is that of logout-policy.
fn kills_leftovers(context: &ProbeContext, user: &User, measurement: &mut Measurement) -> bool {
    let Ok(policy) = KillPolicy::query(context.access(), user) else { return false };
    measurement.add_evidence(HOME.name(), &policy.run);
    policy.kills(user.uid)
}
