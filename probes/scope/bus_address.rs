//! Which variables `systemd-run --scope` and `systemd-run --wait` find the user's manager by.

use std::ffi::OsString;
use std::os::unix::ffi::OsStrExt;
use std::path::PathBuf;

use super::own_scope::own_scope;
use crate::host::{RuntimeDir, SocketState, User};
use crate::sandbox::{Command, Completed, Sandbox};
use crate::{Measurement, Unable};

/// The variables of one launch, where "right" leads to the user's manager.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Value {
    Right,
    Wrong,
    Empty,
    Unset,
}
use Value::{Empty, Right, Unset, Wrong};

/// What is measured: the fact's end, XDG_RUNTIME_DIR, and DBUS_SESSION_BUS_ADDRESS.
const SURROUNDINGS: [(&str, Value, Value); 8] = [
    ("neither", Unset, Unset),
    ("dir-alone", Right, Unset),
    ("bus-alone", Unset, Right),
    ("dir-wrong", Wrong, Right),
    ("dir-empty", Empty, Right),
    ("bus-wrong", Right, Wrong),
    ("bus-empty", Right, Empty),
    ("both", Right, Right),
];

/// The two ways to launch: they connect differently.
const WAYS: [(&str, Launch); 2] = [("scope", scope), ("wait", wait)];

type Launch = fn(&Sandbox, &str) -> Command;

pub fn measure(sandbox: &Sandbox) -> Result<Measurement, Unable> {
    if !sandbox.is_user() {
        let reason = "it is about the way to the user manager, and --manager system was given";
        return Err(Unable::Skipped(reason.into()));
    }
    sandbox.require_manager()?;
    let way = Way::find(sandbox)?;
    let mut measurement = Measurement::default();
    // One after the other, because the manager tells every launch under way of all units.
    for (name, launch) in WAYS {
        for (surroundings, dir, bus) in SURROUNDINGS {
            let fact = format!("{name}-{surroundings}");
            let command = way.surround(launch(sandbox, &fact), dir, bus);
            let run = command.args(["--", "true"]).run()?;
            let value = if run.success() { "starts" } else { "refused" };
            if surroundings == "both" {
                control(&run)?;
            } else {
                measurement.fact_from(&fact, value, &run);
            }
        }
    }
    if measurement.facts.values().all(|value| value == "starts") {
        let reason = "systemd-run succeeds even where it can find no manager: it does not launch";
        return Err(Unable::Unmeasured(reason.into()));
    }
    measurement.summary = summary(&measurement);
    Ok(measurement)
}

fn scope(sandbox: &Sandbox, _: &str) -> Command {
    own_scope(sandbox)
}

fn wait(sandbox: &Sandbox, label: &str) -> Command {
    let unit = sandbox.unit_name(label, "service");
    // A unit that is to start nothing: of all that a process does, the bus would be told at length.
    let options = ["--quiet", "--collect", "--wait", "--property=ConditionPathExists=!/"];
    sandbox.systemd_run().args(options).arg(format!("--unit={unit}"))
}

/// Without a launch that works, a refusal of the others would say nothing.
fn control(run: &Completed) -> Result<(), Unable> {
    if run.success() {
        return Ok(());
    }
    Err(Unable::Unmeasured(format!(
        "even with both variables right nothing was started: {}",
        run.failure()
    )))
}

fn summary(measurement: &Measurement) -> String {
    let is = |fact: &str| measurement.facts[fact] == "starts";
    let scope = match (is("scope-dir-alone"), is("scope-dir-wrong")) {
        (true, true) => "XDG_RUNTIME_DIR, else DBUS_SESSION_BUS_ADDRESS",
        (true, false) => "XDG_RUNTIME_DIR if it is set, even if it is wrong",
        (false, _) => "DBUS_SESSION_BUS_ADDRESS",
    };
    let wait = match (is("wait-bus-alone"), is("wait-bus-wrong")) {
        (true, true) => "DBUS_SESSION_BUS_ADDRESS, else XDG_RUNTIME_DIR",
        (true, false) => "DBUS_SESSION_BUS_ADDRESS if it is set, even if it is wrong",
        (false, _) => "XDG_RUNTIME_DIR",
    };
    format!("--scope goes by {scope}; --wait by {wait}")
}

/// The right and the wrong values.
struct Way {
    dir: PathBuf,
    bus: OsString,
    nowhere: PathBuf,
}

impl Way {
    /// Finds the runtime directory in which the user's manager and bus listen: the one that is set,
    /// or else the usual one.
    fn find(sandbox: &Sandbox) -> Result<Self, Unable> {
        let user = User::current();
        let set = std::env::var_os("XDG_RUNTIME_DIR").map(PathBuf::from);
        let is_whole = |dir: &PathBuf| {
            let live = SocketState::Live;
            RuntimeDir::look(Some(dir.as_os_str()), user.uid)
                == RuntimeDir::Own { private: live, bus: live }
        };
        let usual = user.runtime_dir();
        let dir = set.into_iter().chain([usual.clone()]).find(is_whole).ok_or_else(|| {
            let usual = usual.display();
            Unable::Skipped(format!("the user has no manager and message bus in {usual}"))
        })?;
        let mut bus = OsString::from("unix:path=");
        bus.push(escape(dir.join("bus").as_os_str().as_bytes()));
        Ok(Self { dir, bus, nowhere: sandbox.dir().join("nowhere") })
    }

    fn surround(&self, command: Command, dir: Value, bus: Value) -> Command {
        let mut wrong_bus = OsString::from("unix:path=");
        wrong_bus.push(escape(self.nowhere.as_os_str().as_bytes()));
        let value = |value, right: &OsString, wrong: &OsString| match value {
            Right => Some(right.clone()),
            Wrong => Some(wrong.clone()),
            Empty => Some(OsString::new()),
            Unset => None,
        };
        let dir = value(dir, &self.dir.clone().into(), &self.nowhere.clone().into());
        let bus = value(bus, &self.bus, &wrong_bus);
        command
            .env_as("XDG_RUNTIME_DIR", dir.as_deref())
            .env_as("DBUS_SESSION_BUS_ADDRESS", bus.as_deref())
    }
}

/// A path as it stands in a bus address (D-Bus Specification, "Server Addresses").
fn escape(path: &[u8]) -> String {
    path.iter()
        .map(|&byte| match byte {
            b'0'..=b'9' | b'A'..=b'Z' | b'a'..=b'z' | b'-' | b'_' | b'/' | b'.' => {
                char::from(byte).to_string()
            }
            _ => format!("%{byte:02x}"),
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_an_address_reserves_is_escaped_in_a_path() {
        assert_eq!(escape(b"/run/user/1/bus"), "/run/user/1/bus");
        assert_eq!(escape(b"/a b,c;\xff"), "/a%20b%2cc%3b%ff");
    }
}
