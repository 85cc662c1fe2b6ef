use std::env;
use std::fs::File;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::{self, Command, Output, Stdio};
use std::sync::atomic::{AtomicU32, Ordering};

use super::{Release, Report};

static BOOTED: AtomicU32 = AtomicU32::new(0);

/// A function for root's scripts: runs a command as `agent` without opening a session.
pub(crate) const AS_AGENT: &str = r#"
    as_agent() {
        setpriv --reuid=1000 --regid=1000 --init-groups env -i PATH="$PATH" HOME=/home/agent USER=agent \
            XDG_RUNTIME_DIR=/run/user/1000 DBUS_SESSION_BUS_ADDRESS=unix:path=/run/user/1000/bus "$@"
    }
"#;

/// A fresh machine with real systemd. It is powered off and removed with this value.
pub(crate) struct Machine {
    name: String,
    release: Release,
    is_virtual: bool,
}

impl Machine {
    /// Boots a container, with this build of the doctor in its PATH.
    pub(crate) fn boot(release: Release) -> Self {
        Self::up(&[], release)
    }

    /// Boots a virtual machine, which has every cgroup controller and a kernel of its own. It takes
    /// ten seconds where it has to be emulated: put
    /// `virtual_machine` into the name of its test, so that it is given the time.
    pub(crate) fn boot_vm(release: Release) -> Self {
        Self::up(&["--vm"], release)
    }

    fn up(kind: &[&str], release: Release) -> Self {
        let number = BOOTED.fetch_add(1, Ordering::Relaxed);
        let name = format!("t-{}-{number}", process::id());
        let doctor = doctor();
        assert!(
            doctor.to_string_lossy().contains("-musl/"),
            "NOT RUN: the lab needs a static doctor; use ci/test, or pass --target x86_64-unknown-linux-musl"
        );
        let up = lab()
            .env("DOCTOR_BIN", &doctor)
            .arg("up")
            .args(kind)
            .args([release.name(), "--name", &name, "--owner", &process::id().to_string()])
            .stdin(Stdio::null())
            .output()
            .expect("ci/lab can be started");
        assert!(
            up.status.success(),
            "NOT RUN: {} did not boot: {}",
            release.name(),
            String::from_utf8_lossy(&up.stderr)
        );
        Self { name, release, is_virtual: !kind.is_empty() }
    }

    /// Its release.
    pub(crate) fn release(&self) -> Release {
        self.release
    }

    /// Reboots a virtual machine, which keeps its disk.
    #[track_caller]
    pub(crate) fn reboot(&self) {
        let output = lab().args(["reboot", &self.name]).output().expect("ci/lab can be started");
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    }

    /// Runs a command in a login session of `user`, which ends with it.
    pub(crate) fn run_as(&self, user: &str, argv: &[&str]) -> Output {
        self.spawn_as(user, argv).wait_with_output().expect("ci/lab ends")
    }

    /// Starts a command in a login session of `user`.
    pub(crate) fn spawn_as(&self, user: &str, argv: &[&str]) -> process::Child {
        lab()
            .args(["run", &self.name])
            .args(if user == "root" { vec!["--root"] } else { vec!["--user", user] })
            .arg("--")
            .args(argv)
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .expect("ci/lab can be started")
    }

    /// Starts a command in a login session of `user`, or as root outside any, which reads what is written to it.
    pub(crate) fn interactive(&self, user: &str, argv: &[&str], errors: File) -> process::Child {
        let user = if user == "root" { vec!["--root"] } else { vec!["--user", user] };
        lab()
            .args(["run", &self.name])
            .args(user)
            .arg("--")
            .args(argv)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(errors)
            .spawn()
            .expect("ci/lab can be started")
    }

    /// Runs a command as root, outside any login session.
    pub(crate) fn root(&self, argv: &[&str]) -> Output {
        self.run_as("root", argv)
    }

    /// Runs a command in a login session of the user `agent`.
    pub(crate) fn agent(&self, argv: &[&str]) -> Output {
        self.run_as("agent", argv)
    }

