use std::ffi::{OsStr, OsString};

use crate::exec::Command;
use crate::host::{BusAddress, RuntimeDir, User, Variable};

/// The two variables by which a program finds the user's manager and message bus.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct BusVariables {
    /// `XDG_RUNTIME_DIR`.
    pub(crate) runtime_dir: Option<OsString>,
    /// `DBUS_SESSION_BUS_ADDRESS`.
    pub(crate) bus_address: Option<OsString>,
}

/// Why a launch with such variables fails, as far as the variables show it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Defect {
    /// Neither is set.
    Unset,
    /// They lead to nothing that listens.
    Stale,
    /// They lead to the manager or bus of another user.
    Foreign,
    /// They lead to a message bus, but not to the user's manager.
    OtherBus,
}

impl BusVariables {
    /// The names of both, in the order of the fields.
    pub(crate) const NAMES: [&str; 2] = ["XDG_RUNTIME_DIR", "DBUS_SESSION_BUS_ADDRESS"];

    /// Returns those of this process.
    pub(crate) fn own() -> Self {
        let [runtime_dir, bus_address] = Self::NAMES.map(std::env::var_os);
        Self { runtime_dir, bus_address }
    }

    /// Returns those that `pam_systemd(8)` sets in a session of the user.
    pub(crate) fn conventional(user: &User) -> Self {
        let dir = user.runtime_dir();
        let bus_address = Some(format!("unix:path={}/bus", dir.display()).into());
        Self { runtime_dir: Some(dir.into()), bus_address }
    }

    /// Returns those of a tmux server, which it answered in the order of [`Self::NAMES`].
    pub(crate) fn from_server(variables: Vec<Variable>) -> Self {
        let mut values = variables.into_iter().map(|variable| variable.value);
        let mut next = || values.next().flatten();
        Self { runtime_dir: next(), bus_address: next() }
    }

    /// Sets or removes both in the environment of a command.
    pub(crate) fn apply(&self, command: Command) -> Command {
        let [runtime_dir, bus_address] = Self::NAMES;
        command
            .env_opt(runtime_dir, self.runtime_dir.as_deref())
            .env_opt(bus_address, self.bus_address.as_deref())
    }

    /// Removes both from the environment of a command. A private server that is started so makes no scope for a pane: one
    /// for a pane that has already ended never becomes empty, and would stay.
    pub(crate) fn remove(command: Command) -> Command {
        Self::NAMES.into_iter().fold(command, Command::env_remove)
    }

    /// Returns the tmux commands that put those that are set into a server's global environment, with
    /// a `;` after each.
    pub(crate) fn set_globally(&self) -> Vec<OsString> {
        let values = [&self.runtime_dir, &self.bus_address];
        let set = Self::NAMES.into_iter().zip(values).filter_map(|(name, value)| {
            let words = ["set-environment", "-g", name].map(OsStr::new);
            Some(words.into_iter().chain([value.as_deref()?, OsStr::new(";")]))
        });
        set.flatten().map(OsStr::to_owned).collect()
    }

    /// The tmux commands that remove both from a server's global environment, with a `;` after each.
    pub(crate) const UNSET_GLOBALLY: [&str; 8] = [
        "set-environment",
        "-gu",
        Self::NAMES[0],
        ";",
        "set-environment",
        "-gu",
        Self::NAMES[1],
        ";",
    ];

    /// Returns why a launch with them fails; `None` if the user's manager listens where they lead.
    /// systemd-run tries `XDG_RUNTIME_DIR` first.
    pub(crate) fn defect(&self, uid: u32) -> Option<Defect> {
        use crate::host::SocketState::{Denied, Live};
        match RuntimeDir::inspect(self.runtime_dir.as_deref(), uid) {
            RuntimeDir::NotOwned => Some(Defect::Foreign),
            RuntimeDir::Own { private: Live, .. } => None,
            RuntimeDir::Missing | RuntimeDir::Own { .. } => Some(Defect::Stale),
            RuntimeDir::Unset => Some(match BusAddress::inspect(self.bus_address.as_deref()) {
                BusAddress::Unset => Defect::Unset,
                BusAddress::Socket(Denied) => Defect::Foreign,
                BusAddress::Socket(Live) | BusAddress::Other => Defect::OtherBus,
                BusAddress::Socket(_) => Defect::Stale,
            }),
        }
    }

    /// Returns whether the bus address names a socket without a listener.
    pub(crate) fn has_dead_bus(&self) -> bool {
        use crate::host::SocketState::Live;
        match BusAddress::inspect(self.bus_address.as_deref()) {
            BusAddress::Socket(state) => state != Live,
            BusAddress::Unset | BusAddress::Other => false,
        }
    }

    /// Returns both as text: `XDG_RUNTIME_DIR=/run/user/1, no DBUS_SESSION_BUS_ADDRESS`.
    pub(crate) fn describe(&self) -> String {
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
    fn each_pair_of_variables_gives_its_defect() {
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
    fn an_empty_variable_is_described_as_empty() {
        let text = variables(Some(""), None).describe();
        assert_eq!(text, "XDG_RUNTIME_DIR=, no DBUS_SESSION_BUS_ADDRESS");
    }
}
