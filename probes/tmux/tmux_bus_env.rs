//! Whether wrapped panes of the tmux servers that run can reach the user's manager, and what
//! becomes of such a pane in a server that was started without a bus.

use super::bus_variables::BusVariables;
use super::pane::{Fate, Opening, Pane};
use super::pane_pipe::PanePipe;
use super::server_bus::{AskedServers, ServerBus};
use super::wrapper::Wrapper;
use crate::host::{RuntimeDir, SocketState, User};
use crate::sandbox::{Completed, Running, Sandbox, TmuxServer};
use crate::{Measurement, Unable};

/// Makes a session.
const OLD: [&str; 7] = ["new-session", "-d", "-s", "old", "--", "cat", ";"];
/// Extends update-environment by both variables.
const EXTEND: [&str; 5] =
    ["set-option", "-ga", "update-environment", " XDG_RUNTIME_DIR DBUS_SESSION_BUS_ADDRESS", ";"];
/// What a launch outside tmux writes.
const LAUNCHED: &str = "launched";

pub fn measure(sandbox: &Sandbox) -> Result<Measurement, Unable> {
    if !sandbox.is_user() {
        let reason = "a scope of the system manager needs no user bus in a pane's environment";
        return Err(Unable::Skipped(reason.into()));
    }
    let user = User::current();
    let wrapper = Wrapper::new(sandbox, &sandbox.unit_name("own", "slice"));
    let asked = AskedServers::ask(sandbox, &user);
    let controls = Controls::start(sandbox, &wrapper, &user)?;
    let server = TmuxServer::start(sandbox, "bare", BusVariables::remove)?;
    let mut pipe = PanePipe::make(sandbox)?;
    let (working, control) = controls.first_that_works(&user)?;

    let words = |name| wrapper.around(&Pane::living(name, &pipe));
    let with_bus = || Opening::by(working.apply(server.command()));
    let [bare, set] = with_bus()
        .pane("bare", &words("bare"))
        .then(working.set_globally())
        .pane("set", &words("set"))
        .run()?;
    let [old, new] = with_bus()
        .then(BusVariables::UNSET_GLOBALLY)
        .then(OLD)
        .then(EXTEND)
        .pane_again("old", &words("old"))
        .pane("new", &words("new"))
        .run()?;
    let [taken] = Opening::by(BusVariables::remove(server.command()))
        .then(working.set_globally())
        .pane("taken", &words("taken"))
        .run()?;

    let mut measurement = Measurement::default();
    let servers = asked?.examine(sandbox, &user, &wrapper)?;
    ServerBus::tell(&servers, "servers", &mut measurement);
    tell_mending(&working, &user, &mut measurement);
    measurement.evidence.push(control.evidence("wrapped-pane"));
    for (fact, pane) in [
        ("wrapped-pane", bare),
        ("set-environment", set),
        ("update-environment", old),
        ("update-environment-new-session", new),
        ("update-environment-over-global", taken),
    ] {
        measurement.fact_from(fact, pane.fate(&mut pipe)?.name(), &pane.opened);
    }
    measurement.summary = summary(&servers, &measurement);
    Ok(measurement)
}

fn summary(servers: &[ServerBus], measurement: &Measurement) -> String {
    let good = servers.iter().filter(|server| server.reaches()).count();
    let found = match servers.len() {
        0 => "no tmux server runs".to_owned(),
        1 => format!("one tmux server runs, {good} can launch a scope"),
        all => format!("{all} tmux servers run, {good} can launch a scope"),
    };
    let told = |fact: &str| {
        if measurement.facts[fact] == Fate::Lives.name() { "lived" } else { "died" }
    };
    format!(
        "{found}; in a private server without a bus a wrapped pane {}, after set-environment -g \
         it {}",
        told("wrapped-pane"),
        told("set-environment")
    )
}

/// Launches outside tmux, one of which must work before a pane that dies says anything.
struct Controls(Vec<(BusVariables, Running)>);

impl Controls {
    /// Launches with the doctor's own variables, and with those by convention.
    fn start(sandbox: &Sandbox, wrapper: &Wrapper, user: &User) -> Result<Self, Unable> {
        let mut candidates = vec![BusVariables::own(), BusVariables::conventional(user)];
        candidates.dedup();
        let start = |variables: BusVariables| {
            let running = variables.apply(wrapper.command(sandbox, &["echo", LAUNCHED])).start()?;
            Ok((variables, running))
        };
        candidates.into_iter().map(start).collect::<Result<_, _>>().map(Self)
    }

    fn first_that_works(self, user: &User) -> Result<(BusVariables, Completed), Unable> {
        for (variables, running) in self.0 {
            let launch = running.wait()?;
            if launch.success() && launch.text() == LAUNCHED {
                return Ok((variables, launch));
            }
            if launch.success() {
                let reason = "systemd-run succeeded outside tmux, and launched nothing";
                return Err(Unable::Unmeasured(reason.into()));
            }
        }
        Err(Unable::Skipped(format!(
            "no user manager answers, neither through this environment nor at {}",
            user.runtime_dir().display()
        )))
    }
}

/// Records what a server is to be given so that its panes reach the user's manager.
fn tell_mending(working: &BusVariables, user: &User, measurement: &mut Measurement) {
    let conventional = BusVariables::conventional(user);
    let has_manager = |variables: &BusVariables| {
        RuntimeDir::look(variables.runtime_dir.as_deref(), user.uid).has_manager()
    };
    let best = if has_manager(working) { working } else { &conventional };
    let dir = best.runtime_dir.clone().unwrap_or_default();
    let bus = std::path::Path::new(&dir).join("bus");
    let listens = SocketState::of(&bus) == SocketState::Live;
    measurement.fact("user-bus", if listens { "listens" } else { "absent" });
    measurement.detail("runtime-dir", dir.to_string_lossy());
    measurement.detail("bus-address", format!("unix:path={}", bus.display()));
}
