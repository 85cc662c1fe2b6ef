use std::path::{Path, PathBuf};
use std::{fs, io};

use super::Manager;
use super::kernel_file::read_kernel_text;

/// The mount point of the unified hierarchy (systemd.io, "Control Group APIs and Delegation").
const MOUNT: &str = "/sys/fs/cgroup";

/// A control group in the hierarchy that systemd manages.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Cgroup(String);

impl Cgroup {
    /// Returns the cgroup of the process `pid`.
    ///
    /// # Errors
    /// If the process has exited, or its cgroups cannot be read.
    pub fn of_pid(pid: u32) -> io::Result<Self> {
        let text = read_kernel_text(format!("/proc/{pid}/cgroup"))?;
        Self::parse(&text).ok_or_else(|| io::Error::other(format!("process {pid} has no cgroup")))
    }

    /// Parses `/proc/PID/cgroup` (cgroups(7)): the line of the unified hierarchy, or with cgroup v1 that
    /// of `name=systemd`.
    pub fn parse(text: &str) -> Option<Self> {
        // HIERARCHY:CONTROLLERS:PATH, and the path may contain colons.
        let path = |wanted: &str| {
            text.lines().find_map(|line| {
                let (_, rest) = line.split_once(':')?;
                let (controllers, path) = rest.split_once(':')?;
                (controllers == wanted).then_some(path)
            })
        };
        let path = match (path(""), path("name=systemd")) {
            (None | Some("/"), Some(path)) => path,
            (unified, _) => unified?,
        };
        Some(Self(path.to_owned()))
    }

    /// Creates a cgroup from its path below the hierarchy's root, as in the property `ControlGroup=`. The
    /// root's path is empty or a slash.
    pub fn from_path(path: &str) -> Self {
        Self(path.trim_end_matches('/').to_owned())
    }

    /// Returns the cgroup of a manager: of the system's the root, of the user `uid` the one that this process is in,
    /// because a container has its own root, or else the one of the convention.
    pub fn of_manager(manager: Manager, uid: u32) -> Self {
        if manager == Manager::System {
            return Self(String::new());
        }
        let name = format!("user@{uid}.service");
        let own = Self::of_pid(std::process::id()).ok();
        own.and_then(|own| own.ancestor(&name))
            .unwrap_or_else(|| Self(format!("/user.slice/user-{uid}.slice/{name}")))
    }

    /// Returns the parent cgroup; `None` for the root.
    #[must_use]
    pub fn parent(&self) -> Option<Self> {
        let (above, _) = self.0.rsplit_once('/')?;
        (!self.0.trim_end_matches('/').is_empty()).then(|| Self(above.to_owned()))
    }

    /// Returns the cgroup and those around it, up to the root.
    pub fn lineage(self) -> impl Iterator<Item = Self> {
        std::iter::successors(Some(self), Self::parent)
    }

    /// Reads one of the cgroup's files, such as `cpu.weight`, without trailing white space. `None` if it
    /// is missing: a controller that is not delegated has no files, and the root lacks some.
    pub fn read(&self, name: &str) -> Option<String> {
        let text = read_kernel_text(self.file(name)).ok()?;
        Some(text.trim_end().to_owned())
    }

    /// Reads one of the cgroup's files that has one number; `None` also if it is `max`, which is no limit.
    pub fn number(&self, name: &str) -> Option<u64> {
        self.read(name)?.parse().ok()
    }

    /// Returns the path of one of the cgroup's files.
    pub fn file(&self, name: &str) -> PathBuf {
        self.directory().join(name)
    }

    /// Returns the names of the child cgroups that contain a process, sorted.
    pub fn populated_children(&self) -> Vec<String> {
        let Ok(entries) = fs::read_dir(self.directory()) else { return Vec::new() };
        let mut names: Vec<String> = entries
            .flatten()
            .filter(|entry| entry.file_type().is_ok_and(|kind| kind.is_dir()))
            .filter_map(|entry| entry.file_name().into_string().ok())
            .filter(|name| Self(format!("{}/{name}", self.0)).is_populated() == Some(true))
            .collect();
        names.sort();
        names
    }

    /// Returns the directory in which the kernel shows the cgroup.
    pub(super) fn directory(&self) -> PathBuf {
        PathBuf::from(format!("{MOUNT}{}", self.0))
    }

    /// Returns the path below the hierarchy's root, with a leading slash.
    pub fn path(&self) -> &str {
        &self.0
    }

    /// Returns the units that the path names, the outermost first.
    pub fn units(&self) -> impl Iterator<Item = &str> {
        self.0.split('/').filter(|part| !part.is_empty()).map(unit_name)
    }

    /// Returns the innermost service or scope that the path names.
    pub fn unit(&self) -> Option<&str> {
        self.units().filter(|unit| unit.ends_with(".service") || unit.ends_with(".scope")).last()
    }

