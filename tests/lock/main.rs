//! How workers share a repository-wide lock, and what becomes of it.

#[path = "../lab/mod.rs"]
mod lab;

mod flock;
mod git;

/// A script's beginning: an empty repository in `repo`, under the home directory.
const REPOSITORY: &str = "cd; export GIT_CONFIG_GLOBAL=/dev/null; git init -q repo";
/// A script that names what the doctor has left behind.
const LEFT_BEHIND: &str =
    "find ~ /tmp /var/tmp /dev/shm -name 'launch_doctor_*' 2> /dev/null || true";
