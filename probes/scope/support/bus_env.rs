use std::ffi::OsString;
use std::path::Path;

use super::availability::Availability;
use crate::fact_values;
use crate::host::{
    BusAddress, RuntimeDir, SocketState, User, is_booted_with_systemd, is_bus_of_manager,
};

/// The socket of the system bus (D-Bus Specification, "System message bus").
const SYSTEM_BUS: &str = "/run/dbus/system_bus_socket";

fact_values! {
    /// Whether the variables lead to the user manager on a host where a scope was started.
    pub(crate) enum BusQuality {
        Good = "good",
        RuntimeDirWrong = "runtime-dir-wrong",
        BusAddressWrong = "bus-address-wrong",
    }
}

/// The variables by which systemd-run finds the user manager, and the state of the sockets that
/// they name.
#[derive(Debug, Clone, Copy)]
pub(crate) struct BusEnvironment {
    /// Whether `XDG_RUNTIME_DIR` is set, even if it is empty.
    pub(crate) is_runtime_dir_set: bool,
    /// What `XDG_RUNTIME_DIR` leads to.
    pub(crate) runtime_dir: RuntimeDir,
    /// Whether `DBUS_SESSION_BUS_ADDRESS` is set, even if it is empty.
    pub(crate) is_bus_set: bool,
    /// What `DBUS_SESSION_BUS_ADDRESS` leads to.
    pub(crate) bus: BusAddress,
    /// Whether the user manager in `/run/user/UID` listens there, as far as that shows.
    pub(crate) is_bus_of_manager: bool,
    /// The directory `/run/user/UID`, where the user's runtime directory is by convention.
    pub(crate) default_runtime_dir: RuntimeDir,
    /// The system bus.
    pub(crate) system_bus: SocketState,
    /// Whether systemd is PID 1.
    pub(crate) is_booted: bool,
}

impl BusEnvironment {
    /// Reads this process's environment and connects to the sockets that it names.
    pub(crate) fn detect(user: &User) -> Self {
        let runtime_dir = std::env::var_os("XDG_RUNTIME_DIR");
        let bus = std::env::var_os("DBUS_SESSION_BUS_ADDRESS");
        let default_runtime_dir: OsString = user.runtime_dir().into();
        Self {
            is_runtime_dir_set: runtime_dir.is_some(),
            runtime_dir: RuntimeDir::inspect(runtime_dir.as_deref(), user.uid),
            is_bus_set: bus.is_some(),
            bus: BusAddress::inspect(bus.as_deref()),
            is_bus_of_manager: bus.as_deref().is_none_or(|address| {
                is_bus_of_manager(address, &user.runtime_dir().join("systemd/private"))
            }),
            default_runtime_dir: RuntimeDir::inspect(Some(&default_runtime_dir), user.uid),
            system_bus: SocketState::of(Path::new(SYSTEM_BUS)),
            is_booted: is_booted_with_systemd(),
        }
    }

    /// Returns which variable is wrong although a scope was started.
    pub(crate) fn quality(&self) -> BusQuality {
        let is_bus_dead = match self.bus {
            BusAddress::Unset => self.is_bus_set,
            BusAddress::Socket(state) => state != SocketState::Live,
            BusAddress::Other => false,
        };
        if self.is_runtime_dir_set && !self.runtime_dir.has_manager() {
            BusQuality::RuntimeDirWrong
        } else if is_bus_dead {
            BusQuality::BusAddressWrong
        } else {
            BusQuality::Good
        }
    }

    /// Reports whether `XDG_RUNTIME_DIR` is the user's, and no process listens on a manager's socket in it.
    pub(crate) fn is_manager_socket_dead(&self) -> bool {
        matches!(self.runtime_dir, RuntimeDir::Own { private, .. } if private != SocketState::Live)
    }

    /// Returns why no manager can be reached; `None` if a process listens on the socket that
    /// systemd-run uses.
    ///
    /// If `XDG_RUNTIME_DIR` is set, it alone counts: systemd 257 and later use
    /// `DBUS_SESSION_BUS_ADDRESS` only without it, and earlier releases would have got through by
    /// it.
    pub(crate) fn diagnosis(&self) -> Option<Availability> {
        let is_bus_live =
            matches!(self.bus, BusAddress::Socket(SocketState::Live) | BusAddress::Other);
        let is_found_by_bus = !self.is_runtime_dir_set && is_bus_live && self.is_bus_of_manager;
        if self.runtime_dir.has_manager() || is_found_by_bus {
            return None;
        }
        if !self.is_booted {
            return Some(Availability::NoSystemd);
        }
        Some(match self.default_runtime_dir {
            RuntimeDir::Own { private: SocketState::Live, .. } => self.wrong_variable(),
            _ if self.system_bus != SocketState::Live => Availability::NoSystemBus,
            RuntimeDir::Own { private: SocketState::Missing, .. } => {
                Availability::UserManagerStopped
            }
            RuntimeDir::Own { .. } => Availability::SocketRefuses,
            _ => Availability::NoUserManager,
        })
    }

