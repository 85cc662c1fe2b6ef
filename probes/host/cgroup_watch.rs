use std::collections::HashMap;
use std::fs;
use std::io;
use std::os::fd::{AsFd, BorrowedFd};
use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime};

use nix::errno::Errno;
use nix::sys::inotify::{AddWatchFlags, InitFlags, Inotify, WatchDescriptor};
use nix::time::{ClockId, clock_gettime};

use super::cgroup::{self, is_populated};
use super::{Cgroup, Manager};

/// Watches the cgroups of a manager's units come and go (cgroups(7), "Cgroup event notification").
///
/// The kernel says it without a privilege, a bus or a journal, to about a millisecond.
pub struct CgroupWatch {
    inotify: Inotify,
    watched: HashMap<WatchDescriptor, Watched>,
    /// Whether each unit that is there has a process.
    units: HashMap<PathBuf, bool>,
    /// The slice whose units are reported; all without one.
    slice: Option<String>,
}

/// What one watch is on.
#[derive(Debug, Clone)]
enum Watched {
    /// A directory in which units come and go.
    Slice(PathBuf),
    /// The `cgroup.events` of a unit.
    Unit(PathBuf),
}

/// What happened to a unit.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CgroupEvent {
    pub unit: String,
    pub change: CgroupChange,
    /// Microseconds of the monotonic clock.
    pub monotonic: i64,
    /// Microseconds since 1970.
    pub realtime: i64,
}

/// A change of a unit's cgroup.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum CgroupChange {
    /// It was there as the watch began, since about so many microseconds since 1970.
    Present { since: i64 },
    /// It was made; its first process comes at once.
    Created,
    /// It has its first process.
    Populated,
    /// Its last process has ended.
    Empty,
    /// It was removed.
    Removed,
    /// The kernel dropped events.
    Overflow,
}

impl CgroupWatch {
    /// Begins to watch the units of a manager, or those in one slice of it.
    ///
    /// # Errors
    /// When the manager has no cgroup that can be watched.
    pub fn start(
        manager: Manager,
        uid: u32,
        slice: Option<&str>,
    ) -> io::Result<(Self, Vec<CgroupEvent>)> {
        let inotify = Inotify::init(InitFlags::IN_CLOEXEC | InitFlags::IN_NONBLOCK)?;
        let mut watch = Self {
            inotify,
            watched: HashMap::new(),
            units: HashMap::new(),
            slice: slice.map(str::to_owned),
        };
        let root = Cgroup::of_manager(manager, uid).directory();
        let mut events = Vec::new();
        watch.add_slice(&root, None, &mut events)?;
        Ok((watch, events))
    }

    /// Takes in what has happened since the last call, without waiting.
    ///
    /// # Errors
    /// When the kernel refuses.
    pub fn take(&mut self) -> io::Result<Vec<CgroupEvent>> {
        let mut events = Vec::new();
        loop {
            let happened = match self.inotify.read_events() {
                Ok(happened) => happened,
                Err(Errno::EAGAIN) => return Ok(events),
                Err(Errno::EINTR) => continue,
                Err(error) => return Err(error.into()),
            };
            for event in happened {
                if event.mask.contains(AddWatchFlags::IN_Q_OVERFLOW) {
                    events.push(stamped(String::new(), CgroupChange::Overflow));
                    continue;
                }
                if event.mask.contains(AddWatchFlags::IN_IGNORED) {
                    self.watched.remove(&event.wd);
                    continue;
                }
                let Some(watched) = self.watched.get(&event.wd).cloned() else { continue };
                match (watched, &event.name) {
                    (Watched::Unit(path), _) => self.look(&path, &mut events),
                    (Watched::Slice(directory), Some(name)) => {
                        let path = directory.join(name);
                        if event.mask.contains(AddWatchFlags::IN_DELETE) {
                            self.removed(&path, &mut events);
                        } else if event.mask.contains(AddWatchFlags::IN_ISDIR) {
                            self.came(&path, &mut events);
                        }
                    }
                    (Watched::Slice(_), None) => {}
                }
            }
        }
    }

    fn add_slice(
        &mut self,
        directory: &Path,
        created: Option<()>,
        events: &mut Vec<CgroupEvent>,
    ) -> io::Result<()> {
        let flags = AddWatchFlags::IN_CREATE | AddWatchFlags::IN_DELETE | AddWatchFlags::IN_ONLYDIR;
        let descriptor = self.inotify.add_watch(directory, flags)?;
        self.watched.insert(descriptor, Watched::Slice(directory.to_owned()));
        // What came before the watch was there is seen by looking, and not twice.
        for entry in fs::read_dir(directory)?.flatten() {
            if entry.file_type().is_ok_and(|kind| kind.is_dir()) {
                let path = entry.path();
                if created.is_some() {
                    self.came(&path, events);
                } else {
                    self.found(&path, events);
                }
            }
        }
        Ok(())
    }

