use std::time::Instant;

use nix::sys::signal::{Signal, kill};
use nix::unistd::{Pid, User};

use super::linger_file::{LingerFile, Presence};
use crate::Unable;
use crate::host::logind::{Question, Subject};
use crate::sandbox::{CommandError, Completed, ProcessEnd, Running, Sandbox};

/// What a guest starts at a login, and then waits to be logged out. It prints the process ids of a
/// scope, a service, a tmux server in a scope of its own, and what it left in the session.
const LOGIN: &str = r#"
systemd-run --user --scope --quiet --unit="$1_scope.scope" -- sleep infinity </dev/null >/dev/null 2>&1 &
scope=$!
systemd-run --user --quiet --unit="$1_service.service" -- sleep infinity
service=$(systemctl --user show --property=MainPID --value "$1_service.service")
socket=$XDG_RUNTIME_DIR/$1_tmux
systemd-run --user --scope --quiet --unit="$1_tmux.scope" -- \
    tmux -f /dev/null -S "$socket" new-session -d 'exec sleep infinity'
server=$(tmux -S "$socket" display-message -p '#{pid}')
left=0
[ "$2" = neatly ] || { setsid sleep infinity </dev/null >/dev/null 2>&1 & left=$!; }
# Only then has systemd-run put the scope's process where it belongs, and become it.
until read -r name </proc/$scope/comm && [ "$name" = sleep ]; do :; done
echo "$scope $service $server $left"
read -r end || :
"#;

/// A user of a lab machine whose sessions a probe may end.
pub struct Guest<'a> {
    sandbox: &'a Sandbox<'a>,
    /// The user's name.
    pub name: String,
    uid: u32,
    /// What was left in a session that has ended.
    left: Option<Pid>,
}

/// A login session that is open.
pub struct Login(Running);

/// What runs for a guest: what ends with it is known by the ends of these processes.
pub struct Started {
    /// In a scope of the user manager.
    pub scope: ProcessEnd,
    /// In a service of the user manager.
    pub service: ProcessEnd,
    /// A tmux server, in a scope of the user manager.
    pub server: ProcessEnd,
    /// In the session's own scope, if anything was left there.
    pub left: Option<ProcessEnd>,
}

impl<'a> Guest<'a> {
    /// The guest called `name`, who is not there yet.
    ///
    /// # Errors
    /// When there is no such user, or it is root or a system user, is logged in or lingers.
    pub fn new(sandbox: &'a Sandbox<'a>, name: &str) -> Result<Self, Unable> {
        let entry = User::from_name(name).ok().flatten();
        let Some(entry) = entry.filter(|entry| entry.uid.as_raw() >= 1000) else {
            return Err(Unable::Skipped(format!("{name} is no ordinary user of this machine")));
        };
        let uid = entry.uid.as_raw();
        if Question::ask(sandbox, Subject::User(uid))?.answer()?.is_known() {
            return Err(Unable::Skipped(format!("{name} is logged in or lingers")));
        }
        Ok(Self { sandbox, name: name.into(), uid, left: None })
    }

    /// Does something to the guest by loginctl, such as `enable-linger`.
    ///
    /// # Errors
    /// When loginctl does not end in time.
    pub fn loginctl(&self, verb: &str) -> Result<Completed, CommandError> {
        self.sandbox.command("loginctl").args([verb, &self.name]).run()
    }

    /// Opens a login session: `neatly`, or with a process left in it.
    ///
    /// # Errors
    /// When systemd-run cannot be started.
    pub fn log_in(&self, neatly: bool) -> Result<Login, CommandError> {
        let prefix = self.sandbox.unit_name(&format!("guest{}", self.uid), "");
        let command = self
            .sandbox
            .command("systemd-run")
            .args(["--system", "--quiet", "--collect", "--wait", "--pipe"])
            .args(["--property=PAMName=login", &format!("--property=User={}", self.name)])
            // The manager reads `$$` in a service's command line as a dollar sign.
            .args(["--", "/bin/sh", "-ec", &LOGIN.replace('$', "$$"), "sh"])
            .arg(prefix.trim_end_matches('.'))
            .arg(if neatly { "neatly" } else { "leaving" });
        Ok(Login(command.with_input().start()?))
    }

    /// Waits until everything runs that a login starts.
    ///
    /// # Errors
    /// When the login fails.
    pub fn started(&mut self, login: &mut Login) -> Result<Started, Unable> {
        let line = login.0.next_line(0)?.unwrap_or_default();
        let pids: Vec<u32> = line.split(' ').filter_map(|pid| pid.parse().ok()).collect();
        let [scope, service, server, left] = pids[..] else {
            return Err(Unable::Unmeasured(format!("a login of {} failed", self.name)));
        };
        self.left = (left != 0).then(|| Pid::from_raw(left.cast_signed()));
        Ok(Started {
            scope: ProcessEnd::of(scope)?,
            service: ProcessEnd::of(service)?,
            server: ProcessEnd::of(server)?,
            left: (left != 0).then(|| ProcessEnd::of(left)).transpose()?,
        })
    }

    /// Whether the user manager runs, and is not about to stop.
    ///
    /// # Errors
    /// When the system manager does not answer.
    pub fn has_manager(&self) -> Result<bool, CommandError> {
        let unit = format!("user@{}.service", self.uid);
        let state = self
            .sandbox
            .command("systemctl")
            .args(["--system", "show", "--property=ActiveState", "--value", &unit])
            .run()?;
        Ok(state.text() == "active")
    }

    /// Whether a file makes the guest linger.
    pub fn has_linger_file(&self) -> bool {
        LingerFile::of(&self.name).presence() == Presence::There
    }

    /// Waits until the system manager has done all that was asked of it for this user. Jobs can
    /// only be looked at, so it looks again until there are none.
    ///
    /// # Errors
    /// When it has not by the deadline.
    pub fn await_jobs(&self) -> Result<(), Unable> {
        let own = format!("@{}.service", self.uid);
        while Instant::now() < self.sandbox.deadline() {
            let jobs = self
                .sandbox
                .command("systemctl")
                .args(["--system", "list-jobs", "--plain", "--no-legend", "--full"])
                .run()?
                .text();
            if !jobs.contains(&own) && !jobs.contains("session-") {
                return Ok(());
            }
        }
        Err(Unable::Unmeasured(format!("the end of {} did not come", self.name)))
    }
}

impl Login {
    /// Ends the session, and waits until it has let go of its process.
    ///
    /// # Errors
    /// When the process had not ended at the deadline.
    pub fn log_out(self) -> Result<Completed, CommandError> {
        self.0.wait()
    }
}

impl Drop for Guest<'_> {
    fn drop(&mut self) {
        let _ = self.loginctl("disable-linger");
        let _ = self.loginctl("terminate-user");
        if let Some(left) = self.left {
            let _ = kill(left, Signal::SIGKILL);
        }
    }
}
