use super::logind::{Answer, Question, Subject, silence};
use super::{User, account_name};
use crate::Unable;
use crate::sandbox::{Completed, Sandbox};

/// The settings of logind that decide what becomes of a user's processes, as it runs now.
pub struct LogoutPolicy {
    /// Whether it kills what a session leaves behind.
    pub kill: bool,
    /// Whom alone that concerns.
    pub only: Listing,
    /// Whom it does not concern.
    pub exclude: Listing,
    /// How long the user's manager stays after the last session, in microseconds.
    pub stop_delay: u64,
    /// After how long an idle session is ended, in microseconds; `None` where logind does not have
    /// that.
    pub stop_idle: Option<u64>,
    /// The name by which logind knows the user.
    pub user: String,
    /// The command that told.
    pub run: Completed,
}

/// Whether a list of users names the one that is examined.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Listing {
    Empty,
    Named,
    Others,
}

impl Listing {
    fn of(users: &[&str], name: &str) -> Self {
        match users {
            [] => Self::Empty,
            _ if users.contains(&name) => Self::Named,
            _ => Self::Others,
        }
    }
}

impl LogoutPolicy {
    /// Asks logind.
    ///
    /// # Errors
    /// When it does not answer, or does not tell.
    pub fn ask(sandbox: &Sandbox, user: &User) -> Result<Self, Unable> {
        let settings = Question::ask(sandbox, Subject::Manager)?;
        let held = Question::ask(sandbox, Subject::User(user.uid))?;
        let (settings, held) = (settings.answer()?, held.answer()?);
        if !settings.is_known() {
            return Err(silence(sandbox, &settings.run, ""));
        }
        let name = account_name(sandbox, user, &held)?;
        Self::read(settings, name)
            .ok_or_else(|| Unable::Unmeasured("logind did not tell how it is set".into()))
    }

    fn read(settings: Answer, user: String) -> Option<Self> {
        Some(Self {
            kill: settings.flag("KillUserProcesses")?,
            only: Listing::of(&settings.texts("KillOnlyUsers"), &user),
            exclude: Listing::of(&settings.texts("KillExcludeUsers"), &user),
            stop_delay: settings.number("UserStopDelayUSec")?,
            stop_idle: settings.number("StopIdleSessionUSec"),
            user,
            run: settings.run,
        })
    }

    /// Whether logind kills what a session of the user leaves behind.
    pub fn kills(&self, uid: u32) -> bool {
        shall_kill(self.kill, self.only, self.exclude, uid)
    }
}

/// As logind decides it (systemd, src/login/logind-core.c, `manager_shall_kill`).
fn shall_kill(kill: bool, only: Listing, exclude: Listing, uid: u32) -> bool {
    match (exclude, only) {
        (Listing::Named, _) => false,
        // Root is spared as long as nobody is named.
        (Listing::Empty, _) if uid == 0 => false,
        (_, Listing::Empty) => kill,
        (_, only) => only == Listing::Named,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn who_is_excluded_is_spared_and_a_list_of_users_outweighs_the_switch() {
        use Listing::{Empty, Named, Others};
        assert!(!shall_kill(false, Empty, Empty, 1000));
        assert!(shall_kill(true, Empty, Empty, 1000));
        assert!(shall_kill(false, Named, Empty, 1000));
        assert!(!shall_kill(true, Others, Empty, 1000));
        assert!(!shall_kill(true, Named, Named, 1000));
        assert!(shall_kill(true, Empty, Others, 1000));
    }

    #[test]
    fn root_is_spared_until_others_are_excluded() {
        use Listing::{Empty, Named, Others};
        assert!(!shall_kill(true, Named, Empty, 0));
        assert!(shall_kill(true, Empty, Others, 0));
    }
}
