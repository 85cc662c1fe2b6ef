use std::path::PathBuf;

use nix::unistd::{self, geteuid};

use super::logind::Properties;
use super::{Access, QueryError};

/// The user that the doctor runs as.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct User {
    /// The user id.
    pub uid: u32,
    /// The name in /etc/passwd; the id if there is none.
    pub name: String,
}

impl User {
    /// Returns the user of the calling process. Only /etc/passwd is read, because a static binary has no
    /// name services.
    pub fn current() -> Self {
        let uid = geteuid();
        let account = unistd::User::from_uid(uid).ok().flatten();
        let name = account.map_or_else(|| uid.to_string(), |account| account.name);
        Self { uid: uid.as_raw(), name }
    }

    /// Returns the default runtime directory: `/run/user/UID` (`pam_systemd(8)`).
    pub fn runtime_dir(&self) -> PathBuf {
        format!("/run/user/{}", self.uid).into()
    }
}

/// Returns the user's name in logind: from `logged_in`, logind's properties of the user, if it has any.
/// Otherwise the account's name, from /etc/passwd or from the host's name services.
///
/// # Errors
/// If id(1) cannot be run.
pub fn account_name(
    access: Access,
    user: &User,
    logged_in: &Properties,
) -> Result<String, QueryError> {
    if let Some(name) = logged_in.get_str("Name") {
        return Ok(name.to_owned());
    }
    if user.name != user.uid.to_string() {
        return Ok(user.name.clone());
    }
    let run = access.command("id").arg("-un").run()?;
    Ok(if run.success() { run.stdout_text() } else { user.name.clone() })
}
