//! Who holds the agents' own locks, by which way they got them, and whether the user can take them. Only reads.

use std::fs;
use std::path::{Path, PathBuf};

use nix::unistd::{AccessFlags, access};

use super::support::git_state::format_age;
use crate::fact_values;
use crate::host::{
    GitDir, LockFile, LockHolder, LockScan, Mount, PasswordPrompt, ProcessTable, User, is_git_lock,
    unseen_lock_inodes,
};
use crate::sandbox::{Fact, FactDecl, Measurement, NotMeasured, ProbeContext};

fact_values! {
    /// Who holds the lock. The worst comes last.
    #[derive(PartialOrd, Ord)]
    enum Holder {
        None = "none",
        NotVisible = "not-visible",
        Living = "living",
        InheritedGit = "inherited-git",
        Inherited = "inherited",
        InheritedTmux = "inherited-tmux",
    }
}

fact_values! {
    /// Whether the holder waits for a password.
    #[derive(PartialOrd, Ord)]
    enum Prompt {
        None = "none",
        Askpass = "askpass",
        Terminal = "terminal",
    }
}

fact_values! {
    /// Whether the locked file is the one at its path.
    #[derive(PartialOrd, Ord)]
    enum FileState {
        Current = "current",
        Absent = "absent",
        Deleted = "deleted",
    }
}

fact_values! {
    /// Whether the user can open the file as `exec 9>FILE` does.
    #[derive(PartialOrd, Ord)]
    enum Access {
        Writable = "writable",
        NotCreatable = "not-creatable",
        NotWritable = "not-writable",
    }
}

fact_values! {
    /// For whom a lock on the file system counts.
    #[derive(PartialOrd, Ord)]
    enum Reach {
        Host = "host",
        Server = "server",
        LocalOnly = "local-only",
    }
}

const HOLDER: Fact<Holder> = Fact::new("holder");
const PROMPT: Fact<Prompt> = Fact::new("prompt");
const FILE: Fact<FileState> = Fact::new("file");
const ACCESS: Fact<Access> = Fact::new("access");
const REACH: Fact<Reach> = Fact::new("file-system");
pub(crate) const FACTS: &[FactDecl] =
    &[HOLDER.decl(), PROMPT.decl(), FILE.decl(), ACCESS.decl(), REACH.decl()];

/// What was found out about one lock.
struct Finding {
    path: PathBuf,
    holder: Holder,
    file: FileState,
    access: Access,
    reach: Reach,
    prompt: Option<PasswordPrompt>,
    /// The process to name, and the number of those that wait.
    named: Option<LockHolder>,
    waiting: usize,
}

pub(crate) fn measure(context: &ProbeContext) -> Result<Measurement, NotMeasured> {
    let paths = lock_paths(context);
    if paths.is_empty() {
        return Err(NotMeasured::Skipped(
            "no lock was named with --lock, and no repository that has one with --repo".into(),
        ));
    }
    let scan = LockScan::read(&paths).map_err(|(path, why)| {
        NotMeasured::Unmeasured(format!("{} cannot be examined: {why}", path.display()))
    })?;
    let table = ProcessTable::read();
    let findings: Vec<Finding> =
        paths.iter().map(|path| Finding::of(path, &scan, &table)).collect();
    Ok(record(&findings))
}

/// Returns the locks that were named, and those in the common git directory of the repository.
fn lock_paths(context: &ProbeContext) -> Vec<PathBuf> {
    let mut paths = context.settings.locks.clone();
    let git = context.settings.repo.as_deref().and_then(GitDir::find);
    let entries = git.and_then(|git| fs::read_dir(git.common_dir).ok()).into_iter().flatten();
    let mut found: Vec<PathBuf> = entries
        .flatten()
        .filter(|entry| entry.file_type().is_ok_and(|kind| kind.is_file()))
        .filter(|entry| entry.file_name().to_str().is_some_and(is_named_like_a_lock))
        .map(|entry| entry.path())
        .filter(|path| !paths.contains(path))
        .collect();
    found.sort();
    paths.append(&mut found);
    paths
}

/// Whether a file in a git directory is a lock of the agents by its name, such as `pull-lock`.
fn is_named_like_a_lock(name: &str) -> bool {
    name.to_ascii_lowercase().contains("lock") && !is_git_lock(name)
}

