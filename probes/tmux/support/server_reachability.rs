use std::path::Path;

use super::bounded_list::{bounded_list, count};
use super::bus_variables::{BusVariables, Defect};
use super::server_socket::{ServerSocket, record_repair};
use super::wrapper::Wrapper;
use crate::exec::{Child, Output};
use crate::fact_values;
use crate::host::{PendingVariables, QueryError, TmuxServer, User, Variable};
use crate::sandbox::ProbeContext;
use crate::sandbox::user_tmux_servers;
use crate::sandbox::{Fact, Measurement, NotMeasured};

/// A running tmux server of the user, and whether its global environment leads to the user's manager.
pub(crate) struct ServerCheck {
    socket: ServerSocket,
    state: BusState,
    evidence: Vec<Output>,
}

fact_values! {
    /// Whether a scope can be launched with a server's global environment, from the best to the worst.
    #[derive(PartialOrd, Ord)]
    pub(crate) enum BusState {
        NoServer = "none",
        /// A scope can be launched.
        Reachable = "reach",
        /// A scope can be launched, but the message bus has no listener.
        DeadBusAddress = "dead-bus-address",
        /// The server's socket accepts no connection.
        Unreachable = "unreachable",
        /// The server does not answer.
        Silent = "silent",
        Unset = "unset",
        Stale = "stale",
        Foreign = "foreign",
        OtherBus = "other-bus",
    }
}

impl From<Defect> for BusState {
    fn from(defect: Defect) -> Self {
        match defect {
            Defect::Unset => Self::Unset,
            Defect::Stale => Self::Stale,
            Defect::Foreign => Self::Foreign,
            Defect::OtherBus => Self::OtherBus,
        }
    }
}

/// How many servers are asked, and how many scopes are launched, at the same time.
const AT_ONCE: usize = 8;
/// Of how many servers the commands become evidence.
const SHOWN: usize = 5;

/// Queries of the global environment of every tmux server of the user.
pub(crate) struct PendingServers {
    /// Servers that are not asked, because they cannot answer.
    known: Vec<(ServerSocket, BusState)>,
    pending: Vec<(ServerSocket, PendingVariables)>,
    /// Servers that are asked later, so that a host with many of them is not flooded.
    later: Vec<ServerSocket>,
}

impl PendingServers {
    /// Starts the first queries. Each asks for the two bus variables and for nothing else.
    ///
    /// # Errors
    /// When /proc cannot be listed or tmux cannot be started.
    pub(crate) fn query(context: &ProbeContext, user: &User) -> Result<Self, NotMeasured> {
        let sockets = ServerSocket::inspect_all(user_tmux_servers(user.uid)?);
        let (reachable, lost): (Vec<_>, Vec<_>) =
            sockets.into_iter().partition(ServerSocket::is_reachable);
        let (stopped, mut running): (Vec<_>, Vec<_>) =
            reachable.into_iter().partition(|socket| socket.server.is_stopped());
        let lost = lost.into_iter().map(|socket| (socket, BusState::Unreachable));
        let stopped = stopped.into_iter().map(|socket| (socket, BusState::Silent));
        let later = running.split_off(AT_ONCE.min(running.len()));
        Ok(Self { known: lost.chain(stopped).collect(), pending: ask(context, running)?, later })
    }

    /// Launches a scope with the variables of each server. Servers with the same variables share one.
    ///
    /// # Errors
    /// When a launch cannot be run, or failed although the variables lead to the user's manager.
    pub(crate) fn check(
        self,
        context: &ProbeContext,
        user: &User,
        wrapper: &Wrapper,
    ) -> Result<Vec<ServerCheck>, NotMeasured> {
        let mut checks: Vec<ServerCheck> = self
            .known
            .into_iter()
            .map(|(socket, state)| ServerCheck { socket, state, evidence: Vec::new() })
            .collect();
        let (mut pending, mut later) = (self.pending, self.later);
        let mut results: Vec<(BusVariables, BusState)> = Vec::new();
        while !pending.is_empty() {
            let mut launches = Vec::new();
            for (socket, answer) in pending {
                let state = match answer.wait() {
                    Ok(variables) => {
                        launches.push(Launched::start(
                            context, wrapper, socket, variables, &results, &launches,
                        )?);
                        continue;
                    }
                    Err(QueryError::Failed(error)) => return Err(error.into()),
                    Err(_) if !is_running(&socket.server) => continue,
                    Err(QueryError::Timeout) => BusState::Silent,
                    Err(QueryError::Missing(_) | QueryError::Unreachable(_)) => {
                        BusState::Unreachable
                    }
                };
                checks.push(ServerCheck { socket, state, evidence: Vec::new() });
            }
            let next = later.split_off(AT_ONCE.min(later.len()));
            pending = ask(context, std::mem::replace(&mut later, next))?;
            for launched in launches {
                checks.push(launched.finish(user, &mut results)?);
            }
        }
        checks.sort_by(|a, b| a.socket.server.cmp(&b.socket.server));
        Ok(checks)
    }
}

/// Starts the queries to some servers.
fn ask(
    context: &ProbeContext,
    sockets: Vec<ServerSocket>,
) -> Result<Vec<(ServerSocket, PendingVariables)>, NotMeasured> {
    let query = |socket: ServerSocket| {
        let pending = socket.client().query(&BusVariables::NAMES, context.deadline())?;
        Ok((socket, pending))
    };
    sockets.into_iter().map(query).collect()
}