    /// Runs a script by `sh -c`, as `user`; it must succeed. Gives what it wrote.
    #[track_caller]
    pub(crate) fn script(&self, user: &str, script: &str) -> String {
        let output = self.run_as(user, &["sh", "-ec", script]);
        assert!(
            output.status.success(),
            "{script}\nstatus {:?}\nstdout: {}\nstderr: {}",
            output.status.code(),
            String::from_utf8_lossy(&output.stdout),
            String::from_utf8_lossy(&output.stderr)
        );
        String::from_utf8_lossy(&output.stdout).into_owned()
    }

    /// Puts a file into the machine, with the rights that it has.
    #[track_caller]
    pub(crate) fn put(&self, file: &Path, to: &str) {
        let mode = format!("{:o}", file.metadata().expect("a file").permissions().mode() & 0o7777);
        let status = lab()
            .args(["run", &self.name, "--root", "--", "install", "-D", "-m", &mode])
            .args(["/dev/stdin", to])
            .stdin(File::open(file).expect("a file that can be read"))
            .status()
            .expect("ci/lab can be started");
        assert!(status.success(), "{} was not put to {to}", file.display());
    }

    /// Installs a program in /opt/other, for a PATH that has it before the real one's directory.
    #[track_caller]
    pub(crate) fn install(&self, name: &str, program: &str) {
        let install = "mkdir -p /opt/other; printf %s \"$2\" >\"/opt/other/$1\"; \
                       chmod 755 \"/opt/other/$1\"";
        assert!(self.root(&["sh", "-ec", install, "sh", name, program]).status.success());
    }

    /// Runs `doctor check --format json ARGS` as `agent`.
    #[track_caller]
    pub(crate) fn check(&self, args: &[&str]) -> Report {
        self.check_in("exec \"$@\"", args)
    }

    /// Runs `doctor check --format json ARGS` as `agent` from a script, which makes the state that
    /// is examined and then runs `"$@"`.
    #[track_caller]
    pub(crate) fn check_in(&self, script: &str, args: &[&str]) -> Report {
        self.check_as("agent", script, args)
    }

    /// Runs `doctor check --format json ARGS` as `user` from a script.
    #[track_caller]
    pub(crate) fn check_as(&self, user: &str, script: &str, args: &[&str]) -> Report {
        let shell = ["sh", "-ec", script, "sh"];
        let doctor = ["doctor", "check", "--format", "json"];
        // An emulated machine takes longer than a run and its probes may by default.
        let limits = ["--deadline", "300", "--timeout", "60"];
        let limits = if self.is_virtual { &limits[..] } else { &limits[..2] };
        Report::read(&self.run_as(user, &[&shell[..], &doctor, limits, args].concat()))
    }

    /// Runs `doctor check --format json --manager system ARGS` as root.
    #[track_caller]
    pub(crate) fn check_system(&self, args: &[&str]) -> Report {
        let args = [&["--manager", "system"], args].concat();
        self.check_as("root", "exec \"$@\"", &args)
    }
}

impl Drop for Machine {
    fn drop(&mut self) {
        let down = lab().args(["down", &self.name]).stdin(Stdio::null()).output();
        let is_down = down.is_ok_and(|output| output.status.success());
        assert!(
            !(!is_down && !std::thread::panicking()),
            "the machine {} did not go down cleanly",
            self.name
        );
    }
}

/// Returns the doctor that is tested: the one that `DOCTOR_BIN` names, or what was built into the directory above the
/// tests'.
pub(crate) fn doctor() -> PathBuf {
    if let Some(doctor) = env::var_os("DOCTOR_BIN") {
        return doctor.into();
    }
    let tests = env::current_exe().expect("the test knows its path");
    let doctor = tests.ancestors().nth(2).expect("tests are in deps/").join("doctor");
    assert!(doctor.exists(), "NOT RUN: {} is not built; use ci/test", doctor.display());
    doctor
}

/// Returns the path of a file of the repository.
pub(crate) fn project(path: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../..").join(path)
}

fn lab() -> Command {
    Command::new(project("ci/lab"))
}
