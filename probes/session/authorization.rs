use serde_json::Value;

use crate::sandbox::{CommandError, Completed, Running, Sandbox};

/// What polkit lets this process do, as it would answer logind.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Authorization {
    /// It may, without being asked anything.
    Granted,
    /// It may once somebody has given a password, which takes a terminal or a desktop.
    WithPassword,
    /// It may not, or polkit does not answer: logind then refuses everybody but root.
    Refused,
}

/// A question to polkit under way. It opens no dialogue and changes nothing.
pub struct Request(Running);

impl Request {
    /// Asks whether the calling process may do `action`, such as
    /// `org.freedesktop.login1.set-self-linger`.
    ///
    /// # Errors
    /// When busctl cannot be started.
    pub fn ask(sandbox: &Sandbox, action: &str) -> Result<Self, CommandError> {
        let command = sandbox
            .command("busctl")
            .args(["--system", "--json=short", "call", "org.freedesktop.PolicyKit1"])
            .arg("/org/freedesktop/PolicyKit1/Authority")
            .args(["org.freedesktop.PolicyKit1.Authority", "CheckAuthorization"])
            // Anybody may ask about a process of his own. With a start time of 0 polkit looks it up.
            .args(["(sa{sv})sa{ss}us", "unix-process", "2"])
            .args(["pid", "u", &std::process::id().to_string(), "start-time", "t", "0"])
            // No details, no flags (so no dialogue), no cancellation id.
            .args([action, "0", "0", ""]);
        Ok(Self(command.start()?))
    }

    /// Waits for the answer.
    ///
    /// # Errors
    /// When it had not come at the deadline.
    pub fn answer(self) -> Result<(Authorization, Completed), CommandError> {
        let run = self.0.wait()?;
        let authorization = if run.success() { read(&run.stdout) } else { Authorization::Refused };
        Ok((authorization, run))
    }
}

/// Reads polkit's AuthorizationResult: `{"data":[[is_authorized,is_challenge,{…}]]}`.
pub(crate) fn read(json: &[u8]) -> Authorization {
    let answer: Value = serde_json::from_slice(json).unwrap_or_default();
    let result = &answer["data"][0];
    match (result[0].as_bool(), result[1].as_bool()) {
        (Some(true), _) => Authorization::Granted,
        (_, Some(true)) => Authorization::WithPassword,
        _ => Authorization::Refused,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_authorization_is_read_from_busctls_json() {
        for (json, expected) in [
            (r#"{"data":[[true,false,{}]]}"#, Authorization::Granted),
            (r#"{"data":[[false,true,{"a":"1"}]]}"#, Authorization::WithPassword),
            (r#"{"data":[[false,false,{}]]}"#, Authorization::Refused),
            ("garbage", Authorization::Refused),
        ] {
            assert_eq!(read(json.as_bytes()), expected, "{json}");
        }
    }
}
