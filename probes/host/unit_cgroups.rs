use std::rc::Rc;
use std::time::{Duration, SystemTime, UNIX_EPOCH};
use std::{fs, io};

use nix::sys::stat::FileStat;

use super::cgroup::unit_name;
use super::cgroup_usage::keyed;
use super::kernel_dir::KernelDir;
use super::{Cgroup, CgroupUsage};

/// The types of units that have processes (systemd.unit(5)), apart from slices.
const TYPES: [&str; 5] = [".scope", ".service", ".socket", ".mount", ".swap"];

/// A slice and the units directly in it.
#[derive(Debug, Clone)]
pub struct SliceUnits {
    /// Its name; `-.slice` is the manager's own cgroup.
    pub name: String,
    pub cgroup: Cgroup,
    /// The services and scopes that have a cgroup, sorted by name.
    pub units: Vec<UnitCgroup>,
}

/// A unit and its cgroup.
#[derive(Debug, Clone)]
pub struct UnitCgroup {
    pub name: String,
    pub cgroup: Cgroup,
    /// The directory of the slice.
    slice: Rc<KernelDir>,
    controllers: Controllers,
}

/// Which controllers the units of a slice have.
#[derive(Debug, Clone, Copy)]
struct Controllers {
    memory: bool,
    pids: bool,
}

impl SliceUnits {
    /// Lists the slices of a manager, whose own cgroup is `root`, with their units: each before those in it, and
    /// otherwise sorted by name.
    ///
    /// # Errors
    /// If the manager's cgroup cannot be read.
    pub fn list(root: &Cgroup) -> io::Result<Vec<Self>> {
        let mut slices = Vec::new();
        list_into("-.slice", root, &mut slices)?;
        Ok(slices)
    }

    /// Returns the units that a program launched: all but the manager's own scope and login sessions.
    pub fn launched(&self) -> impl Iterator<Item = &UnitCgroup> {
        let is_session =
            |unit: &UnitCgroup| unit.name.starts_with("session-") && unit.name.ends_with(".scope");
        self.units.iter().filter(move |unit| unit.name != "init.scope" && !is_session(unit))
    }

    /// Returns whether the slice is `outer` or in it.
    pub fn is_in(&self, outer: &Self) -> bool {
        let (path, outer) = (self.cgroup.path(), outer.cgroup.path());
        path == outer || path.strip_prefix(outer).is_some_and(|rest| rest.starts_with('/'))
    }
}

impl UnitCgroup {
    /// Returns the processes of the unit, those of cgroups in it included, in ascending order. A process of another
    /// process-id namespace has no id here and is left out.
    pub fn processes(&self) -> Vec<u32> {
        let mut pids = pids_in(&self.text("cgroup.procs").unwrap_or_default());
        // The kernel counts the cgroups in one as links to it, besides its own two.
        if self.slice.stat(self.entry()).is_some_and(|stat| stat.st_nlink > 2) {
            for child in child_cgroups(&self.cgroup).unwrap_or_default() {
                let child = Cgroup::from_path(&format!("{}/{child}", self.cgroup.path()));
                processes_into(&child, &mut pids);
            }
        }
        pids.sort_unstable();
        pids
    }

    /// Reads what the unit uses.
    pub fn usage(&self) -> CgroupUsage {
        let number = |has: bool, file: &str| has.then(|| self.text(file)?.parse().ok()).flatten();
        let events = self.text("cgroup.events").unwrap_or_default();
        CgroupUsage {
            cpu_usec: self.cpu_usec(),
            memory_bytes: number(self.controllers.memory, "memory.current"),
            reclaimable_bytes: None,
            tasks: number(self.controllers.pids, "pids.current"),
            is_frozen: keyed(&events, "frozen") == Some(1),
        }
    }

    /// Reads the processor time that the unit has used, in microseconds.
    pub fn cpu_usec(&self) -> Option<u64> {
        keyed(&self.text("cpu.stat")?, "usage_usec")
    }

    /// Returns when the cgroup was made, or when a cgroup in it last came or went.
    pub fn modified(&self) -> Option<SystemTime> {
        time_of(&self.slice.stat(self.entry())?)
    }