    /// Returns which variable is wrong on a host whose user manager listens in its default place.
    fn wrong_variable(&self) -> Availability {
        match (self.runtime_dir, self.bus) {
            (RuntimeDir::Unset, BusAddress::Unset) => Availability::NoBusVariables,
            (RuntimeDir::Unset, BusAddress::Socket(SocketState::Live))
                if !self.is_runtime_dir_set =>
            {
                Availability::BusAddressForeign
            }
            (RuntimeDir::Unset, _) if !self.is_runtime_dir_set => Availability::BusAddressDead,
            (RuntimeDir::Unset | RuntimeDir::Missing, _) => Availability::RuntimeDirMissing,
            (RuntimeDir::NotOwned, _) => Availability::RuntimeDirForeign,
            (RuntimeDir::Own { private: SocketState::Missing, .. }, _) => {
                Availability::RuntimeDirEmpty
            }
            (RuntimeDir::Own { .. }, _) => Availability::RuntimeDirDead,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use SocketState::{Live, Missing, Refused};

    const OWN: RuntimeDir = RuntimeDir::Own { private: Live, bus: Live };
    const GOOD: BusEnvironment = BusEnvironment {
        is_runtime_dir_set: true,
        runtime_dir: OWN,
        is_bus_set: true,
        bus: BusAddress::Socket(Live),
        is_bus_of_manager: true,
        default_runtime_dir: OWN,
        system_bus: Live,
        is_booted: true,
    };

    #[test]
    fn a_live_manager_socket_needs_no_diagnosis_whatever_pid_1_is() {
        assert_eq!(GOOD.diagnosis(), None);
        assert_eq!(BusEnvironment { is_booted: false, ..GOOD }.diagnosis(), None);
        assert_eq!(GOOD.quality(), BusQuality::Good);
    }

    #[test]
    fn the_bus_address_counts_only_without_a_runtime_dir() {
        let unset =
            BusEnvironment { is_runtime_dir_set: false, runtime_dir: RuntimeDir::Unset, ..GOOD };
        assert_eq!(unset.diagnosis(), None);
        assert_eq!(unset.quality(), BusQuality::Good);
        let empty = BusEnvironment { is_runtime_dir_set: true, ..unset };
        assert_eq!(empty.diagnosis(), Some(Availability::RuntimeDirMissing));
        assert_eq!(empty.quality(), BusQuality::RuntimeDirWrong);
        let dead = BusEnvironment { bus: BusAddress::Socket(Missing), ..unset };
        assert_eq!(dead.diagnosis(), Some(Availability::BusAddressDead));
        let foreign = BusEnvironment { is_bus_of_manager: false, ..unset };
        assert_eq!(foreign.diagnosis(), Some(Availability::BusAddressForeign));
        let without_bus = |environment| BusEnvironment { bus: BusAddress::Unset, ..environment };
        assert_eq!(without_bus(unset).diagnosis(), Some(Availability::NoBusVariables));
        assert_eq!(without_bus(GOOD).quality(), BusQuality::BusAddressWrong);
        let no_variable = BusEnvironment { is_bus_set: false, ..without_bus(GOOD) };
        assert_eq!(no_variable.quality(), BusQuality::Good);
    }

    #[test]
    fn a_manager_that_does_not_run_is_distinguished_from_wrong_variables() {
        let at = |private, default_runtime_dir| {
            let runtime_dir = RuntimeDir::Own { private, bus: private };
            BusEnvironment { runtime_dir, default_runtime_dir, ..GOOD }.diagnosis()
        };
        assert_eq!(at(Refused, OWN), Some(Availability::RuntimeDirDead));
        assert_eq!(at(Missing, OWN), Some(Availability::RuntimeDirEmpty));
        let ended = |private| RuntimeDir::Own { private, bus: private };
        assert_eq!(at(Refused, ended(Refused)), Some(Availability::SocketRefuses));
        assert_eq!(at(Missing, ended(Missing)), Some(Availability::UserManagerStopped));
        assert_eq!(at(Missing, RuntimeDir::Missing), Some(Availability::NoUserManager));
        let no_bus = BusEnvironment {
            runtime_dir: RuntimeDir::Missing,
            default_runtime_dir: RuntimeDir::Missing,
            system_bus: Missing,
            ..GOOD
        };
        assert_eq!(no_bus.diagnosis(), Some(Availability::NoSystemBus));
        let no_systemd = BusEnvironment { is_booted: false, ..no_bus };
        assert_eq!(no_systemd.diagnosis(), Some(Availability::NoSystemd));
    }
}