/// A server that has answered, and the launch with its variables.
struct Launched {
    socket: ServerSocket,
    variables: BusVariables,
    sources: Vec<Output>,
    /// `None` if another server has the same variables.
    child: Option<Child>,
}

impl Launched {
    fn start(
        context: &ProbeContext,
        wrapper: &Wrapper,
        socket: ServerSocket,
        variables: Vec<Variable>,
        results: &[(BusVariables, BusState)],
        launches: &[Self],
    ) -> Result<Self, NotMeasured> {
        let sources = variables.iter().map(|variable| variable.source.clone()).collect();
        let variables = BusVariables::from_server(variables);
        let is_known = results.iter().any(|(known, _)| *known == variables)
            || launches.iter().any(|other| other.variables == variables);
        let child = if is_known {
            None
        } else {
            Some(variables.apply(wrapper.command(context, &["true"])).start()?)
        };
        Ok(Self { socket, variables, sources, child })
    }

    fn finish(
        self,
        user: &User,
        results: &mut Vec<(BusVariables, BusState)>,
    ) -> Result<ServerCheck, NotMeasured> {
        let Self { socket, variables, mut sources, child } = self;
        if let Some(child) = child {
            let launch = child.wait()?;
            let state = classify(&launch, &variables, &socket, user)?;
            results.push((variables.clone(), state));
            sources.push(launch);
        }
        let known = results.iter().find(|(known, _)| *known == variables);
        let state = known.map_or(BusState::Silent, |(_, state)| *state);
        Ok(ServerCheck { socket, state, evidence: sources })
    }
}

/// Classifies a launch with the variables of a server.
fn classify(
    launch: &Output,
    variables: &BusVariables,
    socket: &ServerSocket,
    user: &User,
) -> Result<BusState, NotMeasured> {
    match (launch.success(), variables.defect(user.uid)) {
        (true, _) if variables.has_dead_bus() => Ok(BusState::DeadBusAddress),
        (true, _) => Ok(BusState::Reachable),
        (false, Some(defect)) => Ok(defect.into()),
        (false, None) => Err(NotMeasured::Unmeasured(format!(
            "a scope could not be launched with {} of {}, although the manager listens there: {}",
            variables.describe(),
            socket.path.display(),
            launch.error_summary()
        ))),
    }
}

impl ServerCheck {
    /// Records the state of the worst server under `fact`, and for the card's texts and commands
    /// which servers have which problem.
    pub(crate) fn record(checks: &[Self], fact: Fact<BusState>, measurement: &mut Measurement) {
        let worst = checks.iter().map(|check| check.state).max();
        measurement.set(fact, worst.unwrap_or(BusState::NoServer));
        let (reachable, others): (Vec<&Self>, Vec<&Self>) =
            checks.iter().partition(|check| check.is_reachable());
        let shown = others.iter().chain(&reachable).take(SHOWN);
        for run in shown.flat_map(|check| &check.evidence) {
            measurement.add_evidence(fact.name(), run);
        }
        let problems: Vec<String> = checks.iter().filter_map(Self::problem).collect();
        measurement.detail("troubled", bounded_list(&problems));
        measurement.detail("reachable-count", reachable.len().to_string());
        measurement.detail("server-count", count(checks.len(), "tmux server"));
        let needs_variables = |check: &&Self| {
            !matches!(check.state, BusState::Reachable | BusState::Unreachable | BusState::Silent)
        };
        let needy: Vec<TmuxServer> =
            checks.iter().filter(needs_variables).map(|check| check.socket.client()).collect();
        measurement.list("socket", needy.iter().map(|server| server.path.display().to_string()));
        let clients = needy.iter().map(|server| server.client_program().display().to_string());
        measurement.list("client", clients);
        let silent = checks.iter().filter(|check| check.state == BusState::Silent);
        measurement.list("silent-pid", silent.map(|check| check.socket.server.pid.to_string()));
        let sockets: Vec<ServerSocket> = checks.iter().map(|check| check.socket.clone()).collect();
        record_repair(&sockets, measurement);
    }

    /// Returns whether a scope can be launched from the server's panes.
    fn is_reachable(&self) -> bool {
        matches!(self.state, BusState::Reachable | BusState::DeadBusAddress)
    }

    /// Describes what is wrong with the server.
    fn problem(&self) -> Option<String> {
        let problem = match self.state {
            BusState::NoServer | BusState::Reachable => return None,
            BusState::DeadBusAddress => "its DBUS_SESSION_BUS_ADDRESS has no listener",
            BusState::Unreachable => match self.socket.problem() {
                Some(problem) => return Some(problem),
                None => "its socket accepts no connection",
            },
            BusState::Silent => "it does not answer",
            BusState::Unset => "it has neither XDG_RUNTIME_DIR nor DBUS_SESSION_BUS_ADDRESS",
            BusState::Stale => "its variables lead to no listener",
            BusState::Foreign => "its variables lead to the user manager of another user",
            BusState::OtherBus => "its variables lead to a bus without the user manager",
        };
        let (path, pid) = (self.socket.path.display(), self.socket.server.pid);
        Some(format!("{path} (process {pid}): {problem}"))
    }
}

fn is_running(server: &TmuxServer) -> bool {
    Path::new("/proc").join(server.pid.to_string()).exists()
}
