use std::fs;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use std::time::SystemTime;

use super::process::arguments;
use super::{GitDir, ProcStat, StartClock, processes};

/// The options of git before the command that take the next word as their value (git(1), OPTIONS).
const OPTIONS_WITH_VALUE: [&str; 8] = [
    "-C",
    "-c",
    "--git-dir",
    "--work-tree",
    "--namespace",
    "--exec-path",
    "--super-prefix",
    "--config-env",
];
/// The commands that never create a lock file: they only read, or only move objects. `status`, `diff` and
/// `describe` are not among them, because they refresh the index.
const READERS: [&str; 40] = [
    "annotate",
    "archive",
    "blame",
    "cat-file",
    "check-attr",
    "check-ignore",
    "check-mailmap",
    "check-ref-format",
    "count-objects",
    "credential",
    "credential-cache",
    "credential-cache--daemon",
    "credential-store",
    "daemon",
    "diff-tree",
    "for-each-ref",
    "fsmonitor--daemon",
    "get-tar-commit-id",
    "grep",
    "hash-object",
    "help",
    "http-backend",
    "index-pack",
    "log",
    "ls-files",
    "ls-remote",
    "ls-tree",
    "merge-base",
    "name-rev",
    "pack-objects",
    "remote-ftp",
    "remote-http",
    "remote-https",
    "rev-list",
    "rev-parse",
    "show",
    "show-ref",
    "unpack-objects",
    "upload-pack",
    "version",
];

/// A running git.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct GitProcess {
    /// Its process id.
    pub pid: u32,
    /// The id of the user it runs as.
    pub uid: u32,
    /// Its command, such as `fetch`; `None` if it has none, as in `git --version`, or its arguments cannot be read.
    pub command: Option<String>,
    /// When it started, by the clock of today; precise to 10 milliseconds.
    pub started: SystemTime,
    /// Where it runs.
    pub place: GitPlace,
}

/// Where a git runs, as far as /proc shows it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum GitPlace {
    /// Its working directory is in the repository with this common directory.
    Repository(PathBuf),
    /// Its working directory is in no repository, in another mount namespace, or cannot be read: by `--git-dir` or
    /// `GIT_DIR` it may work on any.
    Unknown,
}

impl GitProcess {
    /// Returns every git process that /proc lists, the helpers such as `git-remote-https` included.
    pub fn all() -> Vec<Self> {
        let clock = StartClock::read();
        processes().filter_map(|pid| Self::read(pid, clock)).collect()
    }

    fn read(pid: u32, clock: StartClock) -> Option<Self> {
        let stat = ProcStat::of_pid(pid).ok()??;
        let process = PathBuf::from(format!("/proc/{pid}"));
        if !stat.comm.starts_with("git") || stat.state == 'Z' {
            return None;
        }
        let words = arguments(&fs::read(process.join("cmdline")).unwrap_or_default());
        let program = GitCommand::parse(&words);
        // Without its arguments, which a mount option of /proc may hide, its name decides.
        if program.is_none() && !words.is_empty() {
            return None;
        }
        Some(Self {
            pid,
            uid: fs::metadata(&process).ok()?.uid(),
            command: program.and_then(|program| program.command),
            started: clock.time_of(stat.start_time),
            place: GitPlace::of_directory(&process.join("cwd")),
        })
    }

    /// Reports whether its command may create a lock file. A git without a command, such as `git --version`, does
    /// not; one whose arguments cannot be read may.
    pub fn may_lock(&self) -> bool {
        self.command.as_deref().is_none_or(|command| !READERS.contains(&command))
    }

    /// Reports whether it may write a file of a git directory. A git of a repository with submodules works in theirs
    /// as well, which are below its own.
    pub fn may_write(&self, file: &Path) -> bool {
        match &self.place {
            GitPlace::Repository(common_dir) => file.starts_with(common_dir),
            GitPlace::Unknown => true,
        }
    }
}

