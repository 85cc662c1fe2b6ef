//! Questions to logind over the system bus.

use serde_json::{Map, Value};

use super::is_booted_with_systemd;
use crate::Unable;
use crate::sandbox::{CommandError, Completed, Running, Sandbox};

/// The name under which logind answers on the system bus.
const NAME: &str = "org.freedesktop.login1";

/// How logind writes an infinite time, in microseconds (USEC_INFINITY).
pub const INFINITY: u64 = u64::MAX;

/// What logind is asked about.
#[derive(Debug, Clone, Copy)]
pub enum Subject {
    /// The daemon itself and its settings.
    Manager,
    /// A user, by id. logind knows only those who are logged in or lingering.
    User(u32),
}

/// A question to logind under way.
pub struct Question(Running);

/// What logind answered.
pub struct Answer {
    properties: Option<Map<String, Value>>,
    /// The command that asked.
    pub run: Completed,
}

impl Subject {
    fn path(self) -> String {
        match self {
            Self::Manager => "/org/freedesktop/login1".into(),
            Self::User(uid) => format!("/org/freedesktop/login1/user/_{uid}"),
        }
    }

    fn interface(self) -> String {
        match self {
            Self::Manager => format!("{NAME}.Manager"),
            Self::User(_) => format!("{NAME}.User"),
        }
    }
}

impl Question {
    /// Asks for all properties of a subject. A logind that does not run is not started by this.
    ///
    /// # Errors
    /// When busctl cannot be started.
    pub fn ask(sandbox: &Sandbox, subject: Subject) -> Result<Self, CommandError> {
        let command = sandbox
            .command("busctl")
            .args(["--system", "--json=short", "--auto-start=no", "call", NAME])
            .arg(subject.path())
            .args(["org.freedesktop.DBus.Properties", "GetAll", "s"])
            .arg(subject.interface());
        Ok(Self(command.start()?))
    }

    /// Waits for the answer.
    ///
    /// # Errors
    /// When it had not come at the deadline.
    pub fn answer(self) -> Result<Answer, CommandError> {
        let run = self.0.wait()?;
        let properties = if run.success() { properties(&run.stdout) } else { None };
        Ok(Answer { properties, run })
    }
}

impl Answer {
    /// Whether logind answered, and knows the subject.
    pub fn is_known(&self) -> bool {
        self.properties.is_some()
    }

    /// A property that is yes or no; `None` if this logind does not have it.
    pub fn flag(&self, name: &str) -> Option<bool> {
        self.value(name)?.as_bool()
    }

    /// A property that is a text.
    pub fn text(&self, name: &str) -> Option<&str> {
        self.value(name)?.as_str()
    }

    /// A property that is a number, such as a time in microseconds.
    pub fn number(&self, name: &str) -> Option<u64> {
        self.value(name)?.as_u64()
    }

    /// A property that is a list of texts; empty if this logind does not have it.
    pub fn texts(&self, name: &str) -> Vec<&str> {
        let list = self.value(name).and_then(Value::as_array);
        list.into_iter().flatten().filter_map(Value::as_str).collect()
    }

    fn value(&self, name: &str) -> Option<&Value> {
        self.properties.as_ref()?.get(name)?.get("data")
    }
}

/// Why nothing can be learnt from a logind that did not answer about itself. `known` is what can be
/// said all the same.
pub fn silence(sandbox: &Sandbox, asked: &Completed, known: &str) -> Unable {
    if !is_booted_with_systemd() {
        return Unable::Skipped(format!("PID 1 of this host is not systemd, so no logind{known}"));
    }
    let state = sandbox
        .command("systemctl")
        .args(["--system", "show", "--property=LoadState", "--value", "systemd-logind.service"])
        .run();
    match state.map(|run| run.text()).as_deref() {
        Ok("not-found") => Unable::Skipped(format!("this host has no logind{known}")),
        Ok("masked") => Unable::Skipped(format!("logind is masked on this host{known}")),
        _ => Unable::Unmeasured(format!(
            "logind does not answer: {}{known}",
            asked.errors().lines().next().unwrap_or("busctl gave no reason")
        )),
    }
}

/// A time in microseconds, for people.
pub fn time(microseconds: u64) -> String {
    match microseconds {
        INFINITY => "infinity".into(),
        _ if microseconds.is_multiple_of(1_000_000) => format!("{} s", microseconds / 1_000_000),
        _ => format!("{} ms", microseconds / 1000),
    }
}

/// The properties in the answer to GetAll: `{"type":"a{sv}","data":[{NAME:{"type":…,"data":…}}]}`.
pub(crate) fn properties(json: &[u8]) -> Option<Map<String, Value>> {
    let mut answer: Value = serde_json::from_slice(json).ok()?;
    match answer.get_mut("data")?.get_mut(0)?.take() {
        Value::Object(properties) => Some(properties),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn properties_are_read_from_busctls_json() {
        let json = br#"{"type":"a{sv}","data":[{"Linger":{"type":"b","data":true}}]}"#;
        let properties = properties(json).unwrap();
        assert_eq!(properties["Linger"]["data"], Value::Bool(true));
    }

    #[test]
    fn what_is_no_answer_has_no_properties() {
        for text in ["", "{}", r#"{"data":[]}"#, r#"{"data":[1]}"#, "garbage"] {
            assert_eq!(properties(text.as_bytes()), None, "{text}");
        }
    }

    #[test]
    fn times_are_written_for_people() {
        assert_eq!(time(10_000_000), "10 s");
        assert_eq!(time(1_500_000), "1500 ms");
        assert_eq!(time(INFINITY), "infinity");
    }
}
