use std::fs;
use std::path::Path;
use std::process;
use std::time::{Duration, Instant};

use launch_probes::NotMeasured;
use launch_probes::exec::{Child, Command, CommandError, Output, PidFd};
use launch_probes::host::logind::{Object, Query};
use launch_probes::host::{Access, Manager};
use nix::sys::signal::{Signal, kill};
use nix::unistd::{Pid, User};

/// The script of a login session. It starts a scope, a service and a tmux server in a scope of its
/// own, prints their process ids and that of the process that it leaves in the session, and then
/// waits to be logged out.
const LOGIN_SCRIPT: &str = r#"
systemd-run --user --scope --quiet --unit="$1_scope.scope" -- sleep infinity </dev/null >/dev/null 2>&1 &
scope=$!
systemd-run --user --quiet --unit="$1_service.service" -- sleep infinity
service=$(systemctl --user show --property=MainPID --value "$1_service.service")
socket=$XDG_RUNTIME_DIR/$1_tmux
systemd-run --user --scope --quiet --unit="$1_tmux.scope" -- \
    tmux -f /dev/null -S "$socket" new-session -d 'exec sleep infinity'
server=$(tmux -S "$socket" display-message -p '#{pid}')
leftover=0
[ "$2" = nothing ] || { setsid sleep infinity </dev/null >/dev/null 2>&1 & leftover=$!; }
# systemd-run executes its command only after its process is in the scope.
until read -r name </proc/$scope/comm && [ "$name" = sleep ]; do :; done
echo "$scope $service $server $leftover"
read -r end || :
"#;

/// How long a user's logout may take.
const LOGOUT_TIMEOUT: Duration = Duration::from_secs(5);

/// A user of a lab machine whose sessions may be ended.
pub(crate) struct LabUser {
    /// The user's name.
    pub(crate) name: String,
    uid: u32,
    deadline: Instant,
    /// The process that was left in a session.
    leftover: Option<Pid>,
}

/// What a login leaves in the session's scope when it ends.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Leftover {
    Nothing,
    Process,
}

/// An open login session.
pub(crate) struct Session(Child);

/// The processes that a login started.
pub(crate) struct Started {
    /// In a scope of the user manager.
    pub(crate) scope: PidFd,
    /// In a service of the user manager.
    pub(crate) service: PidFd,
    /// A tmux server, in a scope of the user manager.
    pub(crate) server: PidFd,
    /// In the session's own scope, if a process was left there.
    pub(crate) leftover: Option<PidFd>,
}

impl LabUser {
    /// Returns the user called `name`.
    ///
    /// # Errors
    /// When there is no such user, or it is root or a system user, is logged in or lingers.
    pub(crate) fn new(name: &str, deadline: Instant) -> Result<Self, NotMeasured> {
        let entry = User::from_name(name).ok().flatten();
        let Some(entry) = entry.filter(|entry| entry.uid.as_raw() >= 1000) else {
            return Err(NotMeasured::Skipped(format!(
                "{name} is not an ordinary user of this machine"
            )));
        };
        let uid = entry.uid.as_raw();
        if is_known(uid, deadline)? {
            return Err(NotMeasured::Skipped(format!("{name} is logged in or lingers")));
        }
        Ok(Self { name: name.into(), uid, deadline, leftover: None })
    }

    /// Runs a loginctl command on the user, such as `enable-linger`.
    ///
    /// # Errors
    /// When loginctl does not exit in time.
    pub(crate) fn loginctl(&self, verb: &str) -> Result<Output, CommandError> {
        self.command("loginctl").args([verb, &self.name]).run()
    }

