use std::collections::BTreeMap;
use std::ffi::OsString;
use std::fs;
use std::io;
use std::os::unix::ffi::OsStringExt;
use std::os::unix::fs::{FileTypeExt, MetadataExt};
use std::path::{Path, PathBuf};
use std::time::SystemTime;

use super::kernel_file::{read_kernel_file, read_kernel_text};
use super::lock_holder::{LockHolder, mark_inherited};
use super::{Descriptor, LockCall, LockKind, LockLine, LockMode, ProcStat, StartClock, processes};

/// What the link of a deleted file in /proc/PID/fd ends with (Linux `fs/d_path.c`, `path_with_deleted`).
const DELETED: &[u8] = b" (deleted)";

/// A file that is locked, or can be.
#[derive(Debug, Clone)]
pub struct LockFile {
    /// The path that was asked for.
    pub path: PathBuf,
    /// The device and the inode, as stat(2) gives them.
    pub identity: (u64, u64),
    /// Whether the file was deleted or replaced: who opens the path now gets another file, or none.
    pub is_deleted: bool,
    /// In ascending order of their ids.
    pub holders: Vec<LockHolder>,
    /// The longest wait first.
    pub waiters: Vec<LockWaiter>,
}

/// A process that waits for a lock.
#[derive(Debug, Clone)]
pub struct LockWaiter {
    pub pid: u32,
    pub fd: u32,
    pub comm: String,
    pub kind: LockKind,
    /// `None` where it is in the memory of the process.
    pub mode: Option<LockMode>,
    /// Since when it waits: a waiting flock(1) has done nothing else since its start. The kernel keeps no such time for
    /// other programs.
    pub since: Option<SystemTime>,
}

/// The locks on some files, at one moment.
#[derive(Debug, Clone, Default)]
pub struct LockScan {
    /// In the order of the paths; a deleted file that is still held comes before the one that replaced it.
    pub files: Vec<LockFile>,
    /// How many processes could not be examined, because they belong to other users.
    pub unreadable: usize,
}

/// Why a path cannot be examined.
#[derive(Debug, thiserror::Error)]
pub enum LockPathError {
    #[error("it is a socket, which cannot be locked")]
    Socket,
    #[error(transparent)]
    Unreadable(#[from] io::Error),
}

/// A file that is looked for among the open files of all processes.
struct Target {
    path: PathBuf,
    /// `None` if there is no such file.
    identity: Option<(u64, u64)>,
    /// What the kernel shows for a deleted file that had this path.
    deleted_link: PathBuf,
}

impl LockScan {
    /// Examines some paths. A path that does not exist is left out, unless a file that had it is still held.
    ///
    /// Locks are found by the inodes of all processes' open files, because /proc/locks has other device numbers on an
    /// overlay, and omits a lock whose taker has exited in a process-id namespace.
    ///
    /// # Errors
    /// When one of the paths cannot be examined, with that path.
    pub fn read(paths: &[PathBuf]) -> Result<Self, (PathBuf, LockPathError)> {
        let targets = paths.iter().map(|path| Target::of(path).map_err(|why| (path.clone(), why)));
        let targets: Vec<Target> = targets.collect::<Result<_, _>>()?;
        let mut scan = Self::default();
        // By the index of the target, and a deleted file before the present one.
        let mut found: BTreeMap<(usize, bool, (u64, u64)), LockFile> = BTreeMap::new();
        for (index, target) in targets.iter().enumerate() {
            if let Some(identity) = target.identity {
                found.insert((index, true, identity), target.file(identity, false));
            }
        }
        let clock = StartClock::read();
        for pid in processes() {
            let Ok(descriptors) = Descriptor::of_pid(pid) else {
                scan.unreadable += 1;
                continue;
            };
            let matches = descriptors.iter().flat_map(|descriptor| {
                targets.iter().enumerate().filter_map(move |(index, target)| {
                    Some((index, target, descriptor, target.matches(pid, *descriptor)?))
                })
            });
            let mut process = None;
            for (index, target, descriptor, is_deleted) in matches {
                let process = process.get_or_insert_with(|| OpenProcess::read(pid, clock));
                let Some(process) = process else { break };
                let key = (index, !is_deleted, descriptor.identity);
                let file =
                    found.entry(key).or_insert_with(|| target.file(descriptor.identity, true));
                process.add_to(file, descriptor.fd);
            }
        }
        scan.files = found.into_values().filter(LockFile::is_of_interest).collect();
        for file in &mut scan.files {
            file.waiters.sort_by_key(|waiter| (waiter.since.is_none(), waiter.since, waiter.pid));
            mark_inherited(&mut file.holders);
        }
        Ok(scan)
    }
}

impl LockFile {
    /// A deleted file that nothing locks is of no interest.
    fn is_of_interest(&self) -> bool {
        !self.is_deleted || !self.holders.is_empty() || !self.waiters.is_empty()
    }
}

impl Target {
    fn of(path: &Path) -> Result<Self, LockPathError> {
        let identity = match fs::metadata(path) {
            Ok(metadata) if metadata.file_type().is_socket() => return Err(LockPathError::Socket),
            Ok(metadata) => Some((metadata.dev(), metadata.ino())),
            Err(error) if error.kind() == io::ErrorKind::NotFound => None,
            Err(error) => return Err(error.into()),
        };
        let mut link = absolute(path).into_os_string().into_vec();
        link.extend_from_slice(DELETED);
        Ok(Self { path: path.to_owned(), identity, deleted_link: OsString::from_vec(link).into() })
    }

