//! Measures whether tmux moves panes into scopes of their own, and into which slice.

use super::support::bounded_list::count;
use super::support::bus_variables::BusVariables;
use super::support::empty_scopes::empty_scopes;
use super::support::pane::{Pane, PaneBuilder};
use super::support::pane_fifo::PaneFifo;
use super::support::spawn_scope::SpawnScopes;
use crate::fact_values;
use crate::host::Cgroup;
use crate::sandbox::{Fact, FactDecl, Measurement, NotMeasured};
use crate::sandbox::{PrivateTmuxServer, ProbeContext};

const OUTSIDE_SERVER: Fact<PlaceOutside> = Fact::new("outside-server");
const SERVICE_SERVER: Fact<Place> = Fact::new("service-server");
const BARE_SERVER: Fact<Place> = Fact::new("bare-server");
const MENDED_SERVER: Fact<Place> = Fact::new("mended-server");
const SERVER_STOP: Fact<Coupling> = Fact::new("server-stop");
const EMPTY_SCOPES: Fact<EmptyScopes> = Fact::new("empty-scopes");
pub(crate) const FACTS: &[FactDecl] = &[
    OUTSIDE_SERVER.decl(),
    SERVICE_SERVER.decl(),
    BARE_SERVER.decl(),
    MENDED_SERVER.decl(),
    SERVER_STOP.decl(),
    EMPTY_SCOPES.decl(),
];

fact_values! {
    /// The cgroup of a pane.
    pub(crate) enum Place {
        ServerCgroup = "server-cgroup",
        ServerSlice = "server-slice",
        ManagerRoot = "manager-root",
    }
}

fact_values! {
    /// The cgroup of a pane whose server is outside the user manager, and so in no slice of it.
    pub(crate) enum PlaceOutside {
        ServerCgroup = "server-cgroup",
        ManagerRoot = "manager-root",
    }
}

fact_values! {
    /// The relation of a pane's unit to its server's.
    pub(crate) enum Coupling {
        SameUnit = "same-unit",
        Apart = "apart",
        PartOf = "part-of",
    }
}

fact_values! {
    /// Whether scopes of panes on this host have no process.
    pub(crate) enum EmptyScopes {
        None = "none",
        Some = "some",
    }
}

pub(crate) fn measure(context: &ProbeContext) -> Result<Measurement, NotMeasured> {
    if !context.is_user() {
        return Err(NotMeasured::Skipped("tmux asks only the user's manager for scopes".into()));
    }
    context.require_manager()?;
    // A server in a system service, such as cron, is no case of the card: it has no user slice.
    let cgroup = Cgroup::of_pid(std::process::id())?;
    let is_in_session = !cgroup.is_below_user_manager()
        && cgroup.units().any(|unit| unit.starts_with("session-") && unit.ends_with(".scope"));
    let bare = PrivateTmuxServer::start(context, "bare", BusVariables::remove)?;
    let service = PrivateTmuxServer::start(context, "service", |tmux| {
        tmux.wrapped_in(service_command(context))
    })?;
    let here = is_in_session
        .then(|| PrivateTmuxServer::start(context, "here", |tmux| tmux))
        .transpose()?;
    let mut fifo = PaneFifo::create(context)?;
    let words = |name| Pane::heartbeat_command(name, &fifo);
    let [bare_pane, updated_pane] = PaneBuilder::new(bare.command())
        .pane("bare", &words("bare"))
        .then(BusVariables::own().set_globally())
        .pane("updated", &words("updated"))
        .run()?;
    let [service_pane] =
        PaneBuilder::new(service.command()).pane("service", &words("service")).run()?;
    let open_outside = |here: &PrivateTmuxServer| -> Result<[Pane; 1], NotMeasured> {
        PaneBuilder::new(here.command()).pane("outside", &words("outside")).run()
    };
    let outside_pane = here.as_ref().map(open_outside).transpose()?;
    let panes = [
        (BARE_SERVER, &bare, &bare_pane),
        (MENDED_SERVER, &bare, &updated_pane),
        (SERVICE_SERVER, &service, &service_pane),
    ];
    for pane in panes.iter().map(|(.., pane)| *pane).chain(outside_pane.iter().flatten()) {
        pane.require_alive(&mut fifo)?;
    }

    let mut scopes = SpawnScopes::list(context)?;
    let scope = scopes.of_pid(service_pane.pid);
    let mut measurement = Measurement::default();
    for (fact, server, pane) in panes {
        let place = find_place(context, server, pane, &mut scopes)?;
        measurement.add_evidence(fact.name(), &pane.opened);
        measurement.set_from(fact, place, &scopes.listed);
    }
    for (server, [pane]) in here.iter().zip(&outside_pane) {
        let place = match find_place(context, server, pane, &mut scopes)? {
            Place::ServerCgroup => PlaceOutside::ServerCgroup,
            // Such a server has no slice of the user manager.
            Place::ServerSlice | Place::ManagerRoot => PlaceOutside::ManagerRoot,
        };
        measurement.add_evidence(OUTSIDE_SERVER.name(), &pane.opened);
        measurement.set_from(OUTSIDE_SERVER, place, &scopes.listed);
    }
    record_coupling(context, scope, &mut measurement)?;
    record_empty_scopes(context, &scopes, &mut measurement)?;
    Ok(measurement)
}

