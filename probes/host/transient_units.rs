use std::collections::HashSet;
use std::fs;
use std::path::PathBuf;
use std::time::SystemTime;

use super::kernel_dir::KernelDir;
use super::unit_cgroups::time_of;
use super::{Manager, User};

/// The units of a manager that a program created through its API, as systemd-run does.
///
/// systemd keeps the settings of each in a file as long as the unit is loaded (systemd, src/basic/path-lookup.c,
/// `acquire_transient_dir`), so no manager has to be asked.
#[derive(Debug)]
pub struct TransientUnits {
    directory: PathBuf,
    opened: Option<KernelDir>,
    names: HashSet<String>,
}

impl TransientUnits {
    /// Lists those of a manager; empty if it has none. `runtime_dir` is the value of `XDG_RUNTIME_DIR`.
    pub fn list(manager: Manager, user: &User, runtime_dir: Option<PathBuf>) -> Self {
        let base = match manager {
            Manager::System => PathBuf::from("/run"),
            Manager::User => runtime_dir
                .filter(|directory| directory.is_absolute())
                .unwrap_or_else(|| user.runtime_dir()),
        };
        let directory = base.join("systemd/transient");
        let entries = fs::read_dir(&directory).into_iter().flatten().flatten();
        let names = entries.filter_map(|entry| entry.file_name().into_string().ok()).collect();
        Self { opened: KernelDir::open(&directory).ok(), directory, names }
    }

    /// Returns whether a unit is one of them.
    pub fn contains(&self, unit: &str) -> bool {
        self.names.contains(unit)
    }

    /// Returns when a unit was created.
    pub fn created(&self, unit: &str) -> Option<SystemTime> {
        time_of(&self.opened.as_ref().filter(|_| self.contains(unit))?.stat(unit)?)
    }

    /// Returns the description of a unit.
    pub fn description(&self, unit: &str) -> Option<String> {
        let file = self.contains(unit).then(|| fs::read(self.directory.join(unit)).ok())??;
        description_in(&String::from_utf8_lossy(&file))
    }
}

/// Parses the description in a unit file. systemd writes a `%` of it as two.
pub(crate) fn description_in(file: &str) -> Option<String> {
    let value = file.lines().filter_map(|line| line.strip_prefix("Description=")).next_back()?;
    Some(value.replace("%%", "%"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_last_description_counts() {
        let file = "# x\n[Unit]\nDescription=a\nDescription=it is 100%% \"a b\"\n\n[Scope]\n";
        assert_eq!(description_in(file).as_deref(), Some("it is 100% \"a b\""));
        assert_eq!(description_in("[Unit]\n"), None);
    }

    #[test]
    fn a_manager_without_a_directory_has_none() {
        let user = User { uid: u32::MAX, name: "x".into() };
        let units = TransientUnits::list(Manager::User, &user, Some("relative".into()));
        assert!(!units.contains("a.scope"));
        assert_eq!((units.created("a.scope"), units.description("a.scope")), (None, None));
    }
}
