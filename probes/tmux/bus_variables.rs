use std::ffi::{OsStr, OsString};

use crate::host::{BusAddress, RuntimeDir, User, Variable};
use crate::sandbox::Command;

/// The two variables by which a program finds the user's manager and message bus.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct BusVariables {
    pub runtime_dir: Option<OsString>,
    pub bus_address: Option<OsString>,
}

/// Why a launch that was given such variables did not work, as far as they can tell.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Defect {
    /// Neither is set.
    Unset,
    /// They lead to nothing that listens.
    Stale,
    /// They lead to another user's.
    Foreign,
    /// They lead to a message bus, but not to the user's manager.
    OtherBus,
}

impl BusVariables {
    /// The names of both, in the order of the fields.
    pub const NAMES: [&str; 2] = ["XDG_RUNTIME_DIR", "DBUS_SESSION_BUS_ADDRESS"];

    /// Those of the doctor itself.
    pub fn own() -> Self {
        let [runtime_dir, bus_address] = Self::NAMES.map(std::env::var_os);
        Self { runtime_dir, bus_address }
    }

    /// Those that pam_systemd(8) gives a session of the user.
    pub fn conventional(user: &User) -> Self {
        let dir = user.runtime_dir();
        let bus_address = Some(format!("unix:path={}/bus", dir.display()).into());
        Self { runtime_dir: Some(dir.into()), bus_address }
    }

    /// Those that a tmux server has told, in the order of [`Self::NAMES`].
    pub fn told(variables: Vec<Variable>) -> Self {
        let mut values = variables.into_iter().map(|variable| variable.value);
        let mut next = || values.next().flatten();
        Self { runtime_dir: next(), bus_address: next() }
    }

    /// Gives them, and the lack of them, to a command.
    pub fn apply(&self, command: Command) -> Command {
        let [runtime_dir, bus_address] = Self::NAMES;
        command
            .env_as(runtime_dir, self.runtime_dir.as_deref())
            .env_as(bus_address, self.bus_address.as_deref())
    }

    /// Takes both away from a command.
    pub fn remove(command: Command) -> Command {
        Self::NAMES.into_iter().fold(command, |command, name| command.env_remove(name))
    }

    /// The tmux commands that put those that are set into a server's global environment, each with
    /// a `;` behind it.
    pub fn set_globally(&self) -> Vec<OsString> {
        let values = [&self.runtime_dir, &self.bus_address];
        let set = Self::NAMES.into_iter().zip(values).filter_map(|(name, value)| {
            let words = ["set-environment", "-g", name].map(OsStr::new);
            Some(words.into_iter().chain([value.as_deref()?, OsStr::new(";")]))
        });
        set.flatten().map(OsStr::to_owned).collect()
    }

    /// The tmux commands that take both out of a server's global environment, likewise.
    pub const UNSET_GLOBALLY: [&str; 8] = [
        "set-environment",
        "-gu",
        Self::NAMES[0],
        ";",
        "set-environment",
        "-gu",
        Self::NAMES[1],
        ";",
    ];

    /// Why a launch with them has failed; `None` if the user's manager listens where they lead. It
    /// is looked for at XDG_RUNTIME_DIR first.
    pub fn defect(&self, uid: u32) -> Option<Defect> {
        use crate::host::SocketState::{Denied, Live};
        match RuntimeDir::look(self.runtime_dir.as_deref(), uid) {
            RuntimeDir::Foreign => Some(Defect::Foreign),
            RuntimeDir::Own { private: Live, .. } => None,
            RuntimeDir::Missing | RuntimeDir::Own { .. } => Some(Defect::Stale),
            RuntimeDir::Unset => Some(match BusAddress::look(self.bus_address.as_deref()) {
                BusAddress::Unset => Defect::Unset,
                BusAddress::Socket(Denied) => Defect::Foreign,
                BusAddress::Socket(Live) | BusAddress::Other => Defect::OtherBus,
                BusAddress::Socket(_) => Defect::Stale,
            }),
        }
    }

    /// Whether the bus address names a socket on which nobody listens.
    pub fn has_dead_bus(&self) -> bool {
        use crate::host::SocketState::Live;
        match BusAddress::look(self.bus_address.as_deref()) {
            BusAddress::Socket(state) => state != Live,
            BusAddress::Unset | BusAddress::Other => false,
        }
    }

    /// Both as people write them: `XDG_RUNTIME_DIR=/run/user/1, no DBUS_SESSION_BUS_ADDRESS`.
    pub fn shown(&self) -> String {
        let [runtime_dir, bus_address] = Self::NAMES;
        [(runtime_dir, &self.runtime_dir), (bus_address, &self.bus_address)]
            .map(|(name, value)| match value {
                Some(value) => format!("{name}={}", value.to_string_lossy()),
                None => format!("no {name}"),
            })
            .join(", ")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn variables(runtime_dir: Option<&str>, bus_address: Option<&str>) -> BusVariables {
        BusVariables {
            runtime_dir: runtime_dir.map(OsString::from),
            bus_address: bus_address.map(OsString::from),
        }
    }

    #[test]
    fn a_defect_is_named_by_what_the_variables_lead_to() {
        let uid = nix::unistd::getuid().as_raw();
        for (runtime_dir, bus_address, uid, defect) in [
            (None, None, uid, Defect::Unset),
            (Some(""), Some(""), uid, Defect::Unset),
            (Some("/no/such"), None, uid, Defect::Stale),
            (Some("/no/such"), Some("unix:abstract=x"), uid, Defect::Stale),
            (None, Some("unix:path=/no/such"), uid, Defect::Stale),
            (Some("/proc"), None, uid + 1, Defect::Foreign),
            (None, Some("unix:abstract=x"), uid, Defect::OtherBus),
        ] {
            assert_eq!(variables(runtime_dir, bus_address).defect(uid), Some(defect));
        }
    }

    #[test]
    fn a_bus_address_is_dead_only_where_it_names_a_socket_without_a_listener() {
        assert!(variables(None, Some("unix:path=/no/such")).has_dead_bus());
        assert!(!variables(None, Some("unix:abstract=x")).has_dead_bus());
        assert!(!variables(None, None).has_dead_bus());
    }

    #[test]
    fn an_empty_variable_is_shown_as_it_is() {
        let shown = variables(Some(""), None).shown();
        assert_eq!(shown, "XDG_RUNTIME_DIR=, no DBUS_SESSION_BUS_ADDRESS");
    }
}