/// Returns the words that start a tmux server in a service and a slice of the probe's own. The
/// service is of type forking, so systemd-run returns when the server runs. A server that is stopped
/// while it starts can lose SIGTERM (4 of 150 times with tmux 3.7c), so the stop does not wait for long.
fn service_command(context: &ProbeContext) -> Vec<String> {
    let mut words = ["systemd-run", "--user", "--quiet", "--collect", "--service-type=forking"]
        .map(str::to_owned)
        .to_vec();
    words.push(format!("--unit={}", context.unit_name("server", "service")));
    words.push(format!("--slice={}", context.unit_name("own", "slice")));
    words.push("--property=TimeoutStopSec=1s".to_owned());
    // A service gets the manager's PATH, which may lack the directory of tmux.
    let path = std::env::var("PATH").ok().map(|path| format!("--setenv=PATH={path}"));
    words.extend(path);
    words.push("--".to_owned());
    words
}

/// Waits until a pane is where tmux moves it, and classifies its cgroup.
fn find_place(
    context: &ProbeContext,
    server: &PrivateTmuxServer,
    pane: &Pane,
    scopes: &mut SpawnScopes,
) -> Result<Place, NotMeasured> {
    let ended = || NotMeasured::Unmeasured("a private tmux server has exited".into());
    let server = Cgroup::of_pid(server.pid().ok_or_else(ended)?)?;
    let cgroup = scopes.wait_until_moved(context, pane.pid)?;
    classify(&server, &cgroup, scopes.of_pid(pane.pid).is_some()).ok_or_else(|| {
        let (pane, server) = (cgroup.path(), server.path());
        NotMeasured::Unmeasured(format!("a pane runs in {pane}, its server in {server}"))
    })
}

/// Classifies the cgroup of a pane; `None` if it is none of the places on the card.
fn classify(server: &Cgroup, pane: &Cgroup, has_scope: bool) -> Option<Place> {
    if !has_scope {
        return (pane == server).then_some(Place::ServerCgroup);
    }
    if !pane.is_below_user_manager() {
        return None;
    }
    let slices = pane.user_slices();
    if server.is_below_user_manager() && slices == server.user_slices() {
        return Some(Place::ServerSlice);
    }
    slices.is_empty().then_some(Place::ManagerRoot)
}

/// Records how the scope of a pane depends on the unit of its server.
fn record_coupling(
    context: &ProbeContext,
    scope: Option<String>,
    measurement: &mut Measurement,
) -> Result<(), NotMeasured> {
    let Some(scope) = scope else {
        measurement.set(SERVER_STOP, Coupling::SameUnit);
        return Ok(());
    };
    let shown = context.systemctl().args(["show", "--property=PartOf", "--", &scope]).run()?;
    let coupling =
        if shown.stdout_text() == "PartOf=" { Coupling::Apart } else { Coupling::PartOf };
    measurement.set_from(SERVER_STOP, coupling, &shown);
    Ok(())
}

/// Records which scopes of panes on this host have no process.
fn record_empty_scopes(
    context: &ProbeContext,
    scopes: &SpawnScopes,
    measurement: &mut Measurement,
) -> Result<(), NotMeasured> {
    let empty = empty_scopes(context, scopes)?;
    let value = if empty.is_empty() { EmptyScopes::None } else { EmptyScopes::Some };
    measurement.set_from(EMPTY_SCOPES, value, &scopes.listed);
    measurement.detail("empty", count(empty.len(), "scope"));
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sandbox::FactValues;

    const MANAGER: &str = "0::/user.slice/user-1.slice/user@1.service";

    #[test]
    fn the_place_of_a_pane_follows_from_its_slices() {
        let cgroup = |path: &str| Cgroup::parse(&format!("{MANAGER}{path}")).unwrap();
        let session = Cgroup::parse("0::/user.slice/user-1.slice/session-1.scope").unwrap();
        let service = cgroup("/a.slice/a-b.slice/server.service");
        let at_root = cgroup("/tmux-spawn-1.scope");
        let beside = cgroup("/a.slice/a-b.slice/tmux-spawn-1.scope");
        let elsewhere = cgroup("/app.slice/tmux-spawn-1.scope");
        let place = |fact: Fact<Place>, server, pane, has_scope| {
            (fact.name(), classify(server, pane, has_scope).map_or("", Place::as_str))
        };
        for (found, expected) in [
            (place(BARE_SERVER, &session, &session, false), ("bare-server", "server-cgroup")),
            (place(BARE_SERVER, &session, &at_root, true), ("bare-server", "manager-root")),
            (place(SERVICE_SERVER, &service, &beside, true), ("service-server", "server-slice")),
            (place(SERVICE_SERVER, &service, &at_root, true), ("service-server", "manager-root")),
            (place(SERVICE_SERVER, &service, &elsewhere, true), ("service-server", "")),
            (place(BARE_SERVER, &session, &service, false), ("bare-server", "")),
        ] {
            assert_eq!(found, expected);
        }
    }
}
