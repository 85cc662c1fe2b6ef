use std::time::{SystemTime, UNIX_EPOCH};

use super::timers::days_since_1970;
use super::{Access, QueryError};
use crate::exec::Output;

/// Reports whether a user id has an account, in /etc/passwd or in the host's name services.
///
/// # Errors
/// If getent(1) cannot be run.
pub fn has_account(access: Access, uid: u32) -> Result<bool, QueryError> {
    Ok(access.command("getent").args(["passwd", &uid.to_string()]).run()?.success())
}

/// Returns the day on which the account of `user` expired, as chage(1) prints it; `None` if it has not, or does not
/// expire. Users may ask about themselves.
///
/// # Errors
/// If chage(1) cannot be run.
pub fn expired_on(access: Access, user: &str) -> Result<(Option<String>, Output), QueryError> {
    let run = access.command("chage").args(["--list", "--", user]).run()?;
    let seconds = SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |since| since.as_secs());
    let today = i64::try_from(seconds / 86_400).unwrap_or(i64::MAX);
    Ok((expiry(&run.stdout_text()).filter(|(_, day)| *day <= today).map(|(text, _)| text), run))
}

/// Parses the line `Account expires : Jan 02, 1970` into the text and the days since 1970.
fn expiry(list: &str) -> Option<(String, i64)> {
    const MONTHS: [&str; 12] =
        ["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"];
    let line = list.lines().find_map(|line| line.strip_prefix("Account expires"))?;
    let (_, date) = line.split_once(':')?;
    let date = date.trim();
    let mut words = date.split([' ', ',']).filter(|word| !word.is_empty());
    let name = words.next()?;
    let month = MONTHS.iter().position(|month| *month == name)?;
    let day = words.next()?.parse().ok()?;
    let year = words.next()?.parse().ok()?;
    let days = days_since_1970(year, i64::try_from(month).ok()? + 1, day)?;
    Some((date.to_owned(), days))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_day_on_which_an_account_expires_is_parsed() {
        let list = "Password expires\t: never\nAccount expires\t\t\t\t: Jan 02, 1970\n";
        assert_eq!(expiry(list), Some(("Jan 02, 1970".into(), 1)));
        assert_eq!(expiry("Account expires\t: never\n"), None);
        assert_eq!(expiry(""), None);
    }
}