impl Finding {
    fn of(path: &Path, scan: &LockScan, table: &ProcessTable) -> Self {
        let files: Vec<&LockFile> = scan.files.iter().filter(|file| file.path == *path).collect();
        let deleted = files.iter().find(|file| file.is_deleted);
        let current = files.iter().find(|file| !file.is_deleted);
        let holders = files.iter().flat_map(|file| &file.holders);
        let named = holders.max_by_key(|holder| (state_of(holder), !holder.is_inherited)).cloned();
        let file = match (deleted, current) {
            (Some(_), _) => FileState::Deleted,
            (None, Some(_)) => FileState::Current,
            (None, None) => FileState::Absent,
        };
        let unseen = || {
            let locked = unseen_lock_inodes();
            let may_be = |file: &&LockFile| {
                locked.as_ref().is_none_or(|locked| locked.contains(&file.identity.1))
            };
            scan.unreadable > 0 && current.is_some_and(may_be)
        };
        let holder = match &named {
            Some(holder) => state_of(holder),
            None if unseen() => Holder::NotVisible,
            None => Holder::None,
        };
        let holders = files.iter().flat_map(|file| &file.holders);
        Self {
            path: path.to_owned(),
            holder,
            file,
            access: access_to(path, current.is_some()),
            reach: reach_of(path),
            prompt: holders.clone().find_map(|it| PasswordPrompt::below(it.pid, table)),
            waiting: files.iter().map(|file| file.waiters.len()).sum(),
            named,
        }
    }

    /// How bad it is, for the choice of the lock that is named.
    fn rank(&self) -> impl Ord {
        let prompt = self.prompt.is_some();
        (self.holder.max(Holder::Living), prompt, self.file, self.access, self.reach, self.holder)
    }
}

/// Returns how a process came to hold a lock.
fn state_of(holder: &LockHolder) -> Holder {
    if !holder.is_orphan {
        Holder::Living
    } else if holder.comm.starts_with("tmux") {
        Holder::InheritedTmux
    } else if holder.comm.starts_with("git") {
        Holder::InheritedGit
    } else {
        Holder::Inherited
    }
}

/// Whether `exec 9>FILE` can open the file, or create it.
fn access_to(path: &Path, exists: bool) -> Access {
    if exists {
        let can = access(path, AccessFlags::W_OK).is_ok();
        return if can { Access::Writable } else { Access::NotWritable };
    }
    let dir = path.parent().filter(|dir| !dir.as_os_str().is_empty()).unwrap_or(Path::new("."));
    let can = access(dir, AccessFlags::W_OK | AccessFlags::X_OK).is_ok();
    if can { Access::Writable } else { Access::NotCreatable }
}

/// Returns for whom a lock counts: for this host, for all clients of a server, or, although other hosts use the file
/// system, for this host alone.
fn reach_of(path: &Path) -> Reach {
    let dir = path.parent().filter(|dir| !dir.as_os_str().is_empty()).unwrap_or(Path::new("."));
    let mount = Mount::of(path).or_else(|| Mount::of(dir));
    mount.map_or(Reach::Host, |mount| reach(&mount.file_system, &mount.options))
}

fn reach(file_system: &str, options: &str) -> Reach {
    let has = |wanted: &[&str]| options.split(',').any(|option| wanted.contains(&option));
    match file_system {
        // nfs(5), `local_lock=` and `nolock`: flock(2) locks are sent to the server unless one of these is given.
        "nfs" | "nfs4" if has(&["local_lock=all", "local_lock=flock", "nolock"]) => {
            Reach::LocalOnly
        }
        // mount.cifs(8), `nobrl`: locks are not sent to the server.
        "cifs" | "smb3" if has(&["nobrl"]) => Reach::LocalOnly,
        "nfs" | "nfs4" | "cifs" | "smb3" | "ceph" | "gfs2" | "ocfs2" => Reach::Server,
        "fuse.sshfs" | "fuse.rclone" | "fuse.s3fs" | "fuse.gcsfuse" | "9p" | "virtiofs"
        | "vboxsf" => Reach::LocalOnly,
        _ => Reach::Host,
    }
}

