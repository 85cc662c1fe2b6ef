use std::os::fd::BorrowedFd;
use std::path::Path;
use std::time::{Duration, Instant};

use super::{Blocker, Need};
use crate::exec::{Child, Command, CommandError, Output};
use crate::host::{
    Manager, bus_error, bus_manager_command, manager_start_command, parse_bus_manager,
    parse_manager_start,
};
use crate::sandbox::RunId;

/// How long a service may take to answer a health check, at least. A healthy one takes milliseconds.
const SHORTEST_ANSWER: Duration = Duration::from_millis(1500);
/// The same for a launch by systemd-run: one of three seconds is slow, which scope-availability reports, and not hung.
const SHORTEST_LAUNCH: Duration = Duration::from_secs(4);
/// The same for the user's bus, which may have to be started first, by its socket.
const SHORTEST_BUS_START: Duration = Duration::from_secs(3);

/// Returns how long a health check may take. Who gives probes more than ten seconds has a slow host, such as an
/// emulated one.
fn check_timeout(need: Need, probe_timeout: Duration) -> Duration {
    let shortest = match need {
        Need::SystemdRun => SHORTEST_LAUNCH,
        Need::UserBus => SHORTEST_BUS_START,
        _ => SHORTEST_ANSWER,
    };
    shortest.max(probe_timeout * 3 / 20)
}

/// The result of a health check.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Health {
    /// The need works.
    Healthy,
    /// The need answers with an error; the text describes it.
    Failing(String),
    /// No probe that has the need can measure: the need refuses, or is another's.
    Unmet(Blocker),
    /// The need does not answer, because of itself or of another one.
    Unresponsive(Blocker),
}

/// A running command that shows whether a need works.
pub(crate) struct HealthCheck {
    pub(crate) need: Need,
    child: Child,
    own_manager: OwnManager,
}

/// When the manager was started that is to be on the user's bus.
enum OwnManager {
    /// The manager is being asked.
    Pending(Box<Child>),
    /// The time; `None` if it did not answer, and for other needs.
    Known(Option<u64>),
}

impl HealthCheck {
    /// Starts the check. `run` and `dir` are the run's: systemd-run starts a unit with the run's prefix, tmux
    /// a server in the run's directory, which exits at once because it has no session.
    ///
    /// # Errors
    /// If the command cannot be started, which shows nothing about a service.
    pub(crate) fn start(
        need: Need,
        manager: Manager,
        run: &RunId,
        dir: &Path,
        deadline: Instant,
        probe_timeout: Duration,
    ) -> Result<Self, CommandError> {
        let deadline = deadline.min(Instant::now() + check_timeout(need, probe_timeout));
        let command = |program| Command::new(program, deadline);
        let call = |name: &str, path: &str| {
            command("busctl").args(["--system", "--auto-start=no", "call", name, path])
        };
        let check = match need {
            Need::Manager => command("systemctl").arg(manager.option()).args([
                "show",
                "--property=Version",
                "--value",
            ]),
            Need::UserBus => bus_manager_command(deadline),
            // Its policy refuses a Ping to the bus itself.
            Need::SystemBus => call("org.freedesktop.DBus", "/org/freedesktop/DBus")
                .args(["org.freedesktop.DBus", "GetId"]),
            Need::Logind => call("org.freedesktop.login1", "/org/freedesktop/login1")
                .args(["org.freedesktop.DBus.Peer", "Ping"]),
            Need::SystemdRun => command("systemd-run")
                .arg(manager.option())
                .args(["--quiet", "--collect"])
                .arg(format!("--unit={run}_health_check.service"))
                .args(["--", "true"]),
            // What confines doctor is known from the start, and a probe shows what bends launches.
            Need::Caller | Need::PlainServices | Need::PlainScopes => command("true"),
            Need::Tmux => command("tmux")
                .args(["-f", "/dev/null", "-S"])
                .arg(dir.join("health_check"))
                .arg("start-server"),
        };
        let own_manager = match need {
            Need::UserBus => {
                OwnManager::Pending(Box::new(manager_start_command(deadline).start()?))
            }
            _ => OwnManager::Known(None),
        };
        Ok(Self { need, child: check.start()?, own_manager })
    }

    /// Returns the descriptors to poll.
    pub(crate) fn fds(&self) -> impl Iterator<Item = BorrowedFd<'_>> {
        match &self.own_manager {
            OwnManager::Pending(child) => child.fds(),
            OwnManager::Known(_) => self.child.fds(),
        }
    }

    /// Returns when the check times out.
    pub(crate) fn deadline(&self) -> Instant {
        self.child.deadline()
    }

    /// Reads what is available, without waiting. Returns the result once there is one.
    pub(crate) fn poll(&mut self, manager: Manager) -> Option<Health> {
        if self.own_manager.is_pending() {
            return None;
        }
        let own_manager = self.own_manager.start();
        let label = self.need.label(manager);
        match self.child.try_wait() {
            Ok(None) => None,
            Ok(Some(output)) if self.need == Need::UserBus => {
                Some(user_bus_health(&output, own_manager))
            }
            Ok(Some(output)) if output.success() => Some(Health::Healthy),
            Ok(Some(output)) => {
                Some(Health::Failing(format!("{label} fails: {}", output.error_summary())))
            }
            Err(CommandError::Deadline { .. })
                if self.need == Need::UserBus && own_manager.is_none() =>
            {
                let reason =
                    "the user bus was not examined, because the user manager does not answer";
                Some(Health::Failing(reason.into()))
            }
            Err(error @ CommandError::Deadline { .. }) => {
                let reason = format!("{label} does not answer: {error}");
                Some(Health::Unresponsive(Blocker { need: self.need, reason }))
            }
            Err(error) => Some(Health::Failing(format!("{label} fails: {error}"))),
        }
    }
}

impl OwnManager {
    /// Reads the answer if there is one, without waiting. Says whether the manager is still being asked.
    fn is_pending(&mut self) -> bool {
        if let Self::Pending(child) = self
            && let Some(answer) = child.try_wait().transpose()
        {
            *self = Self::Known(answer.ok().and_then(|run| parse_manager_start(&run)));
        }
        matches!(self, Self::Pending(_))
    }

    fn start(&self) -> Option<u64> {
        match self {
            Self::Pending(_) => None,
            Self::Known(start) => *start,
        }
    }
}

/// Returns what an answer over the user's bus shows, given when the user's manager was started.
fn user_bus_health(answer: &Output, own_manager: Option<u64>) -> Health {
    let unmet = |reason| Health::Unmet(Blocker { need: Need::UserBus, reason });
    if !answer.success() {
        return unmet(format!("the user bus fails: {}", bus_error(answer)));
    }
    match (parse_bus_manager(answer), own_manager) {
        (Some(its), Some(own)) if its != own => {
            unmet("the user bus is another's: the manager on it is not the user's".into())
        }
        (Some(_), _) => Health::Healthy,
        (None, _) => Health::Failing("the user bus fails: busctl printed no answer".into()),
    }
}
