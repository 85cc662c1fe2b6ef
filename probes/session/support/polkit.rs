use serde_json::Value;

use crate::exec::{Child, CommandError, Output};
use crate::sandbox::ProbeContext;

/// What polkit allows this process, as it would answer logind.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Authorization {
    /// The action is allowed.
    Granted,
    /// The action is allowed after a password, which takes a terminal or a desktop.
    WithPassword,
    /// The action is forbidden, or polkit does not answer, and logind refuses all users but root.
    Refused,
}

/// A pending query of polkit. It opens no dialog and changes nothing.
pub(crate) struct PolkitQuery(Child);

impl PolkitQuery {
    /// Asks whether this process may do `action`, such as
    /// `org.freedesktop.login1.set-self-linger`.
    ///
    /// # Errors
    /// When busctl cannot be started.
    pub(crate) fn start(context: &ProbeContext, action: &str) -> Result<Self, CommandError> {
        let command = context
            .command("busctl")
            .args(["--system", "--json=short", "call", "org.freedesktop.PolicyKit1"])
            .arg("/org/freedesktop/PolicyKit1/Authority")
            .args(["org.freedesktop.PolicyKit1.Authority", "CheckAuthorization"])
            // A process may ask about itself. With a start time of 0 polkit looks the time up.
            .args(["(sa{sv})sa{ss}us", "unix-process", "2"])
            .args(["pid", "u", &std::process::id().to_string(), "start-time", "t", "0"])
            // No details, no flags (so no dialog), no cancellation id.
            .args([action, "0", "0", ""]);
        Ok(Self(command.start()?))
    }

    /// Waits for the answer.
    ///
    /// # Errors
    /// When there is none at the deadline.
    pub(crate) fn wait(self) -> Result<(Authorization, Output), CommandError> {
        let run = self.0.wait()?;
        let authorization = if run.success() { read(&run.stdout) } else { Authorization::Refused };
        Ok((authorization, run))
    }
}

/// Reads polkit's `AuthorizationResult`: `{"data":[[is_authorized,is_challenge,{…}]]}`.
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
