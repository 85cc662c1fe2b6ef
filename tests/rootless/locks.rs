//! `doctor locks` on real locks of this host.

use std::fs::{self, File};
use std::os::unix::net::UnixListener;
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Output, Stdio};
use std::time::{Duration, Instant, SystemTime};

use launch_doctor::report::locks::schema;
use nix::sys::signal::{Signal, killpg};
use nix::unistd::Pid;
use serde_json::Value;
use tempfile::TempDir;

/// Processes of a test, which end with it.
struct Group(Child);

impl Group {
    /// Starts a script of bash in a process group of its own, in a directory that has the lock file `l`.
    fn start(dir: &Path, script: &str) -> Self {
        fs::write(dir.join("l"), "").expect("a writable directory");
        let mut bash = Command::new("bash");
        bash.args(["-c", script]).current_dir(dir).process_group(0);
        let bash = bash.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
        Self(bash.spawn().expect("bash starts"))
    }
}

impl Drop for Group {
    fn drop(&mut self) {
        let _ = killpg(Pid::from_raw(self.0.id().cast_signed()), Signal::SIGKILL);
        let _ = self.0.wait();
    }
}

fn doctor(dir: &Path, args: &[&str]) -> Output {
    let mut doctor = Command::new(env!("CARGO_BIN_EXE_doctor"));
    doctor.arg("locks").args(args).current_dir(dir).output().expect("doctor runs")
}

/// Returns the report and the exit status.
fn report(dir: &Path, args: &[&str]) -> (Value, i32) {
    let output = doctor(dir, &[args, &["--format", "json"]].concat());
    let report = serde_json::from_slice(&output.stdout)
        .unwrap_or_else(|error| panic!("{error}: {}", String::from_utf8_lossy(&output.stderr)));
    assert_valid(&report);
    (report, output.status.code().expect("it exits"))
}

/// Reads until the report is as it should be: a script of the test takes a moment to get there.
fn until(dir: &Path, args: &[&str], is_so: impl Fn(&Value) -> bool) -> (Value, i32) {
    let deadline = Instant::now() + Duration::from_secs(20);
    loop {
        let (report, status) = report(dir, args);
        if is_so(&report) {
            return (report, status);
        }
        assert!(Instant::now() < deadline, "{report:#}");
    }
}

fn assert_valid(report: &Value) {
    let schema: Value = serde_json::from_str(&schema()).unwrap();
    let validator = jsonschema::draft202012::options().build(&schema).unwrap();
    let errors: Vec<String> = validator
        .iter_errors(report)
        .map(|error| format!("{}: {error}", error.instance_path()))
        .collect();
    assert_eq!(errors, [""; 0], "{report:#}");
}

fn count(report: &Value, key: &str) -> usize {
    report["locks"][0][key].as_array().map_or(0, Vec::len)
}

fn directory() -> (TempDir, PathBuf) {
    let dir = TempDir::new().unwrap();
    let path = fs::canonicalize(dir.path()).unwrap();
    (dir, path)
}

#[test]
fn the_schema_of_locks_in_the_documents_is_that_of_the_types() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("docs/locks.schema.json");
    if std::env::var_os("UPDATE_DOCS").is_some() {
        fs::write(&path, schema()).unwrap();
    }
    let written = fs::read_to_string(path).unwrap_or_default();
    let advice = "docs/locks.schema.json is stale: UPDATE_DOCS=1 cargo nextest run schema";
    assert!(written == schema(), "{advice}");
}

