//! Measures whether wrapped panes of the running tmux servers can reach the user's manager, and
//! whether such a pane runs in a server that was started without a bus.

use super::support::bus_variables::BusVariables;
use super::support::pane::{Pane, PaneBuilder, PaneState};
use super::support::pane_fifo::PaneFifo;
use super::support::server_reachability::{BusState, PendingServers, ServerCheck};
use super::support::wrapper::Wrapper;
use crate::exec::{Child, Output};
use crate::fact_values;
use crate::host::{RuntimeDir, SocketState, User};
use crate::sandbox::{Fact, FactDecl, Measurement, NotMeasured};
use crate::sandbox::{PrivateTmuxServer, ProbeContext};

const SERVERS: Fact<BusState> = Fact::new("servers");
const USER_BUS: Fact<UserBus> = Fact::new("user-bus");
const WRAPPED_PANE: Fact<PaneState> = Fact::new("wrapped-pane");
const SET_ENVIRONMENT: Fact<PaneState> = Fact::new("set-environment");
const UPDATE_ENVIRONMENT: Fact<PaneState> = Fact::new("update-environment");
const NEW_SESSION: Fact<PaneState> = Fact::new("update-environment-new-session");
const OVER_GLOBAL: Fact<PaneState> = Fact::new("update-environment-over-global");
pub(crate) const FACTS: &[FactDecl] = &[
    SERVERS.decl(),
    USER_BUS.decl(),
    WRAPPED_PANE.decl(),
    SET_ENVIRONMENT.decl(),
    UPDATE_ENVIRONMENT.decl(),
    NEW_SESSION.decl(),
    OVER_GLOBAL.decl(),
];

fact_values! {
    /// Whether the user's message bus has a listener.
    pub(crate) enum UserBus {
        Listens = "listens",
        Absent = "absent",
    }
}

/// Makes a session before `update-environment` is extended.
const OLD_SESSION: [&str; 7] = ["new-session", "-d", "-s", "old", "--", "cat", ";"];
/// Extends `update-environment` by both variables.
const EXTEND_UPDATE_ENVIRONMENT: [&str; 5] =
    ["set-option", "-ga", "update-environment", " XDG_RUNTIME_DIR DBUS_SESSION_BUS_ADDRESS", ";"];
/// The output of a launch outside tmux.
const LAUNCHED: &str = "launched";

pub(crate) fn measure(context: &ProbeContext) -> Result<Measurement, NotMeasured> {
    if !context.is_user() {
        let reason = "a scope of the system manager needs no user bus in a pane's environment";
        return Err(NotMeasured::Skipped(reason.into()));
    }
    let user = User::current();
    let wrapper = Wrapper::new(context, &context.unit_name("own", "slice"));
    let pending = PendingServers::query(context, &user);
    let controls = ControlLaunches::start(context, &wrapper, &user)?;
    let server = PrivateTmuxServer::start(context, "bare", BusVariables::remove)?;
    let mut fifo = PaneFifo::create(context)?;
    let (working, control) = controls.first_success(&user)?;

    let words = |name| wrapper.wrap(&Pane::heartbeat_command(name, &fifo));
    let with_bus = || PaneBuilder::new(working.apply(server.command()));
    let [bare, set] = with_bus()
        .pane("bare", &words("bare"))
        .then(working.set_globally())
        .pane("set", &words("set"))
        .run()?;
    let [old, new] = with_bus()
        .then(BusVariables::UNSET_GLOBALLY)
        .then(OLD_SESSION)
        .then(EXTEND_UPDATE_ENVIRONMENT)
        .respawn("old", &words("old"))
        .pane("new", &words("new"))
        .run()?;
    let [over_global] = PaneBuilder::new(BusVariables::remove(server.command()))
        .then(working.set_globally())
        .pane("over-global", &words("over-global"))
        .run()?;

    let mut measurement = Measurement::default();
    let checks = pending?.check(context, &user, &wrapper)?;
    ServerCheck::record(&checks, SERVERS, &mut measurement);
    record_fix_details(&working, &user, &mut measurement);
    measurement.add_evidence(WRAPPED_PANE.name(), &control);
    for (fact, pane) in [
        (WRAPPED_PANE, bare),
        (SET_ENVIRONMENT, set),
        (UPDATE_ENVIRONMENT, old),
        (NEW_SESSION, new),
        (OVER_GLOBAL, over_global),
    ] {
        measurement.set_from(fact, pane.state(&mut fifo)?, &pane.opened);
    }
    Ok(measurement)
}

/// Launches outside tmux. One must succeed before a pane that exits is evidence of anything.
struct ControlLaunches(Vec<(BusVariables, Child)>);

impl ControlLaunches {
    /// Launches with the doctor's own variables, and with those by convention.
    fn start(context: &ProbeContext, wrapper: &Wrapper, user: &User) -> Result<Self, NotMeasured> {
        let mut candidates = vec![BusVariables::own(), BusVariables::conventional(user)];
        candidates.dedup();
        let start = |variables: BusVariables| {
            let child = variables.apply(wrapper.command(context, &["echo", LAUNCHED])).start()?;
            Ok((variables, child))
        };
        candidates.into_iter().map(start).collect::<Result<_, _>>().map(Self)
    }

    fn first_success(self, user: &User) -> Result<(BusVariables, Output), NotMeasured> {
        for (variables, child) in self.0 {
            let launch = child.wait()?;
            if launch.success() && launch.stdout_text() == LAUNCHED {
                return Ok((variables, launch));
            }
            if launch.success() {
                let reason = "systemd-run exited with 0 outside tmux and did not start its command";
                return Err(NotMeasured::Unmeasured(reason.into()));
            }
        }
        Err(NotMeasured::Skipped(format!(
            "no user manager answers, neither through this environment nor at {}",
            user.runtime_dir().display()
        )))
    }
}

/// Records the values with which the panes of a server reach the user's manager.
fn record_fix_details(working: &BusVariables, user: &User, measurement: &mut Measurement) {
    let conventional = BusVariables::conventional(user);
    let has_manager = |variables: &BusVariables| {
        RuntimeDir::inspect(variables.runtime_dir.as_deref(), user.uid).has_manager()
    };
    let best = if has_manager(working) { working } else { &conventional };
    let dir = best.runtime_dir.clone().unwrap_or_default();
    let bus = std::path::Path::new(&dir).join("bus");
    let listens = SocketState::of(&bus) == SocketState::Live;
    measurement.set(USER_BUS, if listens { UserBus::Listens } else { UserBus::Absent });
    measurement.detail("runtime-dir", dir.to_string_lossy());
    measurement.detail("bus-address", format!("unix:path={}", bus.display()));
}
