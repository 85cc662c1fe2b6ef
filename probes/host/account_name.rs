use super::User;
use super::logind::Answer;
use crate::Unable;
use crate::sandbox::Sandbox;

/// The name under which logind knows the user: what it says itself of a user whom it holds, or else
/// the account's, which the host's name services know where /etc/passwd does not.
///
/// # Errors
/// When id(1) cannot be run.
pub fn account_name(sandbox: &Sandbox, user: &User, held: &Answer) -> Result<String, Unable> {
    if let Some(name) = held.text("Name") {
        return Ok(name.to_owned());
    }
    if user.name != user.uid.to_string() {
        return Ok(user.name.clone());
    }
    let run = sandbox.command("id").arg("-un").run()?;
    Ok(if run.success() { run.text() } else { user.name.clone() })
}
