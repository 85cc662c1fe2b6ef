//! Invariants of the parsers of what other programs write, one function for each fuzzer. The fuzzers in
//! fuzz/ call them, and so does a test with every file of the corpora.

#![expect(clippy::missing_panics_doc, reason = "a broken invariant is a panic")]

use std::ffi::OsStr;
use std::os::unix::ffi::OsStrExt;
use std::path::Path;

use crate::exec::{EVIDENCE_LIMIT, truncate};
use crate::host::{
    Cgroup, Component, Mount, ProcStat, TmuxPane, UnitProperties, cgroup_usage, flock, git_dir,
    git_lock, git_process, lock_holder, lock_line, logind, os, password_prompt, proc_locks,
    process, runtime_dir, tmux_environment, tmux_identity, tmux_panes, tmux_server,
    transient_units, unit_name, versions,
};
use crate::runner::cleanup::unit_cleanup;
use crate::runner::worker;
use crate::sandbox::{RunId, inode_in};
use crate::scope::support::unit_group::UnitGroup;
use crate::scope::support::{slice_name_syntax, task_limits};
use crate::scope::{scope_exec, scope_name, slice_defined};
use crate::{launcher, lock, session, tmux};

/// Parses arbitrary bytes, and panics if an invariant is broken.
pub type Target = fn(&[u8]);

/// All targets, by the name of the fuzzer and of its corpus.
pub const TARGETS: [(&str, Target); 4] =
    [("proc", proc), ("manager", manager), ("words", words), ("answers", answers)];

/// Parses files in /proc and /sys.
pub fn proc(bytes: &[u8]) {
    let text = String::from_utf8_lossy(bytes);
    if let Some(cgroup) = Cgroup::parse(&text) {
        assert!(text.lines().any(|line| line.ends_with(cgroup.path())));
        walk_cgroup(&cgroup);
    }
    let _ = ProcStat::parse(bytes);
    if let Some(identity) = tmux_identity::TmuxIdentity::parse(bytes) {
        assert!(identity.pane.len() <= 3 * bytes.len());
    }
    let _ = task_limits::task_count(&text);
    let _ = os::pretty_name(&text);
    let _ = flock::is_flock(&text);
    let _ = lock_holder::innermost_id(&text);
    let _ = (password_prompt::read_call(&text), Mount::parse_all(&text));
    if let Some(call) = lock_line::LockCall::parse(&text) {
        assert!(
            text.contains(&format!("{:x}", call.fd)) || text.contains(&format!("{:X}", call.fd))
        );
    }
    let words = process::arguments(bytes);
    assert!(words.iter().all(|word| !word.is_empty() && !word.contains('\0')));
    if let Some(command) = git_process::GitCommand::parse(&words).and_then(|git| git.command) {
        assert!(words.iter().any(|word| word.ends_with(&command)));
    }
    let _ = cgroup_usage::keyed(&text, "usage_usec");
    for line in bytes.split(|&byte| byte == b'\n') {
        if let Some((_, path)) = tmux_server::listener(line) {
            assert!(line.ends_with(path.as_os_str().as_bytes()));
        }
    }
    for line in text.lines() {
        if let Some(lock) = lock_line::LockLine::parse(line) {
            assert!(lock.taker != Some(0) && line.starts_with("lock:"));
        }
        let _ = proc_locks::locked_inode(line);
        assert!(!git_lock::is_git_lock(line) || line.ends_with(".lock"));
        let _ = lock::flock_inherited::lock_id(line);
        let _ = inode_in(line);
        let _ = scope_name::has_pidfs(line);
    }
    if let Some(printed) = scope_exec::ProcessSelf::parse(&text) {
        let _ = (printed.comm(), printed.cmdline());
    }
}

/// Checks that the walk to the root ends and passes every unit that the path names.
fn walk_cgroup(cgroup: &Cgroup) {
    for unit in cgroup.units() {
        let above = cgroup.ancestor(unit).expect("a unit that the path names is found in it");
        assert!(cgroup.path().starts_with(above.path()));
    }
    assert!(cgroup.user_slices().iter().all(|slice| slice.ends_with(".slice")));
    let mut next = Cgroup::from_path(cgroup.path()).parent();
    let mut length = cgroup.path().len();
    while let Some(above) = next {
        assert!(above.path().len() < length);
        length = above.path().len();
        next = above.parent();
    }
}