impl GitPlace {
    /// Finds the repository of a process's working directory, which `link` in /proc leads to.
    fn of_directory(link: &Path) -> Self {
        let identity = |path: &Path| fs::metadata(path).map(|it| (it.dev(), it.ino()));
        let Ok(directory) = fs::read_link(link) else { return Self::Unknown };
        // In another mount namespace the same path can be another directory.
        let is_here = matches!((identity(link), identity(&directory)), (Ok(a), Ok(b)) if a == b);
        let found = is_here.then(|| GitDir::find(&directory)).flatten();
        let common = found.and_then(|git| fs::canonicalize(git.common_dir).ok());
        common.map_or(Self::Unknown, Self::Repository)
    }
}

/// The command line of a git.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct GitCommand {
    /// The command, without options.
    pub(crate) command: Option<String>,
}

impl GitCommand {
    /// Parses the arguments of a process; `None` if it is another program.
    pub(crate) fn parse(words: &[String]) -> Option<Self> {
        let program = words.first()?.rsplit('/').next().unwrap_or_default();
        if let Some(command) = program.strip_prefix("git-") {
            return Some(Self { command: Some(command.to_owned()) });
        }
        if program != "git" {
            return None;
        }
        let mut rest = words[1..].iter();
        while let Some(word) = rest.next() {
            if OPTIONS_WITH_VALUE.contains(&word.as_str()) {
                rest.next();
            } else if word == "--version" || word == "--help" {
                return Some(Self { command: Some(word[2..].to_owned()) });
            } else if !word.starts_with('-') {
                return Some(Self { command: Some(word.clone()) });
            }
        }
        Some(Self { command: None })
    }
}

/// Reports whether the caller sees the processes of other users. `hidepid=` of proc(5) hides them from all but root.
pub fn sees_foreign_processes() -> bool {
    fs::read("/proc/1/stat").is_ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(line: &str) -> Option<GitCommand> {
        let words: Vec<String> = line.split(' ').map(str::to_owned).collect();
        GitCommand::parse(&words)
    }

    #[test]
    fn the_command_follows_the_options() {
        let expected = |name: &str| Some(GitCommand { command: Some(name.to_owned()) });
        assert_eq!(parse("git -C /srv/work -c a.b=c --no-pager fetch --all"), expected("fetch"));
        assert_eq!(parse("/usr/lib/git-core/git gc --auto"), expected("gc"));
        assert_eq!(parse("git-remote-https origin"), expected("remote-https"));
        assert_eq!(parse("git --git-dir /a --git-dir=/b cat-file --batch"), expected("cat-file"));
        assert_eq!(parse("git --version"), expected("version"));
        assert_eq!(parse("git"), Some(GitCommand { command: None }));
        assert_eq!(parse("vim .git/COMMIT_EDITMSG"), None);
        assert_eq!(parse("/usr/bin/gitk"), None);
        assert_eq!(GitCommand::parse(&[]), None);
    }

    #[test]
    fn readers_create_no_lock() {
        assert!(READERS.is_sorted());
        let git = |command: Option<&str>| GitProcess {
            pid: 1,
            uid: 0,
            command: command.map(str::to_owned),
            started: SystemTime::UNIX_EPOCH,
            place: GitPlace::Repository("/r/.git".into()),
        };
        assert!(!git(Some("cat-file")).may_lock());
        for command in [Some("commit"), Some("status"), Some("an-alias"), None] {
            assert!(git(command).may_lock(), "{command:?}");
        }
        assert!(git(None).may_write(Path::new("/r/.git/index.lock")));
        assert!(!git(None).may_write(Path::new("/s/.git/index.lock")));
    }

    #[test]
    fn a_directory_that_is_in_no_repository_leaves_the_place_open() {
        let dir = tempfile::tempdir().unwrap();
        let link = dir.path().join("cwd");
        std::os::unix::fs::symlink(dir.path(), &link).unwrap();
        assert_eq!(GitPlace::of_directory(&link), GitPlace::Unknown);
        fs::create_dir_all(dir.path().join(".git/objects")).unwrap();
        fs::create_dir_all(dir.path().join(".git/refs")).unwrap();
        fs::write(dir.path().join(".git/HEAD"), "ref: refs/heads/main\n").unwrap();
        let common = fs::canonicalize(dir.path().join(".git")).unwrap();
        assert_eq!(GitPlace::of_directory(&link), GitPlace::Repository(common));
        assert_eq!(GitPlace::of_directory(Path::new("/no/such")), GitPlace::Unknown);
    }
}
