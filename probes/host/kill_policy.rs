use super::logind::{Object, Properties, Query, unreachable_reason};
use super::{Access, QueryError, User, account_name};
use crate::exec::Output;

/// The current settings of logind that decide whether a user's processes are killed after logout.
pub struct KillPolicy {
    /// `KillUserProcesses=`: whether logind kills processes that outlive their session.
    pub kill: bool,
    /// `KillOnlyUsers=`: the only users whose processes are killed.
    pub only: UserListMatch,
    /// `KillExcludeUsers=`: users whose processes are not killed.
    pub exclude: UserListMatch,
    /// `UserStopDelaySec=`: how long the user manager runs after the last session, in microseconds.
    pub stop_delay: u64,
    /// `StopIdleSessionSec=`: when an idle session is ended, in microseconds; `None` if this logind does
    /// not have the setting.
    pub stop_idle: Option<u64>,
    /// The user's name in logind.
    pub user: String,
    /// The command that read the settings.
    pub run: Output,
}

/// Whether a list of users contains the examined user.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum UserListMatch {
    /// The list is empty.
    Empty,
    /// The list contains the user.
    Named,
    /// The list contains only other users.
    Others,
}

impl UserListMatch {
    fn of(users: &[&str], name: &str) -> Self {
        match users {
            [] => Self::Empty,
            _ if users.contains(&name) => Self::Named,
            _ => Self::Others,
        }
    }
}

impl KillPolicy {
    /// Reads the settings from logind.
    ///
    /// # Errors
    /// If logind does not answer, or its answer lacks a setting.
    pub fn query(access: Access, user: &User) -> Result<Self, QueryError> {
        let settings = Query::start(access, Object::Manager)?;
        let logged_in = Query::start(access, Object::User(user.uid))?;
        let (settings, logged_in) = (settings.wait()?, logged_in.wait()?);
        if !settings.is_known() {
            return Err(unreachable_reason(access, &settings.run, ""));
        }
        let name = account_name(access, user, &logged_in)?;
        Self::read(settings, name)
            .ok_or_else(|| QueryError::Unreachable("logind's answer lacks its settings".into()))
    }

    fn read(settings: Properties, user: String) -> Option<Self> {
        Some(Self {
            kill: settings.get_bool("KillUserProcesses")?,
            only: UserListMatch::of(&settings.get_list("KillOnlyUsers"), &user),
            exclude: UserListMatch::of(&settings.get_list("KillExcludeUsers"), &user),
            stop_delay: settings.get_u64("UserStopDelayUSec")?,
            stop_idle: settings.get_u64("StopIdleSessionUSec"),
            user,
            run: settings.run,
        })
    }

    /// Reports whether logind kills processes of this user that outlive their session.
    pub fn kills(&self, uid: u32) -> bool {
        should_kill(self.kill, self.only, self.exclude, uid)
    }
}

/// Decides as logind does (systemd, src/login/logind-core.c, `manager_shall_kill`).
fn should_kill(kill: bool, only: UserListMatch, exclude: UserListMatch, uid: u32) -> bool {
    match (exclude, only) {
        (UserListMatch::Named, _) => false,
        // Root is excluded while KillExcludeUsers= is empty.
        (UserListMatch::Empty, _) if uid == 0 => false,
        (_, UserListMatch::Empty) => kill,
        (_, only) => only == UserListMatch::Named,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn user_lists_take_precedence_over_the_switch() {
        use UserListMatch::{Empty, Named, Others};
        assert!(!should_kill(false, Empty, Empty, 1000));
        assert!(should_kill(true, Empty, Empty, 1000));
        assert!(should_kill(false, Named, Empty, 1000));
        assert!(!should_kill(true, Others, Empty, 1000));
        assert!(!should_kill(true, Named, Named, 1000));
        assert!(should_kill(true, Empty, Others, 1000));
    }

    #[test]
    fn root_is_excluded_only_while_the_exclude_list_is_empty() {
        use UserListMatch::{Empty, Named, Others};
        assert!(!should_kill(true, Named, Empty, 0));
        assert!(should_kill(true, Empty, Others, 0));
    }
}