    /// Returns whether an open file is the target's (`Some(false)`), or one that had its path and was deleted
    /// (`Some(true)`).
    fn matches(&self, pid: u32, descriptor: Descriptor) -> Option<bool> {
        if self.identity == Some(descriptor.identity) {
            return Some(false);
        }
        let had_path = descriptor.is_deleted
            && descriptor.path(pid).is_some_and(|link| link == self.deleted_link);
        had_path.then_some(true)
    }

    fn file(&self, identity: (u64, u64), is_deleted: bool) -> LockFile {
        let path = self.path.clone();
        LockFile { path, identity, is_deleted, holders: Vec::new(), waiters: Vec::new() }
    }
}

/// Returns the path as the kernel shows it: with the links of its directories resolved.
fn absolute(path: &Path) -> PathBuf {
    if let Ok(found) = fs::canonicalize(path) {
        return found;
    }
    let dir = path.parent().filter(|dir| !dir.as_os_str().is_empty()).unwrap_or(Path::new("."));
    match (fs::canonicalize(dir), path.file_name()) {
        (Ok(dir), Some(name)) => dir.join(name),
        _ => path.to_owned(),
    }
}

/// Returns what the threads of a process wait for, with the start of each.
fn thread_calls(pid: u32, clock: StartClock) -> Vec<(LockCall, SystemTime)> {
    let tasks = fs::read_dir(format!("/proc/{pid}/task")).into_iter().flatten().flatten();
    let call = |task: fs::DirEntry| {
        let call = read_kernel_text(task.path().join("syscall")).ok()?;
        let stat = ProcStat::parse(&read_kernel_file(task.path().join("stat")).ok()?)?;
        Some((LockCall::parse(&call)?, clock.time_of(stat.start_time)))
    };
    tasks.filter_map(call).collect()
}

/// A process that has one of the files open.
struct OpenProcess {
    pid: u32,
    stat: ProcStat,
    started: SystemTime,
    /// What its threads wait for, with the start of each thread.
    calls: Vec<(LockCall, SystemTime)>,
}

impl OpenProcess {
    /// Reads a process; `None` if it has exited.
    fn read(pid: u32, clock: StartClock) -> Option<Self> {
        let stat = ProcStat::of_pid(pid).ok()??;
        let started = clock.time_of(stat.start_time);
        let calls = if stat.threads == 1 {
            let call = read_kernel_text(format!("/proc/{pid}/syscall")).unwrap_or_default();
            LockCall::parse(&call).map(|call| (call, started)).into_iter().collect()
        } else {
            thread_calls(pid, clock)
        };
        Some(Self { pid, stat, started, calls })
    }

    /// Adds what it holds and waits for through one descriptor.
    fn add_to(&self, file: &mut LockFile, fd: u32) {
        let info = read_kernel_file(format!("/proc/{}/fdinfo/{fd}", self.pid)).unwrap_or_default();
        let info = String::from_utf8_lossy(&info);
        let held = info.lines().find_map(LockLine::parse);
        let is_listed = file.holders.iter().any(|holder| holder.pid == self.pid);
        if let Some(line) = held.filter(|_| !is_listed) {
            let comm = self.stat.comm.clone();
            let parent = self.stat.parent;
            file.holders.push(LockHolder::read(self.pid, fd, comm, parent, self.started, line));
        }
        for (call, since) in self.calls.iter().filter(|(call, _)| call.fd == fd) {
            file.waiters.push(LockWaiter {
                pid: self.pid,
                fd,
                comm: self.stat.comm.clone(),
                kind: call.kind,
                mode: call.mode,
                since: (self.stat.comm == "flock").then_some(*since),
            });
        }
    }
}