    fn entry(&self) -> &str {
        self.cgroup.path().rsplit('/').next().unwrap_or_default()
    }

    fn text(&self, file: &str) -> Option<String> {
        self.slice.text(&format!("{}/{file}", self.entry()))
    }
}

fn list_into(name: &str, cgroup: &Cgroup, slices: &mut Vec<SliceUnits>) -> io::Result<()> {
    let directory = Rc::new(KernelDir::open(&cgroup.directory())?);
    let delegated = directory.text("cgroup.subtree_control").unwrap_or_default();
    let has = |controller: &str| delegated.split(' ').any(|name| name == controller);
    let controllers = Controllers { memory: has("memory"), pids: has("pids") };
    let mut units = Vec::new();
    let mut inner = Vec::new();
    for child in child_cgroups(cgroup)? {
        let name = unit_name(&child).to_owned();
        let cgroup = Cgroup::from_path(&format!("{}/{child}", cgroup.path()));
        if name.ends_with(".slice") {
            inner.push((name, cgroup));
        } else if TYPES.iter().any(|kind| name.ends_with(kind)) {
            units.push(UnitCgroup { name, cgroup, slice: directory.clone(), controllers });
        }
    }
    slices.push(SliceUnits { name: name.to_owned(), cgroup: cgroup.clone(), units });
    for (name, cgroup) in inner {
        // A slice that ends meanwhile has no units.
        let _ = list_into(&name, &cgroup, slices);
    }
    Ok(())
}

fn child_cgroups(cgroup: &Cgroup) -> io::Result<Vec<String>> {
    let mut names: Vec<String> = fs::read_dir(cgroup.directory())?
        .flatten()
        .filter(|entry| entry.file_type().is_ok_and(|kind| kind.is_dir()))
        .filter_map(|entry| entry.file_name().into_string().ok())
        .collect();
    names.sort_unstable();
    Ok(names)
}

fn processes_into(cgroup: &Cgroup, pids: &mut Vec<u32>) {
    pids.extend(pids_in(&cgroup.read("cgroup.procs").unwrap_or_default()));
    for child in child_cgroups(cgroup).unwrap_or_default() {
        processes_into(&Cgroup::from_path(&format!("{}/{child}", cgroup.path())), pids);
    }
}

fn pids_in(listed: &str) -> Vec<u32> {
    listed.lines().filter_map(|line| line.parse().ok()).filter(|pid| *pid != 0).collect()
}

/// Returns the time of the last change of a file.
pub(super) fn time_of(stat: &FileStat) -> Option<SystemTime> {
    let seconds = Duration::from_secs(stat.st_mtime.try_into().ok()?);
    Some(UNIX_EPOCH + seconds + Duration::from_nanos(stat.st_mtime_nsec.try_into().ok()?))
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use super::*;

    #[test]
    fn a_slice_is_in_itself_and_in_those_around_it() {
        let slice = |path: &str| SliceUnits {
            name: String::new(),
            cgroup: Cgroup::from_path(path),
            units: Vec::new(),
        };
        assert!(slice("/a.slice/a-b.slice").is_in(&slice("/a.slice")));
        assert!(slice("/a.slice").is_in(&slice("/a.slice")));
        assert!(slice("/a.slice").is_in(&slice("")));
        assert!(!slice("/a.slicex").is_in(&slice("/a.slice")));
        assert!(!slice("/a.slice").is_in(&slice("/a.slice/a-b.slice")));
    }

    #[test]
    fn a_cgroup_that_is_missing_is_an_error_and_its_unit_has_no_process() {
        assert!(SliceUnits::list(&Cgroup::from_path("/no/such.slice")).is_err());
        let unit = UnitCgroup {
            name: "a.scope".into(),
            cgroup: Cgroup::from_path("/no/such.slice/a.scope"),
            slice: Rc::new(KernelDir::open(Path::new("/proc")).unwrap()),
            controllers: Controllers { memory: true, pids: true },
        };
        assert_eq!((unit.processes(), unit.modified()), (Vec::new(), None));
        assert_eq!(unit.usage(), CgroupUsage::default());
    }
}