    /// Returns the slices of the user manager that contain the cgroup, the outermost first: those below
    /// `user@UID.service`, or all if the path does not name it.
    pub fn user_slices(&self) -> Vec<&str> {
        let units: Vec<&str> = self.units().collect();
        let manager = units.iter().rposition(|unit| is_user_manager(unit));
        let below = manager.map_or(&units[..], |at| &units[at + 1..]);
        below.iter().copied().filter(|unit| unit.ends_with(".slice")).collect()
    }

    /// Reports whether the cgroup is below a user manager's.
    pub fn is_below_user_manager(&self) -> bool {
        self.units().any(is_user_manager)
    }

    /// Returns the cgroup of a unit that the path names, such as one of its slices.
    pub fn ancestor(&self, unit: &str) -> Option<Self> {
        let mut end = 0;
        for part in self.0.split_inclusive('/') {
            end += part.len();
            let part = part.trim_end_matches('/');
            if unit_name(part) == unit {
                return Some(Self(self.0[..end].trim_end_matches('/').to_owned()));
            }
        }
        None
    }

    /// Reports whether the cgroup or a descendant contains a process (`cgroup.events`, cgroups(7)).
    /// `None` if the kernel does not say, as with cgroup v1.
    pub fn is_populated(&self) -> Option<bool> {
        is_populated(&self.directory())
    }
}

/// Does what [`Cgroup::is_populated`] does for a cgroup's directory.
pub(super) fn is_populated(directory: &Path) -> Option<bool> {
    let events = read_kernel_text(directory.join("cgroup.events")).ok()?;
    let value = events.lines().find_map(|line| line.strip_prefix("populated "))?;
    Some(value != "0")
}

/// Returns the unit that a cgroup is named after. systemd prefixes a name that could be one of the kernel's files
/// with an underscore (src/basic/cgroup-util.c, `cg_escape`); it is removed.
pub(super) fn unit_name(cgroup: &str) -> &str {
    cgroup.strip_prefix('_').unwrap_or(cgroup)
}

fn is_user_manager(unit: &str) -> bool {
    unit.starts_with("user@") && unit.ends_with(".service")
}

#[cfg(test)]
mod tests {
    use super::*;

    const SCOPE: &str =
        "/user.slice/user-1.slice/user@1.service/a.slice/a-b.slice/__c.slice/run-r1.scope";

    #[test]
    fn the_path_in_the_hierarchy_of_systemd_is_parsed() {
        for text in [
            format!("0::{SCOPE}\n"),
            format!("9:name=systemd:/\n8:pids:/x\n0::{SCOPE}\n"),
            format!("9:name=systemd:{SCOPE}\n8:pids:/x\n0::/\n"),
            format!("9:name=systemd:{SCOPE}\n8:pids:/x\n"),
            format!("8:pids:/x:name=systemd:/y\n1:name=systemd:{SCOPE}\n"),
        ] {
            assert_eq!(Cgroup::parse(&text).unwrap().path(), SCOPE, "{text}");
        }
        assert_eq!(Cgroup::parse("0::/\n").unwrap().path(), "/");
        assert_eq!(Cgroup::parse("8:pids:/x\n"), None);
    }

    #[test]
    fn slices_above_the_user_manager_are_not_counted() {
        let cgroup = Cgroup(SCOPE.into());
        assert_eq!(cgroup.user_slices(), ["a.slice", "a-b.slice", "_c.slice"]);
        assert!(cgroup.is_below_user_manager());
        let session = Cgroup("/user.slice/user-1.slice/session-1.scope".into());
        assert_eq!(session.user_slices(), ["user.slice", "user-1.slice"]);
        assert!(!session.is_below_user_manager());
    }

    #[test]
    fn the_innermost_unit_is_the_unit_of_a_process() {
        let unit = |path: &str| Cgroup(path.into()).unit().map(str::to_owned);
        assert_eq!(unit(SCOPE).as_deref(), Some("run-r1.scope"));
        let manager = "/user.slice/user-1.slice/user@1.service";
        assert_eq!(
            unit(&format!("{manager}/a.slice/gc.service/part")).as_deref(),
            Some("gc.service")
        );
        assert_eq!(
            unit("/user.slice/user-1.slice/session-1.scope").as_deref(),
            Some("session-1.scope")
        );
        assert_eq!(unit("/"), None);
    }

    #[test]
    fn the_root_has_no_parent() {
        let above = Cgroup::from_path("/user.slice/a.slice").parent().unwrap();
        assert_eq!(above.path(), "/user.slice");
        assert_eq!(above.parent(), Some(Cgroup::from_path("/")));
        assert_eq!(Cgroup::from_path("/").parent(), None);
    }

    #[test]
    fn an_ancestor_is_found_by_its_unit_name() {
        let cgroup = Cgroup(SCOPE.into());
        let path = |unit| cgroup.ancestor(unit).map(|found| found.0);
        assert_eq!(
            path("a-b.slice").as_deref(),
            Some("/user.slice/user-1.slice/user@1.service/a.slice/a-b.slice")
        );
        assert_eq!(path("_c.slice").unwrap(), SCOPE.strip_suffix("/run-r1.scope").unwrap());
        assert_eq!(path("b.slice"), None);
    }
}
