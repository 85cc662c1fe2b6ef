use std::fs;
use std::path::{Path, PathBuf};

use crate::host::{Cgroup, ProcStat, UnitProperties};
use crate::sandbox::{NotMeasured, ProbeContext};

/// The units of the user's bus. With dbus-broker, dbus.service is an alias.
const UNITS: [&str; 2] = ["dbus.socket", "dbus.service"];
/// The program that installs packages where the package of the user's bus is called dbus-user-session.
const INSTALLER: &str = "/usr/bin/apt-get";

/// The units that provide the user's bus, as the user's manager knows them.
pub(crate) struct BusUnit {
    is_missing: bool,
    is_listening: bool,
    process: Option<u32>,
    /// Those that failed.
    pub(crate) failed: Vec<String>,
    /// Those that the user masked.
    pub(crate) masked: Vec<String>,
    /// Those that the user masked until the next logout.
    pub(crate) masked_runtime: Vec<String>,
    /// Those that root masked for all users.
    pub(crate) masked_by_root: Vec<String>,
}

/// Why the units provide no bus, the first cause first.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum UnitFault {
    Missing,
    MaskedByRoot,
    Masked,
    ServiceFails,
    SocketStopped,
    /// A signal has stopped the daemon.
    ProcessStopped,
    /// The daemon's cgroup is frozen.
    Frozen,
}

impl BusUnit {
    /// Reads the state of both units.
    ///
    /// # Errors
    /// If the manager does not answer.
    pub(crate) fn read(context: &ProbeContext) -> Result<Self, NotMeasured> {
        let properties = ["Id", "LoadState", "ActiveState", "MainPID"];
        let units = UNITS.map(str::to_owned);
        let (read, _) = UnitProperties::read(context.systemctl(), &units, &properties)?;
        let [socket, service] = &read[..] else {
            return Err(NotMeasured::Unmeasured("systemctl did not show both units".into()));
        };
        let with = |property: &str, value: &str| -> Vec<String> {
            let states = UNITS.into_iter().zip([socket, service]);
            let matching = states.filter(|(_, unit)| unit.get(property) == value);
            matching.map(|(name, _)| name.to_owned()).collect()
        };
        let mut unit = Self {
            is_missing: socket.get("LoadState") == "not-found",
            is_listening: socket.get("ActiveState") == "active",
            process: service.get("MainPID").parse().ok().filter(|pid| *pid != 0),
            failed: with("ActiveState", "failed"),
            masked: Vec::new(),
            masked_runtime: Vec::new(),
            masked_by_root: Vec::new(),
        };
        for name in with("LoadState", "masked") {
            unit.sort_masked(name);
        }
        Ok(unit)
    }

    /// Finds out who masked a unit: the manager of systemd 247 does not say where the link is.
    fn sort_masked(&mut self, name: String) {
        let variable = |name| std::env::var_os(name).map(PathBuf::from);
        let is_masked_in = |dir: &Path| {
            fs::read_link(dir.join(&name)).is_ok_and(|target| target == Path::new("/dev/null"))
        };
        let in_runtime_dir =
            variable("XDG_RUNTIME_DIR").is_some_and(|dir| is_masked_in(&dir.join("systemd/user")));
        let config =
            variable("XDG_CONFIG_HOME").or_else(|| Some(variable("HOME")?.join(".config")));
        let list = if is_masked_in(Path::new("/etc/systemd/user")) {
            &mut self.masked_by_root
        } else if in_runtime_dir
            && !config.is_some_and(|config| is_masked_in(&config.join("systemd/user")))
        {
            &mut self.masked_runtime
        } else {
            &mut self.masked
        };
        list.push(name);
    }

    /// Returns what is wrong with the units; `None` if they are running.
    pub(crate) fn fault(&self) -> Option<UnitFault> {
        let is_stopped = |pid| matches!(ProcStat::of_pid(pid), Ok(Some(stat)) if stat.state == 'T');
        Some(if self.is_missing {
            UnitFault::Missing
        } else if !self.masked_by_root.is_empty() {
            UnitFault::MaskedByRoot
        } else if !self.masked.is_empty() || !self.masked_runtime.is_empty() {
            UnitFault::Masked
        } else if self.failed.iter().any(|unit| unit == UNITS[1]) {
            UnitFault::ServiceFails
        } else if !self.is_listening {
            UnitFault::SocketStopped
        } else if self.freeze_file().is_some() {
            UnitFault::Frozen
        } else if self.process.is_some_and(is_stopped) {
            UnitFault::ProcessStopped
        } else {
            return None;
        })
    }

    /// Returns the file that thaws the daemon's cgroup, if that is frozen.
    pub(crate) fn freeze_file(&self) -> Option<String> {
        let cgroup = Cgroup::of_pid(self.process?).ok()?;
        let is_frozen = cgroup.read("cgroup.freeze").is_some_and(|value| value == "1");
        is_frozen.then(|| format!("/sys/fs/cgroup{}/cgroup.freeze", cgroup.path()))
    }

    /// Returns the program that installs the user's bus as a package, if this host has it.
    pub(crate) fn installer(&self) -> Option<String> {
        let is_here = self.is_missing && Path::new(INSTALLER).exists();
        is_here.then(|| "apt-get".to_owned())
    }
}