#[test]
fn a_lock_that_a_living_script_holds_is_no_finding_and_its_waiter_is_seen() {
    let (_guard, dir) = directory();
    let script = "exec 9>l; flock 9; sleep 60 & flock -s l true";
    let _script = Group::start(&dir, script);
    let (seen, status) = until(&dir, &["l"], |report| {
        count(report, "holders") >= 2 && count(report, "waiters") == 1
    });
    let lock = &seen["locks"][0];
    assert_eq!(
        (status, lock["kind"].as_str(), lock["mode"].as_str()),
        (0, Some("flock"), Some("exclusive"))
    );
    assert_eq!(lock["problems"], serde_json::json!([]));
    assert_eq!(lock["waiters"][0]["mode"], "shared");
    assert!(lock["waiters"][0]["since"].is_string());
    let inherited: Vec<_> =
        lock["holders"].as_array().unwrap().iter().map(|it| it["inherited"] == true).collect();
    assert_eq!(inherited.iter().filter(|is_inherited| !**is_inherited).count(), 1, "{seen:#}");
}

#[test]
fn a_lock_that_outlives_its_script_is_a_finding_and_the_printed_command_releases_it() {
    let (_guard, dir) = directory();
    let _left = Group::start(&dir, "exec 9>l; flock 9; (sleep 60 &); exit");
    let is_left = |report: &Value| {
        count(report, "holders") == 1 && report["locks"][0]["holders"][0]["comm"] == "sleep"
    };
    let (seen, status) = until(&dir, &["l"], is_left);
    assert_eq!(status, 1, "{seen:#}");
    assert_eq!(seen["locks"][0]["problems"], serde_json::json!(["dead-taker"]));
    let fix = seen["locks"][0]["fix"][0].as_str().unwrap();
    let released = Command::new("sh").args(["-c", fix]).output().unwrap();
    assert!(released.status.success(), "{}", String::from_utf8_lossy(&released.stderr));
    let (after, status) = report(&dir, &["l"]);
    assert_eq!((count(&after, "holders"), status), (0, 0), "{after:#}");
}

#[test]
fn a_lock_on_a_file_that_was_deleted_and_made_again_is_two_rows() {
    let (_guard, dir) = directory();
    let _script = Group::start(&dir, "exec 9>l; flock 9; rm l; sleep 60");
    until(&dir, &["."], |_| !dir.join("l").exists());
    let (seen, status) = until(&dir, &["l"], |report| count(report, "holders") >= 1);
    assert_eq!((status, seen["locks"].as_array().unwrap().len()), (1, 1), "{seen:#}");
    assert_eq!(seen["locks"][0]["deleted"], true);
    File::create(dir.join("l")).unwrap();
    let (seen, status) = report(&dir, &["l"]);
    assert_eq!((status, seen["locks"].as_array().unwrap().len()), (1, 2), "{seen:#}");
    assert_eq!(seen["locks"][0]["problems"], serde_json::json!(["deleted"]));
    assert_eq!(
        (&seen["locks"][1]["deleted"], &seen["locks"][1]["kind"]),
        (&false.into(), &Value::Null)
    );
}

#[test]
fn a_wait_above_the_patience_is_a_finding() {
    let (_guard, dir) = directory();
    let _script = Group::start(&dir, "flock l sh -c 'flock l true'");
    let (_, status) = until(&dir, &["l"], |report| count(report, "waiters") == 1);
    assert_eq!(status, 0);
    let (seen, status) = until(&dir, &["l", "--patience", "10ms"], |report| report["exit"] == 1);
    assert_eq!((status, &seen["locks"][0]["problems"]), (1, &serde_json::json!(["long-wait"])));
}

#[test]
fn what_cannot_be_a_lock_is_a_sentence() {
    let (_guard, dir) = directory();
    let _socket = UnixListener::bind(dir.join("s")).unwrap();
    for (path, words) in [("none", "there is no such file"), ("s", "it is a socket")] {
        let output = doctor(&dir, &[path]);
        assert_eq!((output.status.code(), output.stdout.len()), (Some(2), 0), "{path}");
        assert!(String::from_utf8_lossy(&output.stderr).contains(words), "{path}: {output:?}");
    }
    let output = doctor(&dir, &[]);
    assert_eq!(output.status.code(), Some(2));
    assert!(String::from_utf8_lossy(&output.stderr).contains("--repo"), "{output:?}");
    for path in [".", "/dev/null"] {
        assert_eq!(report(&dir, &[path]).1, 0, "{path}");
    }
}