    /// A directory that was there as the watch began.
    fn found(&mut self, path: &Path, events: &mut Vec<CgroupEvent>) {
        if is_slice(path) {
            if self.leads_to_slice(path) {
                let _ = self.add_slice(path, None, events);
            }
        } else if is_unit(path) && self.watch_unit(path) {
            let populated = is_populated(path).unwrap_or(false);
            self.units.insert(path.to_owned(), populated);
            if populated && self.reports(path) {
                let since = modified(path).unwrap_or_else(|| now().1);
                events.push(stamped(unit_name(path), CgroupChange::Present { since }));
            }
        }
    }

    /// A directory that has just come.
    fn came(&mut self, path: &Path, events: &mut Vec<CgroupEvent>) {
        if is_slice(path) {
            if self.leads_to_slice(path) {
                let _ = self.add_slice(path, Some(()), events);
            }
            return;
        }
        if !is_unit(path) || self.units.contains_key(path) {
            return;
        }
        self.units.insert(path.to_owned(), false);
        if self.reports(path) {
            events.push(stamped(unit_name(path), CgroupChange::Created));
        }
        if self.watch_unit(path) {
            // Its first process can have come before the watch.
            self.look(path, events);
        }
    }

    fn removed(&mut self, path: &Path, events: &mut Vec<CgroupEvent>) {
        if let Some(was_populated) = self.units.remove(path)
            && self.reports(path)
        {
            if was_populated {
                events.push(stamped(unit_name(path), CgroupChange::Empty));
            }
            events.push(stamped(unit_name(path), CgroupChange::Removed));
        }
    }

    /// Reads whether a unit has a process, and notes a change.
    fn look(&mut self, path: &Path, events: &mut Vec<CgroupEvent>) {
        let Some(populated) = is_populated(path) else { return };
        let Some(before) = self.units.get_mut(path) else { return };
        if *before == populated {
            return;
        }
        *before = populated;
        if self.reports(path) {
            let change = if populated { CgroupChange::Populated } else { CgroupChange::Empty };
            events.push(stamped(unit_name(path), change));
        }
    }

    fn watch_unit(&mut self, path: &Path) -> bool {
        let watched = self.inotify.add_watch(&path.join("cgroup.events"), AddWatchFlags::IN_MODIFY);
        let is_watched = watched.is_ok();
        if let Ok(descriptor) = watched {
            self.watched.insert(descriptor, Watched::Unit(path.to_owned()));
        }
        is_watched
    }

    fn reports(&self, path: &Path) -> bool {
        self.slice
            .as_ref()
            .is_none_or(|slice| path.ancestors().skip(1).any(|above| unit_name(above) == *slice))
    }

    /// Whether a slice is the one that is watched, or around it, or in it.
    fn leads_to_slice(&self, path: &Path) -> bool {
        let Some(slice) = &self.slice else { return true };
        let name = unit_name(path);
        let stem = name.trim_end_matches(".slice");
        let is_around = slice.strip_prefix(stem).is_some_and(|rest| rest.starts_with('-'));
        name == *slice || is_around || self.reports(path)
    }
}

impl AsFd for CgroupWatch {
    /// A descriptor that is readable while something has happened, for poll(2).
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.inotify.as_fd()
    }
}

/// The units of a manager that have a process now.
///
/// # Errors
/// When the cgroup of the manager cannot be read.
pub fn populated_units(manager: Manager, uid: u32) -> io::Result<Vec<String>> {
    let mut units = Vec::new();
    let mut directories = vec![Cgroup::of_manager(manager, uid).directory()];
    fs::metadata(&directories[0])?;
    while let Some(directory) = directories.pop() {
        let Ok(entries) = fs::read_dir(&directory) else { continue };
        for entry in entries.flatten() {
            let path = entry.path();
            if is_slice(&path) {
                directories.push(path);
            } else if is_unit(&path) && is_populated(&path) == Some(true) {
                units.push(unit_name(&path));
            }
        }
    }
    Ok(units)
}

fn is_slice(path: &Path) -> bool {
    path.extension().is_some_and(|kind| kind == "slice")
}

fn is_unit(path: &Path) -> bool {
    path.extension().is_some_and(|kind| kind == "service" || kind == "scope")
}

fn unit_name(path: &Path) -> String {
    cgroup::unit_name(&path.file_name().unwrap_or_default().to_string_lossy()).to_owned()
}

fn modified(path: &Path) -> Option<i64> {
    let time = fs::metadata(path).ok()?.modified().ok()?;
    let since = time.duration_since(SystemTime::UNIX_EPOCH).ok()?;
    i64::try_from(since.as_micros()).ok()
}

/// Now, in microseconds of the monotonic clock and since 1970.
fn now() -> (i64, i64) {
    let read = |clock| {
        let time = clock_gettime(clock).map(Duration::from).unwrap_or_default();
        i64::try_from(time.as_micros()).unwrap_or(i64::MAX)
    };
    (read(ClockId::CLOCK_MONOTONIC), read(ClockId::CLOCK_REALTIME))
}

fn stamped(unit: String, change: CgroupChange) -> CgroupEvent {
    let (monotonic, realtime) = now();
    CgroupEvent { unit, change, monotonic, realtime }
}