fn record(findings: &[Finding]) -> Measurement {
    let mut measurement = Measurement::default();
    let Some(worst) = findings.iter().max_by_key(|finding| finding.rank()) else {
        return measurement;
    };
    let prompt = match &worst.prompt {
        None => Prompt::None,
        Some(prompt) if prompt.is_askpass => Prompt::Askpass,
        Some(_) => Prompt::Terminal,
    };
    measurement.set(HOLDER, worst.holder);
    measurement.set(PROMPT, prompt);
    measurement.set(FILE, worst.file);
    measurement.set(ACCESS, worst.access);
    measurement.set(REACH, worst.reach);
    measurement.detail("lock", worst.path.to_string_lossy());
    measurement.detail("user", User::current().name);
    let dir = worst.path.parent().unwrap_or(Path::new("."));
    measurement.detail("directory", dir.to_string_lossy());
    if let Some(holder) = &worst.named {
        measurement.detail("pid", holder.pid.to_string());
        measurement.detail("fd", holder.fd.to_string());
        let age = holder.started.elapsed().unwrap_or_default();
        measurement.detail("process", format!("{} ({})", holder.comm, holder.pid));
        measurement.detail("age", format_age(age));
    }
    if let Some(prompt) = &worst.prompt {
        measurement.detail("prompt-pid", prompt.pid.to_string());
        measurement.detail("prompt-process", prompt.comm.clone());
    }
    let waiting = match worst.waiting {
        0 => "no process waits for it".to_owned(),
        1 => "1 process waits for it".to_owned(),
        count => format!("{count} processes wait for it"),
    };
    measurement.detail("waiting", waiting);
    measurement
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::host::tests_of_lock_holder::holder_named;
    use crate::sandbox::FactValues;

    #[test]
    fn a_lock_on_a_file_system_of_a_server_counts_for_all_clients_unless_an_option_says_otherwise()
    {
        for (file_system, options, expected) in [
            ("ext4", "rw", ("file-system", "host")),
            ("overlay", "rw", ("file-system", "host")),
            ("nfs4", "rw,local_lock=none", ("file-system", "server")),
            ("nfs", "rw,local_lock=flock", ("file-system", "local-only")),
            ("nfs", "rw,nolock", ("file-system", "local-only")),
            ("fuse.sshfs", "rw", ("file-system", "local-only")),
        ] {
            let found = (REACH.name(), reach(file_system, options).as_str());
            assert_eq!(found, expected, "{file_system} {options}");
        }
    }

    fn finding(comm: &str, is_orphan: bool) -> Finding {
        let named = holder_named(comm, is_orphan);
        Finding {
            path: "/srv/lock".into(),
            holder: state_of(&named),
            file: FileState::Current,
            access: Access::Writable,
            reach: Reach::Host,
            prompt: None,
            named: Some(named),
            waiting: 2,
        }
    }

    #[test]
    fn what_an_ended_script_left_is_known_by_its_program() {
        for (comm, is_orphan, expected) in [
            ("sleep", true, ("holder", "inherited")),
            ("tmux: server", true, ("holder", "inherited-tmux")),
            ("git", true, ("holder", "inherited-git")),
            ("git", false, ("holder", "living")),
        ] {
            let measured = record(&[finding(comm, is_orphan)]);
            assert_eq!(measured.facts[expected.0], expected.1);
        }
    }

    #[test]
    fn a_prompt_is_on_the_terminal_or_in_a_window() {
        for (is_askpass, expected) in
            [(true, ("prompt", "askpass")), (false, ("prompt", "terminal"))]
        {
            let prompt = PasswordPrompt { pid: 7, comm: "git".into(), is_askpass };
            let measured = record(&[Finding { prompt: Some(prompt), ..finding("git", false) }]);
            assert_eq!(measured.facts[expected.0], expected.1);
        }
    }

    #[test]
    fn the_worst_of_several_locks_is_named() {
        let deleted = Finding { file: FileState::Deleted, ..finding("sh", false) };
        let closed = Finding {
            holder: Holder::None,
            access: Access::NotWritable,
            path: "/srv/closed".into(),
            ..finding("sh", false)
        };
        let named = |findings: &[Finding]| record(findings).details["lock"].clone();
        assert_eq!(named(&[finding("sh", false), closed]), "/srv/closed");
        let measured = record(&[finding("sh", false), deleted]);
        assert_eq!((FILE.name(), measured.facts["file"].as_str()), ("file", "deleted"));
        let orphan = Finding { path: "/srv/left".into(), ..finding("sleep", true) };
        assert_eq!(named(&[orphan, finding("sh", false)]), "/srv/left");
    }

    #[test]
    fn a_lock_of_the_agents_is_known_by_its_name() {
        for name in ["pull-lock", "agents.lock", "LOCK"] {
            assert!(is_named_like_a_lock(name), "{name}");
        }
        for name in ["index.lock", "HEAD", "config", "packed-refs.lock"] {
            assert!(!is_named_like_a_lock(name), "{name}");
        }
    }

    #[test]
    fn a_file_that_cannot_be_created_is_no_lock() {
        let dir = tempfile::tempdir().unwrap();
        let lock = dir.path().join("lock");
        assert_eq!((ACCESS.name(), access_to(&lock, false).as_str()), ("access", "writable"));
        let missing = Path::new("/no/such/lock");
        assert_eq!(
            (ACCESS.name(), access_to(missing, false).as_str()),
            ("access", "not-creatable")
        );
    }
}