/// Parses what systemd's programs and logind print.
pub fn manager(bytes: &[u8]) {
    let text = String::from_utf8_lossy(bytes);
    for unit in UnitProperties::parse(&text) {
        let _ = (unit.get("Id"), unit.list("DropInPaths").count());
    }
    for line in text.lines() {
        if let Some(unit) = unit_cleanup::UnitRow::read(line) {
            assert!(!unit.name.is_empty() && line.contains(unit.name));
            let _ = unit.needs_stop();
        }
        let _ = unit_cleanup::launcher_of(line);
        let _ = scope_name::pattern(line, 4242);
        if let Some(run) = RunId::parse(line) {
            // Clean-up removes what has this name, so a name must never parse as another run's.
            assert!(line.starts_with(&run.to_string()), "{line} was parsed as {run}");
            assert_eq!(RunId::parse(&run.to_string()), Some(run));
        }
    }
    if let Some(description) = transient_units::description_in(&text) {
        assert!(description.len() <= text.len() && !description.contains('\n'));
    }
    let _ = tmux::support::spawn_scope::scope_in(&text, 4242);
    let units = slice_defined::first_words(&text);
    for group in UnitGroup::of(units.iter().cloned()) {
        assert!(group.len() > 0 && !group.to_string().is_empty());
        let _ = group.pattern();
    }
    let _ = logind::properties(bytes);
    let _ = session::support::polkit::read(bytes);
    let _ = serde_json::from_slice::<worker::WorkerResult>(bytes);
}

/// Parses words of the environment, the command line and the account.
pub fn words(bytes: &[u8]) {
    let word = OsStr::from_bytes(bytes);
    let unit = slice_name_syntax::to_unit_name(word);
    assert!(unit.as_bytes().ends_with(b".slice"));
    if slice_name_syntax::is_well_formed(word) {
        assert!(unit.to_str().is_some_and(|unit| !unit.contains(['/', '\n', ' ', '$', '%'])));
    }
    let _ = slice_name_syntax::decodes_to_text(word);
    assert!(!slice_name_syntax::escape_for_display(word).contains(char::is_control));
    let suggested = slice_name_syntax::suggest(word);
    assert!(slice_name_syntax::is_well_formed(OsStr::new(&suggested)), "{suggested}");
    if let Some(path) = runtime_dir::socket_path(bytes) {
        assert!(path.as_os_str().len() <= bytes.len());
    }
    let text = String::from_utf8_lossy(bytes);
    assert!(unit_name::unescape(&text).len() <= 3 * text.len());
    let file = session::support::linger_file::escaped(&text);
    assert!(file.bytes().all(|byte| (b' '..127).contains(&byte)) && file.len() <= 4 * text.len());
    let argument = session::linger::as_argument(&text, 1000);
    assert!(!argument.starts_with('-'));
}

/// Parses what the programs that a probe starts print.
pub fn answers(bytes: &[u8]) {
    let text = String::from_utf8_lossy(bytes);
    for component in Component::ALL {
        if let Some(version) = versions::version_in(component, &text) {
            assert!(version.contains(|c: char| c.is_ascii_digit()) && !version.contains('\n'));
        }
    }
    for name in ["DBUS_SESSION_BUS_ADDRESS", "XDG_RUNTIME_DIR"] {
        if let Some(value) = tmux_environment::value_of(name, bytes) {
            assert!(bytes.starts_with(&[name.as_bytes(), b"=", value.as_bytes()].concat()));
        }
    }
    for count in 0..4 {
        let values = launcher::support::env_launch::parse_values(bytes, count);
        assert!(values.is_none_or(|values| values.len() == count));
    }
    for prefix in [&b"gitdir: "[..], b""] {
        if let Some(path) = git_dir::path_in(bytes, prefix) {
            assert!(!path.as_os_str().is_empty() && !path.as_os_str().as_bytes().contains(&0));
        }
    }
    let panes = tmux_panes::parse(bytes, Path::new("/tmp/s"));
    for (at, pane) in panes.iter().enumerate() {
        let is_other = |it: &TmuxPane| (it.server_pid, &it.id) != (pane.server_pid, &pane.id);
        assert!(panes[..at].iter().all(is_other) && !pane.session.contains('\n'));
    }
    assert!(truncate(&text).len() <= EVIDENCE_LIMIT + '…'.len_utf8());
}