    /// Opens a login session.
    ///
    /// # Errors
    /// When systemd-run cannot be started.
    pub(crate) fn log_in(&self, leftover: Leftover) -> Result<Session, CommandError> {
        let command = self
            .command("systemd-run")
            .args(["--system", "--quiet", "--collect", "--wait", "--pipe"])
            .args(["--property=PAMName=login", &format!("--property=User={}", self.name)])
            // The manager reads `$$` in a service's command line as a dollar sign.
            .args(["--", "/bin/sh", "-ec", &LOGIN_SCRIPT.replace('$', "$$"), "sh"])
            .arg(format!("logout_survival_{}_{}", process::id(), self.uid))
            .arg(match leftover {
                Leftover::Nothing => "nothing",
                Leftover::Process => "process",
            });
        Ok(Session(command.piped_stdin().start()?))
    }

    /// Waits until all processes of a login run.
    ///
    /// # Errors
    /// When the login fails.
    pub(crate) fn wait_started(&mut self, session: &mut Session) -> Result<Started, NotMeasured> {
        let line = session.0.next_line(0)?.unwrap_or_default();
        let pids: Vec<u32> = line.split(' ').filter_map(|pid| pid.parse().ok()).collect();
        let [scope, service, server, leftover] = pids[..] else {
            return Err(NotMeasured::Unmeasured(format!("a login of {} failed", self.name)));
        };
        self.leftover = (leftover != 0).then(|| Pid::from_raw(leftover.cast_signed()));
        Ok(Started {
            scope: PidFd::of(scope)?,
            service: PidFd::of(service)?,
            server: PidFd::of(server)?,
            leftover: (leftover != 0).then(|| PidFd::of(leftover)).transpose()?,
        })
    }

    /// Returns whether the user manager is active, and not about to stop.
    ///
    /// # Errors
    /// When the system manager does not answer.
    pub(crate) fn has_manager(&self) -> Result<bool, CommandError> {
        let unit = format!("user@{}.service", self.uid);
        let show = ["--system", "show", "--property=ActiveState", "--value", &unit];
        let state = self.command("systemctl").args(show).run()?;
        Ok(state.stdout_text() == "active")
    }

    /// Returns whether the user has a linger file.
    pub(crate) fn has_linger_file(&self) -> bool {
        fs::metadata(Path::new("/var/lib/systemd/linger").join(&self.name)).is_ok()
    }

    /// Waits until the system manager has no more jobs for this user. No event reports that, so the
    /// jobs are polled.
    ///
    /// # Errors
    /// When there are still jobs at the deadline.
    pub(crate) fn wait_for_jobs(&self) -> Result<(), NotMeasured> {
        let own = format!("@{}.service", self.uid);
        let list = ["--system", "list-jobs", "--plain", "--no-legend", "--full"];
        while Instant::now() < self.deadline {
            let jobs = self.command("systemctl").args(list).run()?.stdout_text();
            if !jobs.contains(&own) && !jobs.contains("session-") {
                return Ok(());
            }
        }
        Err(NotMeasured::Unmeasured(format!("the jobs for {} did not finish in time", self.name)))
    }

    fn command(&self, program: &str) -> Command {
        Command::new(program, self.deadline)
    }
}

/// Reports whether logind has a user: one who is logged in, lingers or is being logged out.
fn is_known(uid: u32, deadline: Instant) -> Result<bool, CommandError> {
    let access = Access { manager: Manager::System, deadline };
    Ok(Query::start(access, Object::User(uid))?.wait()?.is_known())
}

impl Session {
    /// Ends the session's process, and waits for its exit.
    ///
    /// # Errors
    /// When the process had not exited at the deadline.
    pub(crate) fn log_out(self) -> Result<Output, CommandError> {
        self.0.wait()
    }
}

impl Drop for LabUser {
    fn drop(&mut self) {
        let _ = self.loginctl("disable-linger");
        let _ = self.loginctl("terminate-user");
        if let Some(leftover) = self.leftover {
            let _ = kill(leftover, Signal::SIGKILL);
        }
        // terminate-user returns before the user's manager has stopped, and the next measurement needs a user
        // who is logged out. No event of busctl reports that, so logind is asked until it is so.
        let deadline = self.deadline.min(Instant::now() + LOGOUT_TIMEOUT);
        while Instant::now() < deadline && is_known(self.uid, deadline).unwrap_or(false) {}
    }
}
