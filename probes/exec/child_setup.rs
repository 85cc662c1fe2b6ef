use std::env;
use std::ffi::OsStr;
use std::fs;
use std::io;
use std::os::unix::ffi::OsStrExt;
use std::process::Command;

use nix::libc;
use nix::sys::resource::{RLIM_INFINITY, Resource, getrlimit};

/// What every child gets, so that its output does not depend on the caller's language, terminal or pager.
const SET: [(&str, &str); 6] = [
    ("LC_ALL", "C"),
    ("SYSTEMD_COLORS", "0"),
    // systemd 247 colours its log lines in spite of SYSTEMD_COLORS.
    ("SYSTEMD_LOG_COLOR", "0"),
    ("SYSTEMD_PAGER", "cat"),
    ("GIT_PAGER", "cat"),
    ("GIT_TERMINAL_PROMPT", "0"),
];

/// Variables that change what systemd's programs, git or the dynamic loader print, where they print it, or whether the
/// program starts: ld.so(8), git(1), systemctl(1), "Environment". The rest of the caller's environment is what is
/// examined.
const REMOVED: [&str; 19] = [
    "LD_PRELOAD",
    "LD_LIBRARY_PATH",
    "LD_AUDIT",
    "LD_DEBUG",
    "LD_DEBUG_OUTPUT",
    "LD_PROFILE",
    "LD_PROFILE_OUTPUT",
    "LD_SHOW_AUXV",
    "LD_TRACE_LOADED_OBJECTS",
    "LD_VERBOSE",
    "LD_WARN",
    "LD_BIND_NOW",
    "LD_BIND_NOT",
    "SYSTEMD_PAGERSECURE",
    "SYSTEMD_LESS",
    "SYSTEMD_URLIFY",
    "SYSTEMCTL_FORCE_BUS",
    "GIT_CURL_VERBOSE",
    "GIT_ADVICE",
];

/// The beginnings of the names of the variables by which programs log more, or elsewhere: systemctl(1), "Environment";
/// git(1), "Git Trace".
const LOGGING_PREFIXES: [&str; 2] = ["SYSTEMD_LOG_", "GIT_TRACE"];

/// Gives a command the environment of a child: the caller's, without what changes what programs print.
pub fn set_up_environment(command: &mut Command) {
    for name in env::vars_os().map(|(name, _)| name).filter(|name| is_removed(name)) {
        command.env_remove(name);
    }
    command.envs(SET);
}

/// Keeps the descriptors that the process was started with, other than its standard streams, from its children. A caller
/// that holds a lock by `exec 9>FILE` would otherwise pass it to every command, and number 9 would always be open.
pub fn close_inherited_on_exec() {
    let Ok(entries) = fs::read_dir("/proc/self/fd") else { return };
    let names = entries.flatten().map(|entry| entry.file_name());
    for descriptor in names.filter_map(|name| name.to_str()?.parse::<i32>().ok()) {
        if descriptor > libc::STDERR_FILENO {
            // SAFETY: F_SETFD changes a flag of a descriptor, and fails on one that is no longer open.
            unsafe { libc::fcntl(descriptor, libc::F_SETFD, libc::FD_CLOEXEC) };
        }
    }
}

/// Names the limit of this process that keeps it from starting another one, if that is why it was refused.
pub(crate) fn name_limit(error: io::Error) -> io::Error {
    let (resource, name) = match error.raw_os_error() {
        Some(libc::EMFILE) => (Resource::RLIMIT_NOFILE, "-n"),
        Some(libc::EAGAIN) => (Resource::RLIMIT_NPROC, "-u"),
        _ => return error,
    };
    match getrlimit(resource) {
        Ok((soft, _)) if soft != RLIM_INFINITY => {
            io::Error::other(format!("{error}; `ulimit {name}` is {soft} here"))
        }
        _ => error,
    }
}

fn is_removed(name: &OsStr) -> bool {
    REMOVED.iter().any(|removed| name == *removed) || changes_words(name)
}

/// Reports whether a variable changes the words of systemd's programs or git.
pub(crate) fn changes_words(name: &OsStr) -> bool {
    LOGGING_PREFIXES.iter().any(|prefix| name.as_bytes().starts_with(prefix.as_bytes()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_a_reached_limit_is_named() {
        let of = |number| name_limit(io::Error::from_raw_os_error(number)).to_string();
        assert!(of(libc::EMFILE).contains("`ulimit -n` is "), "{}", of(libc::EMFILE));
        assert!(!of(libc::EACCES).contains("ulimit"));
    }

    #[test]
    fn only_what_changes_a_programs_words_is_removed() {
        for name in ["SYSTEMD_LOG_LEVEL", "SYSTEMD_LOG_TIME", "GIT_TRACE", "GIT_TRACE2_EVENT"] {
            assert!(is_removed(OsStr::new(name)), "{name}");
        }
        for name in ["LD_PRELOAD", "LD_DEBUG", "LD_LIBRARY_PATH"] {
            assert!(is_removed(OsStr::new(name)), "{name}");
        }
        for name in ["", "PATH", "GIT_DIR", "SYSTEMD_UNIT_PATH", "XDG_RUNTIME_DIR", "TMUX"] {
            assert!(!is_removed(OsStr::new(name)), "{name}");
        }
    }
}