#[test]
fn a_name_with_a_tab_a_newline_and_an_escape_is_one_line_and_valid_json() {
    let (_guard, dir) = directory();
    let name = "a\tb\n\u{1b}[31m";
    fs::write(dir.join(name), "").unwrap();
    let text = String::from_utf8(doctor(&dir, &[name]).stdout).unwrap();
    assert_eq!(text.lines().count(), 1, "{text:?}");
    assert!(!text.contains(['\t', '\u{1b}']), "{text:?}");
    assert_eq!(report(&dir, &[name]).0["locks"][0]["path"], name);
}

#[test]
fn without_a_path_the_locks_of_the_repository_are_shown_and_a_stale_one_is_a_finding() {
    let (_guard, dir) = directory();
    for folder in [".git/objects", ".git/refs", "sub"] {
        fs::create_dir_all(dir.join(folder)).unwrap();
    }
    fs::write(dir.join(".git/HEAD"), "ref: refs/heads/main\n").unwrap();
    fs::write(dir.join(".git/config"), "").unwrap();
    fs::write(dir.join(".git/pull-lock"), "").unwrap();
    let index = dir.join(".git/index.lock");
    File::create(&index).unwrap();
    let paths = |report: &Value| -> Vec<String> {
        let rows = report["locks"].as_array().unwrap().iter();
        let name =
            |row: &Value| row["path"].as_str().unwrap().rsplit('/').next().map(str::to_owned);
        rows.filter_map(name).collect()
    };
    let (seen, status) = report(&dir.join("sub"), &[]);
    assert_eq!((paths(&seen), status), (vec!["pull-lock".into(), "index.lock".into()], 0));
    assert!(seen["locks"][1]["undecided"].is_string(), "{seen:#}");
    let old = SystemTime::now() - Duration::from_mins(10);
    File::options().write(true).open(&index).unwrap().set_modified(old).unwrap();
    for args in [&["--repo", "."][..], &[".git/index.lock"]] {
        let (seen, status) = report(&dir, args);
        let row = seen["locks"].as_array().unwrap().last().unwrap();
        assert_eq!(
            (status, &row["stale"], &row["kind"]),
            (1, &true.into(), &"git".into()),
            "{seen:#}"
        );
        assert!(row["fix"][0].as_str().unwrap().starts_with("rm -- "));
    }
}

#[test]
fn the_watch_shows_that_a_lock_is_taken_and_released() {
    let (_guard, dir) = directory();
    fs::write(dir.join("l"), "").unwrap();
    let mut doctor = Command::new(env!("CARGO_BIN_EXE_doctor"));
    doctor.args(["locks", "l", "--watch", "--for", "60s", "--format", "json"]).current_dir(&dir);
    let mut watch =
        doctor.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().expect("doctor runs");
    let mut errors = std::io::BufReader::new(watch.stderr.take().unwrap());
    let mut lines = std::io::BufReader::new(watch.stdout.take().unwrap());
    let mut line = String::new();
    std::io::BufRead::read_line(&mut errors, &mut line).unwrap();
    assert_eq!(line, "doctor: watching 1 lock\n");
    let mut event = |expected: &str| {
        let mut line = String::new();
        std::io::BufRead::read_line(&mut lines, &mut line).unwrap();
        let event: Value = serde_json::from_str(&line).unwrap();
        assert_eq!(
            (&event["event"], &event["comm"]),
            (&expected.into(), &"perl".into()),
            "{event}"
        );
    };
    let holder = Group::start(&dir, "exec perl -e 'open F, q(>l); flock F, 2; sleep 60'");
    event("holds");
    drop(holder);
    event("released");
    nix::sys::signal::kill(Pid::from_raw(watch.id().cast_signed()), Signal::SIGINT).unwrap();
    assert_eq!(watch.wait().unwrap().code(), Some(0));
}
