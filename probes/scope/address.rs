use std::ffi::OsString;
use std::path::Path;

use crate::host::{BusAddress, RuntimeDir, SocketState, User, is_booted_with_systemd};

/// The socket of the system bus (D-Bus Specification, "System message bus").
const SYSTEM_BUS: &str = "/run/dbus/system_bus_socket";

/// The ways by which this environment could lead to the user's manager, and what stands at their
/// ends.
#[derive(Debug, Clone, Copy)]
pub struct Address {
    /// Whether XDG_RUNTIME_DIR is set, be it to nothing.
    pub is_runtime_dir_set: bool,
    /// What XDG_RUNTIME_DIR leads to.
    pub runtime_dir: RuntimeDir,
    /// Whether DBUS_SESSION_BUS_ADDRESS is set, be it to nothing.
    pub is_bus_set: bool,
    /// What DBUS_SESSION_BUS_ADDRESS leads to.
    pub bus: BusAddress,
    /// What is in the place where the user's runtime directory is by convention.
    pub home: RuntimeDir,
    /// The system bus.
    pub system_bus: SocketState,
    /// Whether systemd is PID 1.
    pub is_booted: bool,
}

impl Address {
    /// Looks at this process's environment and at the sockets that it names.
    pub fn look(user: &User) -> Self {
        let runtime_dir = std::env::var_os("XDG_RUNTIME_DIR");
        let bus = std::env::var_os("DBUS_SESSION_BUS_ADDRESS");
        let home: OsString = user.runtime_dir().into();
        Self {
            is_runtime_dir_set: runtime_dir.is_some(),
            runtime_dir: RuntimeDir::look(runtime_dir.as_deref(), user.uid),
            is_bus_set: bus.is_some(),
            bus: BusAddress::look(bus.as_deref()),
            home: RuntimeDir::look(Some(&home), user.uid),
            system_bus: SocketState::of(Path::new(SYSTEM_BUS)),
            is_booted: is_booted_with_systemd(),
        }
    }

    /// How good the variables are on a host where a scope was started by means of them.
    pub fn name(&self) -> &'static str {
        let is_bus_dead = match self.bus {
            BusAddress::Unset => self.is_bus_set,
            BusAddress::Socket(state) => state != SocketState::Live,
            BusAddress::Other => false,
        };
        if self.is_runtime_dir_set && !self.runtime_dir.has_manager() {
            "runtime-dir-wrong"
        } else if is_bus_dead {
            "bus-address-wrong"
        } else {
            "good"
        }
    }

    /// Why nobody answers at the end of it; `None` if somebody listens there.
    ///
    /// XDG_RUNTIME_DIR decides if it is set: since systemd 257 DBUS_SESSION_BUS_ADDRESS is only
    /// looked at without it, and the releases before that would have got through by it.
    pub fn fault(&self) -> Option<&'static str> {
        let is_bus_live =
            matches!(self.bus, BusAddress::Socket(SocketState::Live) | BusAddress::Other);
        if self.runtime_dir.has_manager() || (!self.is_runtime_dir_set && is_bus_live) {
            return None;
        }
        if !self.is_booted {
            return Some("no-systemd");
        }
        Some(match self.home {
            RuntimeDir::Own { private: SocketState::Live, .. } => self.wrong_variable(),
            _ if self.system_bus != SocketState::Live => "no-system-bus",
            RuntimeDir::Own { private: SocketState::Missing, .. } => "user-manager-stopped",
            RuntimeDir::Own { .. } => "socket-refuses",
            _ => "no-user-manager",
        })
    }

    /// Which variable is at fault on a host whose user manager listens in its usual place.
    fn wrong_variable(&self) -> &'static str {
        match (self.runtime_dir, self.bus) {
            (RuntimeDir::Unset, BusAddress::Unset) => "no-bus-variables",
            (RuntimeDir::Unset, _) if !self.is_runtime_dir_set => "bus-address-dead",
            (RuntimeDir::Unset | RuntimeDir::Missing, _) => "runtime-dir-missing",
            (RuntimeDir::Foreign, _) => "runtime-dir-foreign",
            (RuntimeDir::Own { private: SocketState::Missing, .. }, _) => "runtime-dir-empty",
            (RuntimeDir::Own { .. }, _) => "runtime-dir-dead",
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use SocketState::{Live, Missing, Refused};

    const OWN: RuntimeDir = RuntimeDir::Own { private: Live, bus: Live };
    const GOOD: Address = Address {
        is_runtime_dir_set: true,
        runtime_dir: OWN,
        is_bus_set: true,
        bus: BusAddress::Socket(Live),
        home: OWN,
        system_bus: Live,
        is_booted: true,
    };

    #[test]
    fn a_live_socket_has_no_fault_whatever_pid_1_is() {
        assert_eq!(GOOD.fault(), None);
        assert_eq!(Address { is_booted: false, ..GOOD }.fault(), None);
        assert_eq!(GOOD.name(), "good");
    }

    #[test]
    fn the_bus_address_counts_only_without_a_runtime_dir() {
        let unset = Address { is_runtime_dir_set: false, runtime_dir: RuntimeDir::Unset, ..GOOD };
        assert_eq!(unset.fault(), None);
        assert_eq!(unset.name(), "good");
        let empty = Address { is_runtime_dir_set: true, ..unset };
        assert_eq!(empty.fault(), Some("runtime-dir-missing"));
        assert_eq!(empty.name(), "runtime-dir-wrong");
        let dead = Address { bus: BusAddress::Socket(Missing), ..unset };
        assert_eq!(dead.fault(), Some("bus-address-dead"));
        assert_eq!(Address { bus: BusAddress::Unset, ..unset }.fault(), Some("no-bus-variables"));
        assert_eq!(Address { bus: BusAddress::Unset, ..GOOD }.name(), "bus-address-wrong");
        assert_eq!(Address { is_bus_set: false, bus: BusAddress::Unset, ..GOOD }.name(), "good");
    }

    #[test]
    fn a_manager_that_is_gone_is_told_from_variables_that_are_wrong() {
        let at = |private, home| {
            let runtime_dir = RuntimeDir::Own { private, bus: private };
            Address { runtime_dir, home, ..GOOD }.fault()
        };
        assert_eq!(at(Refused, OWN), Some("runtime-dir-dead"));
        assert_eq!(at(Missing, OWN), Some("runtime-dir-empty"));
        let ended = |private| RuntimeDir::Own { private, bus: private };
        assert_eq!(at(Refused, ended(Refused)), Some("socket-refuses"));
        assert_eq!(at(Missing, ended(Missing)), Some("user-manager-stopped"));
        assert_eq!(at(Missing, RuntimeDir::Missing), Some("no-user-manager"));
        let no_bus = Address {
            runtime_dir: RuntimeDir::Missing,
            home: RuntimeDir::Missing,
            system_bus: Missing,
            ..GOOD
        };
        assert_eq!(no_bus.fault(), Some("no-system-bus"));
        assert_eq!(Address { is_booted: false, ..no_bus }.fault(), Some("no-systemd"));
    }
}
