//! How workers share a repository-wide lock, and what keeps it held.

mod flock;
mod git;
mod git_state;
mod git_usable;
mod git_usable_states;
mod held;
mod locks;

/// The beginning of a script: an empty repository `repo` in the home directory.
const REPOSITORY: &str = "cd; export GIT_CONFIG_GLOBAL=/dev/null; git init -q repo";
/// A script that lists files which doctor left.
const LEFT_BEHIND: &str =
    "find ~ /tmp /var/tmp /dev/shm -name 'launch_doctor_*' 2> /dev/null || true";
