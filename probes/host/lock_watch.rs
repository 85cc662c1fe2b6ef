use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::ffi::OsString;
use std::io;
use std::os::fd::{AsFd, BorrowedFd};
use std::path::{Path, PathBuf};

use nix::errno::Errno;
use nix::sys::inotify::{AddWatchFlags, InitFlags, Inotify, WatchDescriptor};

use crate::exec::PidFd;

/// Reports that lock files were opened, closed, created or removed, and that processes exited.
pub struct LockWatch {
    inotify: Inotify,
    /// The names that matter in each directory; all that end with `.lock` in one without.
    names: HashMap<WatchDescriptor, BTreeSet<OsString>>,
    /// The processes whose exit is awaited.
    processes: BTreeMap<u32, PidFd>,
}

impl LockWatch {
    /// Begins to watch files, and the lock files of git in some directories.
    ///
    /// # Errors
    /// When the kernel refuses, for example because `fs.inotify.max_user_instances` is reached.
    pub fn start(files: &[PathBuf], git_dirs: &[PathBuf]) -> io::Result<Self> {
        let inotify = Inotify::init(InitFlags::IN_CLOEXEC | InitFlags::IN_NONBLOCK)?;
        let mut names: HashMap<WatchDescriptor, BTreeSet<OsString>> = HashMap::new();
        for dir in git_dirs {
            names.entry(watch_dir(&inotify, dir)?).or_default();
        }
        for file in files {
            let dir = file.parent().filter(|dir| !dir.as_os_str().is_empty());
            let Some(name) = file.file_name() else { continue };
            let descriptor = watch_dir(&inotify, dir.unwrap_or(Path::new(".")))?;
            names.entry(descriptor).or_default().insert(name.to_owned());
        }
        Ok(Self { inotify, names, processes: BTreeMap::new() })
    }

    /// Awaits the exit of these processes, and of no others.
    pub fn follow(&mut self, pids: impl IntoIterator<Item = u32>) {
        let pids: BTreeSet<u32> = pids.into_iter().collect();
        self.processes.retain(|pid, _| pids.contains(pid));
        for pid in pids {
            if let std::collections::btree_map::Entry::Vacant(entry) = self.processes.entry(pid)
                && let Ok(process) = PidFd::of(pid)
            {
                entry.insert(process);
            }
        }
    }

    /// Returns the descriptors that are readable while something has happened, for poll(2).
    pub fn fds(&self) -> Vec<BorrowedFd<'_>> {
        let processes = self.processes.values().map(AsFd::as_fd);
        std::iter::once(self.inotify.as_fd()).chain(processes).collect()
    }

    /// Takes in what has happened, without waiting. Says whether it concerns the locks.
    ///
    /// # Errors
    /// When the kernel refuses.
    pub fn take(&mut self) -> io::Result<bool> {
        let before = self.processes.len();
        self.processes.retain(|_, process| !process.has_exited());
        let mut is_relevant = self.processes.len() < before;
        loop {
            let events = match self.inotify.read_events() {
                Ok(events) => events,
                Err(Errno::EAGAIN) => return Ok(is_relevant),
                Err(Errno::EINTR) => continue,
                Err(error) => return Err(error.into()),
            };
            is_relevant |= events.iter().any(|event| {
                let is_named = |names: &BTreeSet<OsString>| {
                    event.name.as_ref().is_some_and(|name| {
                        names.contains(name)
                            || Path::new(name).extension().is_some_and(|end| end == "lock")
                    })
                };
                event.mask.contains(AddWatchFlags::IN_Q_OVERFLOW)
                    || self.names.get(&event.wd).is_some_and(is_named)
            });
        }
    }
}

fn watch_dir(inotify: &Inotify, dir: &Path) -> io::Result<WatchDescriptor> {
    let flags = AddWatchFlags::IN_OPEN
        | AddWatchFlags::IN_CLOSE
        | AddWatchFlags::IN_CREATE
        | AddWatchFlags::IN_DELETE
        | AddWatchFlags::IN_MOVE
        | AddWatchFlags::IN_ONLYDIR;
    Ok(inotify.add_watch(dir, flags)?)
}

#[cfg(test)]
mod tests {
    use std::fs::{self, File};
    use std::process::{Command, Stdio};
    use std::time::{Duration, Instant};

    use super::*;
    use crate::exec::spawn_lock::spawn_permit;
    use crate::exec::wait_readable;

    fn happens(watch: &mut LockWatch) -> bool {
        let deadline = Instant::now() + Duration::from_secs(10);
        let ready = wait_readable(&watch.fds(), deadline).unwrap();
        assert!(ready.contains(&true), "nothing happened");
        watch.take().unwrap()
    }

    #[test]
    fn only_an_event_of_the_file_or_of_gits_locks_concerns_the_locks() {
        let dir = tempfile::tempdir().unwrap();
        let lock = dir.path().join("pull-lock");
        let mut watch =
            LockWatch::start(std::slice::from_ref(&lock), &[dir.path().to_owned()]).unwrap();
        fs::write(dir.path().join("HEAD"), "").unwrap();
        assert!(!happens(&mut watch));
        drop(File::create(&lock).unwrap());
        assert!(happens(&mut watch));
        drop(File::create(dir.path().join("index.lock")).unwrap());
        assert!(happens(&mut watch));
        assert!(LockWatch::start(&[], &["/no/such".into()]).is_err());
    }

    #[test]
    fn the_exit_of_a_process_is_an_event() {
        let permit = spawn_permit();
        let mut child = Command::new("cat").stdin(Stdio::piped()).spawn().unwrap();
        drop(permit);
        let mut watch = LockWatch::start(&[], &[]).unwrap();
        watch.follow([child.id()]);
        assert!(!watch.take().unwrap());
        drop(child.stdin.take());
        assert!(happens(&mut watch));
        child.wait().unwrap();
    }
}
