use std::path::Path;

use super::bus_variables::{BusVariables, Defect};
use super::wrapper::Wrapper;
use crate::host::{AskedVariables, TmuxSocket, Untold, User, Variable, tmux_sockets};
use crate::sandbox::{Completed, Running, Sandbox};
use crate::{Measurement, Unable};

/// A running tmux server of the user's, and the way that leads from it to the user's manager.
pub struct ServerBus {
    socket: TmuxSocket,
    state: State,
    evidence: Vec<Completed>,
}

/// What becomes of a wrapped pane there, from the best to the worst.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub enum State {
    /// A scope can be launched.
    Reaches,
    /// It can, but nobody listens on the message bus.
    DeadBusAddress,
    /// Nothing can be asked through its socket.
    Unreachable,
    /// It does not answer.
    Silent,
    /// No scope can be launched.
    CutOff(Defect),
}

impl State {
    /// The word for it on the card.
    pub fn name(&self) -> &'static str {
        match self {
            Self::Reaches => "reach",
            Self::DeadBusAddress => "dead-bus-address",
            Self::Unreachable => "unreachable",
            Self::Silent => "silent",
            Self::CutOff(Defect::Unset) => "unset",
            Self::CutOff(Defect::Stale) => "stale",
            Self::CutOff(Defect::Foreign) => "foreign",
            Self::CutOff(Defect::OtherBus) => "other-bus",
        }
    }
}

/// A question to every server of the user's, under way.
pub struct AskedServers(Vec<(TmuxSocket, AskedVariables)>);

impl AskedServers {
    /// Asks them all at the same time, for the two variables and nothing else.
    ///
    /// # Errors
    /// When /proc cannot be listed or tmux cannot be started.
    pub fn ask(sandbox: &Sandbox, user: &User) -> Result<Self, Unable> {
        let ask = |socket: TmuxSocket| {
            let asked = socket.ask(&BusVariables::NAMES, sandbox.deadline())?;
            Ok((socket, asked))
        };
        tmux_sockets(user.uid)?.into_iter().map(ask).collect::<Result<_, Unable>>().map(Self)
    }

    /// Launches a scope with what each of them has told.
    ///
    /// # Errors
    /// When a launch cannot be run, or failed although the variables lead to the user's manager.
    pub fn examine(
        self,
        sandbox: &Sandbox,
        user: &User,
        wrapper: &Wrapper,
    ) -> Result<Vec<ServerBus>, Unable> {
        // First all launches are started, then their ends are waited for.
        let mut launches = Vec::new();
        for (socket, asked) in self.0 {
            match asked.answer() {
                Ok(told) => launches.push((socket, Ok(Launch::start(sandbox, wrapper, told)?))),
                Err(Untold::Failed(error)) => return Err(error.into()),
                // A server that has ended meanwhile is nobody's trouble.
                Err(_) if !is_running(&socket) => {}
                Err(Untold::Silent) => launches.push((socket, Err(State::Silent))),
                Err(Untold::Unreachable(_)) => launches.push((socket, Err(State::Unreachable))),
            }
        }
        let finish = |(socket, launch): (TmuxSocket, Result<Launch, State>)| match launch {
            Ok(launch) => launch.finish(socket, user),
            Err(state) => Ok(ServerBus { socket, state, evidence: Vec::new() }),
        };
        launches.into_iter().map(finish).collect()
    }
}

/// A scope that is launched with the variables of a server.
struct Launch {
    variables: BusVariables,
    told_by: Vec<Completed>,
    running: Running,
}

impl Launch {
    fn start(sandbox: &Sandbox, wrapper: &Wrapper, told: Vec<Variable>) -> Result<Self, Unable> {
        let told_by = told.iter().map(|variable| variable.told_by.clone()).collect();
        let variables = BusVariables::told(told);
        let running = variables.apply(wrapper.command(sandbox, &["true"])).start()?;
        Ok(Self { variables, told_by, running })
    }

    fn finish(self, socket: TmuxSocket, user: &User) -> Result<ServerBus, Unable> {
        let launch = self.running.wait()?;
        let state = match (launch.success(), self.variables.defect(user.uid)) {
            (true, _) if self.variables.has_dead_bus() => State::DeadBusAddress,
            (true, _) => State::Reaches,
            (false, Some(defect)) => State::CutOff(defect),
            (false, None) => {
                return Err(Unable::Unmeasured(format!(
                    "a scope could not be launched with {} of {}, although the manager listens \
                     there: {}",
                    self.variables.shown(),
                    socket.path.display(),
                    launch.failure()
                )));
            }
        };
        let mut evidence = self.told_by;
        evidence.push(launch);
        Ok(ServerBus { socket, state, evidence })
    }
}

impl ServerBus {
    /// Records what was found under `fact`: the state of the worst server, and for the card's texts
    /// and commands which servers are troubled.
    pub fn tell(servers: &[Self], fact: &str, measurement: &mut Measurement) {
        let worst = servers.iter().map(|server| &server.state).max();
        measurement.fact(fact, worst.map_or("none", State::name));
        for run in servers.iter().flat_map(|server| &server.evidence) {
            measurement.evidence.push(run.evidence(fact));
        }
        let troubled: Vec<String> = servers.iter().filter_map(Self::trouble).collect();
        measurement.detail("troubled", troubled.join("; "));
        let sockets = |wanted: fn(&State) -> bool| {
            let wanted = servers.iter().filter(move |server| wanted(&server.state));
            wanted.map(|server| server.socket.path.display().to_string())
        };
        measurement.list(
            "socket",
            sockets(|state| matches!(state, State::CutOff(_) | State::DeadBusAddress)),
        );
        let pids = |wanted: State| {
            let wanted = servers.iter().filter(move |server| server.state == wanted);
            wanted.map(|server| server.socket.pid.to_string())
        };
        measurement.list("silent-pid", pids(State::Silent));
        measurement.list("unreachable-pid", pids(State::Unreachable));
    }

    /// Whether a scope can be launched from there.
    pub fn reaches(&self) -> bool {
        matches!(self.state, State::Reaches | State::DeadBusAddress)
    }

    /// What is wrong with it, in words.
    fn trouble(&self) -> Option<String> {
        let what = match self.state {
            State::Reaches => return None,
            State::DeadBusAddress => "nobody listens at its DBUS_SESSION_BUS_ADDRESS",
            State::Unreachable => "nothing can be asked through its socket",
            State::Silent => "it does not answer",
            State::CutOff(Defect::Unset) => {
                "it has neither XDG_RUNTIME_DIR nor DBUS_SESSION_BUS_ADDRESS"
            }
            State::CutOff(Defect::Stale) => "its variables lead to nothing that listens",
            State::CutOff(Defect::Foreign) => "its variables lead to another user's manager",
            State::CutOff(Defect::OtherBus) => {
                "its variables lead to a bus without the user's manager"
            }
        };
        Some(format!("{} (process {}): {what}", self.socket.path.display(), self.socket.pid))
    }
}

fn is_running(socket: &TmuxSocket) -> bool {
    Path::new("/proc").join(socket.pid.to_string()).exists()
}
