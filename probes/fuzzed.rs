//! The parsers of what others write, behind one function a family, and what must hold of them
//! whatever the bytes are. The fuzzers in fuzz/ call these, and so does tests/corpora.rs with every
//! file of their corpora.

use std::ffi::OsStr;
use std::os::unix::ffi::OsStrExt;

use crate::host::{
    Cgroup, Component, UnitProperties, flock, git_dir, logind, process_start, processes,
    runtime_dir, system, tmux_environment, tmux_servers, versions,
};
use crate::sandbox::{RunId, completed, run_id, unit_removal, worker};
use crate::scope::unit_groups::UnitGroup;
use crate::scope::{edit_distance, scope_exec, scope_name, slice_defined, slice_word, task_bounds};
use crate::{launcher, lock, session, tmux};

/// Takes the bytes that a fuzzer has made up, and panics where a promise is broken.
pub type Target = fn(&[u8]);

/// Every family, by the name of its fuzzer and of its corpus.
pub const TARGETS: [(&str, Target); 4] =
    [("proc", proc), ("manager", manager), ("words", words), ("answers", answers)];

/// Files of the kernel's, in /proc and /sys.
pub fn proc(bytes: &[u8]) {
    let text = String::from_utf8_lossy(bytes);
    if let Some(cgroup) = Cgroup::parse(&text) {
        assert!(text.lines().any(|line| line.ends_with(cgroup.path())));
        look_around(&cgroup);
    }
    let _ = process_start::parse_start_time(bytes);
    let _ = task_bounds::tasks_in(&text);
    let _ = system::pretty_name(&text);
    let _ = (flock::is_flock(&text), flock::sleeps(&text));
    assert!(processes::words(bytes).iter().all(|word| !word.is_empty() && !word.contains('\0')));
    for line in bytes.split(|&byte| byte == b'\n') {
        if let Some((_, path)) = tmux_servers::listener(line) {
            assert!(line.ends_with(path.as_os_str().as_bytes()));
        }
    }
    for line in text.lines() {
        let _ = lock::flock_inherited::lock_id(line);
        let _ = run_id::inode_in(line);
        let _ = scope_name::has_pidfs(line);
    }
    if let Some(shown) = scope_exec::Shown::read(&text) {
        let _ = (shown.comm(), shown.cmdline());
    }
}

/// Every way up from a cgroup ends, and leads through what its path names.
fn look_around(cgroup: &Cgroup) {
    for unit in cgroup.units() {
        let above = cgroup.ancestor(unit).expect("a unit that the path names is found in it");
        assert!(cgroup.path().starts_with(above.path()));
    }
    assert!(cgroup.user_slices().iter().all(|slice| slice.ends_with(".slice")));
    let mut next = Cgroup::at(cgroup.path()).parent();
    let mut length = cgroup.path().len();
    while let Some(above) = next {
        assert!(above.path().len() < length);
        length = above.path().len();
        next = above.parent();
    }
}

/// What systemd's programs and logind tell.
pub fn manager(bytes: &[u8]) {
    let text = String::from_utf8_lossy(bytes);
    for unit in UnitProperties::parse(&text) {
        let _ = (unit.get("Id"), unit.list("DropInPaths").count());
    }
    for line in text.lines() {
        if let Some(unit) = unit_removal::Listed::read(line) {
            assert!(!unit.name.is_empty() && line.contains(unit.name));
            let _ = unit.is_to_be_stopped();
        }
        let _ = unit_removal::launcher_of(line);
        let _ = scope_name::pattern(line, 4242);
        if let Some(run) = RunId::parse(line) {
            // What is removed is what has this name: nothing may be read as another run's.
            assert!(line.starts_with(&run.to_string()), "{line} was read as {run}");
            assert_eq!(RunId::parse(&run.to_string()), Some(run));
        }
    }
    let _ = tmux::spawn_scope::scope_in(&text, 4242);
    let units = slice_defined::slices_in(&text);
    for group in UnitGroup::of(units.iter().cloned()) {
        assert!(group.len() > 0 && !group.to_string().is_empty());
        let _ = group.pattern();
    }
    for name in units.iter().take(1).filter(|name| name.len() < 64) {
        assert_eq!(edit_distance::edit_distance(name, name), 0);
        assert_eq!(
            edit_distance::edit_distance(name, "agents.slice"),
            edit_distance::edit_distance("agents.slice", name)
        );
    }
    let _ = logind::properties(bytes);
    let _ = session::authorization::read(bytes);
    let _ = serde_json::from_slice::<worker::Report>(bytes);
}

/// Words out of the environment, the command line and the account.
pub fn words(bytes: &[u8]) {
    let word = OsStr::from_bytes(bytes);
    let unit = slice_word::unit(word);
    assert!(unit.as_bytes().ends_with(b".slice"));
    if slice_word::is_well_formed(word) {
        assert!(unit.to_str().is_some_and(|unit| !unit.contains(['/', '\n', ' ', '$', '%'])));
    }
    let _ = slice_word::is_text(word);
    assert!(!slice_word::printable(word).contains(char::is_control));
    let suggested = slice_word::suggested(word);
    assert!(slice_word::is_well_formed(OsStr::new(&suggested)), "{suggested}");
    if let Some(path) = runtime_dir::socket_path(bytes) {
        assert!(path.as_os_str().len() <= bytes.len());
    }
    let text = String::from_utf8_lossy(bytes);
    let file = session::linger_file::escaped(&text);
    assert!(file.bytes().all(|byte| (b' '..127).contains(&byte)) && file.len() <= 4 * text.len());
    let argument = session::linger::as_argument(&text, 1000);
    assert!(!argument.starts_with('-'));
}

/// What programs that a probe starts answer.
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
        let values = launcher::delivery::values(bytes, count);
        assert!(values.is_none_or(|values| values.len() == count));
    }
    for prefix in [&b"gitdir: "[..], b""] {
        if let Some(path) = git_dir::path_in(bytes, prefix) {
            assert!(!path.as_os_str().is_empty() && !path.as_os_str().as_bytes().contains(&0));
        }
    }
    assert!(completed::shortened(&text).len() <= completed::QUOTED + '…'.len_utf8());
}
