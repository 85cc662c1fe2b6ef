//! Queries to logind over the system bus.

use serde_json::{Map, Value};

use super::{Access, QueryError, is_booted_with_systemd};
use crate::exec::{Child, CommandError, Output};

/// The bus name of logind.
const NAME: &str = "org.freedesktop.login1";

/// An infinite time in logind's properties, in microseconds (systemd's `USEC_INFINITY`).
pub const USEC_INFINITY: u64 = u64::MAX;

/// An object of logind that has properties.
#[derive(Debug, Clone, Copy)]
pub enum Object {
    /// The daemon and its settings.
    Manager,
    /// A user by id. logind has only users who are logged in or lingering.
    User(u32),
}

/// A query whose answer has not been read.
pub struct Query(Child);

/// The answer to a [`Query`].
pub struct Properties {
    properties: Option<Map<String, Value>>,
    /// The `busctl` command.
    pub run: Output,
}

impl Object {
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

impl Query {
    /// Asks for all properties of an object. This does not start a logind that is not running.
    ///
    /// # Errors
    /// If busctl cannot be started.
    pub fn start(access: Access, object: Object) -> Result<Self, CommandError> {
        let command = access
            .command("busctl")
            .args(["--system", "--json=short", "--auto-start=no", "call", NAME])
            .arg(object.path())
            .args(["org.freedesktop.DBus.Properties", "GetAll", "s"])
            .arg(object.interface());
        Ok(Self(command.start()?))
    }

    /// Waits for the answer.
    ///
    /// # Errors
    /// If there is none at the deadline.
    pub fn wait(self) -> Result<Properties, CommandError> {
        let run = self.0.wait()?;
        let properties = if run.success() { properties(&run.stdout) } else { None };
        Ok(Properties { properties, run })
    }
}

impl Properties {
    /// Reports whether logind answered and has the object.
    pub fn is_known(&self) -> bool {
        self.properties.is_some()
    }

    /// Returns a boolean property; `None` if this logind does not have it.
    pub fn get_bool(&self, name: &str) -> Option<bool> {
        self.value(name)?.as_bool()
    }

    /// Returns a string property; `None` if this logind does not have it.
    pub fn get_str(&self, name: &str) -> Option<&str> {
        self.value(name)?.as_str()
    }

    /// Returns a number property, such as a time in microseconds; `None` if this logind does not have it.
    pub fn get_u64(&self, name: &str) -> Option<u64> {
        self.value(name)?.as_u64()
    }

    /// Returns a property that is a list of strings; empty if this logind does not have it.
    pub fn get_list(&self, name: &str) -> Vec<&str> {
        let list = self.value(name).and_then(Value::as_array);
        list.into_iter().flatten().filter_map(Value::as_str).collect()
    }

    /// Returns the ids of a user's sessions; empty if the object is no user.
    pub fn session_ids(&self) -> Vec<&str> {
        let sessions = self.value("Sessions").and_then(Value::as_array);
        sessions.into_iter().flatten().filter_map(|session| session.get(0)?.as_str()).collect()
    }

    fn value(&self, name: &str) -> Option<&Value> {
        self.properties.as_ref()?.get(name)?.get("data")
    }
}

/// Finds out why logind did not answer a query about itself, or not readably. `suffix` is appended to the reason.
pub fn unreachable_reason(access: Access, query: &Output, suffix: &str) -> QueryError {
    if !is_booted_with_systemd() {
        return QueryError::Missing(format!(
            "PID 1 is not systemd, so this host has no logind{suffix}"
        ));
    }
    if query.success() {
        let answer = query.stdout_text();
        let start: String = answer.chars().take(80).collect();
        return QueryError::Unreachable(format!("logind's answer cannot be read: {start}{suffix}"));
    }
    let state = access
        .command("systemctl")
        .args(["--system", "show", "--property=LoadState", "--value", "systemd-logind.service"])
        .run();
    match state.map(|run| run.stdout_text()).as_deref() {
        Ok("not-found") => QueryError::Missing(format!("this host has no logind{suffix}")),
        Ok("masked") => QueryError::Missing(format!("logind is masked on this host{suffix}")),
        _ => QueryError::Unreachable(format!(
            "logind does not answer: {}{suffix}",
            query.stderr_text().lines().next().unwrap_or("busctl gave no reason")
        )),
    }
}

/// Formats a time in microseconds as seconds or milliseconds.
pub fn time(microseconds: u64) -> String {
    match microseconds {
        USEC_INFINITY => "infinity".into(),
        _ if microseconds.is_multiple_of(1_000_000) => format!("{} s", microseconds / 1_000_000),
        _ => format!("{} ms", microseconds / 1000),
    }
}

/// Parses the answer to `GetAll`: `{"type":"a{sv}","data":[{NAME:{"type":…,"data":…}}]}`.
pub(crate) fn properties(json: &[u8]) -> Option<Map<String, Value>> {
    let mut answer: Value = serde_json::from_slice(json).ok()?;
    match answer.get_mut("data")?.get_mut(0)?.take() {
        Value::Object(properties) => Some(properties),
        Value::Array(flat) => pairs(flat),
        _ => None,
    }
}

/// Reads `[NAME, VALUE, NAME, VALUE]`, which busctl 254 prints for a dictionary (systemd issue 28711).
fn pairs(flat: Vec<Value>) -> Option<Map<String, Value>> {
    let mut values = flat.into_iter();
    let mut properties = Map::new();
    while let Some(name) = values.next() {
        let Value::String(name) = name else { return None };
        properties.insert(name, values.next()?);
    }
    Some(properties)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn properties_are_parsed_from_the_json_of_busctl() {
        let json = br#"{"type":"a{sv}","data":[{"Linger":{"type":"b","data":true}}]}"#;
        let properties = properties(json).unwrap();
        assert_eq!(properties["Linger"]["data"], Value::Bool(true));
    }

    #[test]
    fn properties_are_parsed_from_the_flat_list_of_busctl_254() {
        let json = br#"{"type":"a{sv}","data":[["Linger",{"type":"b","data":true},"UID",{"type":"u","data":1000}]]}"#;
        let properties = properties(json).unwrap();
        assert_eq!(properties["Linger"]["data"], Value::Bool(true));
        assert_eq!(properties["UID"]["data"], Value::from(1000));
    }

    #[test]
    fn an_incomplete_answer_has_no_properties() {
        for text in
            ["", "{}", r#"{"data":[]}"#, r#"{"data":[1]}"#, r#"{"data":[["Linger"]]}"#, "garbage"]
        {
            assert_eq!(properties(text.as_bytes()), None, "{text}");
        }
    }

    #[test]
    fn times_are_formatted_as_seconds_or_milliseconds() {
        assert_eq!(time(10_000_000), "10 s");
        assert_eq!(time(1_500_000), "1500 ms");
        assert_eq!(time(USEC_INFINITY), "infinity");
    }
}
