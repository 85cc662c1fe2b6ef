use std::fs;
use std::io;

/// Where the unified hierarchy is mounted (systemd.io, "Control Group APIs and Delegation").
const MOUNT: &str = "/sys/fs/cgroup";

/// Where a process lives in the tree of control groups: in systemd's own hierarchy.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Cgroup(String);

impl Cgroup {
    /// That of the process `pid`.
    ///
    /// # Errors
    /// When the process is gone, or its cgroups cannot be read.
    pub fn of(pid: u32) -> io::Result<Self> {
        let text = fs::read_to_string(format!("/proc/{pid}/cgroup"))?;
        Self::parse(&text).ok_or_else(|| io::Error::other(format!("process {pid} has no cgroup")))
    }

    /// Reads the content of a `/proc/PID/cgroup` (cgroups(7)): the line of the unified hierarchy,
    /// or on a host of the older kind that of `name=systemd`.
    pub fn parse(text: &str) -> Option<Self> {
        // HIERARCHY:CONTROLLERS:PATH, and a path may hold colons.
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

    /// The one with this path below the root of the hierarchy, as a manager tells it
    /// (`ControlGroup=`): the root's is empty or a slash.
    pub fn at(path: &str) -> Self {
        Self(path.trim_end_matches('/').to_owned())
    }

    /// The one around it; `None` for the root.
    #[must_use]
    pub fn parent(&self) -> Option<Self> {
        let (above, _) = self.0.rsplit_once('/')?;
        (!self.0.trim_end_matches('/').is_empty()).then(|| Self(above.to_owned()))
    }

    /// Reads one of its files, such as `cpu.weight`, without the white space at its end; `None`
    /// where there is none. A controller that is not delegated has no files, nor has the root all.
    pub fn file(&self, name: &str) -> Option<String> {
        let text = fs::read_to_string(format!("{MOUNT}{}/{name}", self.0)).ok()?;
        Some(text.trim_end().to_owned())
    }

    /// The names of the cgroups in it that have a process, sorted.
    pub fn populated_children(&self) -> Vec<String> {
        let Ok(entries) = fs::read_dir(format!("{MOUNT}{}", self.0)) else { return Vec::new() };
        let mut names: Vec<String> = entries
            .flatten()
            .filter(|entry| entry.file_type().is_ok_and(|kind| kind.is_dir()))
            .filter_map(|entry| entry.file_name().into_string().ok())
            .filter(|name| Self(format!("{}/{name}", self.0)).is_populated() == Some(true))
            .collect();
        names.sort();
        names
    }

    /// Its path below the root of the hierarchy, with a slash in front.
    pub fn path(&self) -> &str {
        &self.0
    }

    /// The units that the path names, from the outermost. A name that could be taken for a file of
    /// the kernel's has an underscore in front there, which is not part of it (systemd,
    /// src/basic/cgroup-util.c, `cg_escape`).
    pub fn units(&self) -> impl Iterator<Item = &str> {
        self.0
            .split('/')
            .filter(|part| !part.is_empty())
            .map(|part| part.strip_prefix('_').unwrap_or(part))
    }

    /// The slices of the user's manager in which it lies, from the outermost: those below
    /// `user@UID.service`, or all where there is none.
    pub fn user_slices(&self) -> Vec<&str> {
        let units: Vec<&str> = self.units().collect();
        let manager = units.iter().rposition(|unit| is_user_manager(unit));
        let below = manager.map_or(&units[..], |at| &units[at + 1..]);
        below.iter().copied().filter(|unit| unit.ends_with(".slice")).collect()
    }

    /// Whether it lies in the tree of a user's manager.
    pub fn is_below_user_manager(&self) -> bool {
        self.units().any(is_user_manager)
    }

    /// The cgroup of a unit that the path names, such as one of its slices.
    pub fn ancestor(&self, unit: &str) -> Option<Self> {
        let mut end = 0;
        for part in self.0.split_inclusive('/') {
            end += part.len();
            let part = part.trim_end_matches('/');
            if part.strip_prefix('_').unwrap_or(part) == unit {
                return Some(Self(self.0[..end].trim_end_matches('/').to_owned()));
            }
        }
        None
    }

    /// Whether a process lives in it or below it; `None` where the kernel does not say, as on a
    /// host of the older kind (`cgroup.events`, cgroups(7)).
    pub fn is_populated(&self) -> Option<bool> {
        let events = self.file("cgroup.events")?;
        let value = events.lines().find_map(|line| line.strip_prefix("populated "))?;
        Some(value != "0")
    }
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
    fn the_path_is_that_of_systemds_hierarchy() {
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
    fn only_the_slices_of_the_users_manager_are_its_slices() {
        let cgroup = Cgroup(SCOPE.into());
        assert_eq!(cgroup.user_slices(), ["a.slice", "a-b.slice", "_c.slice"]);
        assert!(cgroup.is_below_user_manager());
        let session = Cgroup("/user.slice/user-1.slice/session-1.scope".into());
        assert_eq!(session.user_slices(), ["user.slice", "user-1.slice"]);
        assert!(!session.is_below_user_manager());
    }

    #[test]
    fn the_way_up_from_a_cgroup_ends_at_the_root() {
        let above = Cgroup::at("/user.slice/a.slice").parent().unwrap();
        assert_eq!(above.path(), "/user.slice");
        assert_eq!(above.parent(), Some(Cgroup::at("/")));
        assert_eq!(Cgroup::at("/").parent(), None);
    }

    #[test]
    fn an_ancestor_is_found_by_the_name_of_its_unit() {
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
