//! The recipes for cron and GitLab, run by Debian's cron and as GitLab's runner runs them. What reads them is installed
//! by `ci/report-readers`, so `ci/test --all` runs these tests.

use std::fmt::Write as _;

use std::io::Write;
use std::path::PathBuf;
use std::process::{Command, Stdio};

use serde_json::Value;

use crate::lab::Release::Debian13;
use crate::lab::{Machine, project};
use crate::recipes::{WORSEN, recipe};

/// Returns a file that `ci/report-readers` installed.
#[track_caller]
fn reader(path: &str) -> PathBuf {
    let path = project("target/report-readers").join(path);
    assert!(path.exists(), "NOT RUN: {} is not installed; run ci/report-readers", path.display());
    path
}

/// Reads YAML, in Python.
#[track_caller]
fn yaml(text: &str) -> Value {
    let mut python = Command::new(reader("venv/bin/python"))
        .arg(project("tests/rootless/reports/yaml_to_json.py"))
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .expect("Python can be started");
    python.stdin.take().expect("a pipe").write_all(text.as_bytes()).unwrap();
    let output = python.wait_with_output().unwrap();
    serde_json::from_slice(&output.stdout).expect("the script writes JSON")
}

/// Runs the jobs of a crontab by Debian's cron, which starts them at its own start, and gives the mail
/// that it sends.
#[track_caller]
fn mail_of_cron(machine: &Machine) -> String {
    machine.script(
        "root",
        "rm -f /run/crond.reboot; : >/var/mail/sent; chmod 666 /var/mail/sent; cron=cron-$$
         systemd-run --quiet --collect --unit=$cron cron -f
         mkfifo /run/$cron; journalctl --quiet --follow --lines=all --unit=$cron --output=cat >/run/$cron &
         grep -q 'session closed for user agent' /run/$cron; kill $! || true
         systemctl stop $cron
         cat /var/mail/sent",
    )
}

#[test]
fn cron_sends_a_mail_when_the_host_has_changed_and_none_before() {
    let machine = Machine::boot(Debian13);
    for file in ["usr/sbin/cron", "etc/pam.d/cron"] {
        machine.put(&reader("root").join(file), &format!("/{file}"));
    }
    let crontab = recipe("crontab");
    let time = "17 6 * * *";
    assert!(crontab.contains(&format!("\n{time} ")), "{crontab}");
    machine.script(
        "root",
        &format!(
            "loginctl enable-linger agent
             printf '#!/bin/sh\\nexec cat >>/var/mail/sent\\n' >/usr/sbin/sendmail
             chmod 755 /usr/sbin/sendmail
             mkdir -p -m 1730 /var/spool/cron/crontabs; cd /var/spool/cron/crontabs
             cat >agent <<'END'\n{}END\nchown agent: agent; chmod 600 agent",
            crontab.replace(time, "@reboot")
        ),
    );
    let first = crontab.lines().find_map(|line| line.strip_prefix("# First, once: "));
    machine.script("agent", first.expect("what is to be done first"));
    assert_eq!(mail_of_cron(&machine), "");

    machine.script("root", WORSEN);
    let mail = mail_of_cron(&machine);
    assert!(mail.contains("To: ops") && mail.contains("regressed: kept-is-failed"), "{mail}");
}

/// Runs the script of a GitLab job as a runner does with the executor `shell`: in a login shell of its
/// user, each line by `eval`, and the first that fails ends the job.
#[track_caller]
fn run_gitlab_job(machine: &Machine) -> (Option<i32>, String) {
    let jobs = yaml(&recipe("gitlab.yml"));
    let job = &jobs["doctor"];
    assert_eq!(job["artifacts"]["reports"]["junit"], "doctor.xml");
    let mut script = "set -eo pipefail; set +o noclobber; export CI=true GITLAB_CI=true
        rm -rf project; mkdir project; cd project"
        .to_owned();
    for line in job["script"].as_array().unwrap() {
        let quoted = line.as_str().unwrap().replace('\'', r"'\''");
        let _ = write!(script, "\n: | eval '{quoted}'");
    }
    let output = machine.root(&["su", "--login", "agent", "-s", "/bin/bash", "-c", &script]);
    let text = [&output.stdout, &output.stderr].map(|bytes| String::from_utf8_lossy(bytes));
    (output.status.code(), text.concat())
}

#[test]
fn a_gitlab_job_fails_when_the_host_behaves_otherwise_than_recorded() {
    let machine = Machine::boot(Debian13);
    // There is no toolchain in the machine: what is built is there already.
    machine.script(
        "root",
        r#"loginctl enable-linger agent; cat >/usr/local/bin/cargo <<'END'; chmod 755 /usr/local/bin/cargo
#!/bin/sh
[ "$*" = "build --release --target x86_64-unknown-linux-musl" ] &&
    exec install -D /usr/local/bin/doctor target/x86_64-unknown-linux-musl/release/doctor
END
"#,
    );
    let failures = || {
        let report = machine.script("agent", "cat ~/project/doctor.xml");
        assert!(report.contains("<testsuites"), "{report}");
        report.matches("<failure").count()
    };
    let (status, text) = run_gitlab_job(&machine);
    assert_eq!((status, failures()), (Some(0), 0), "{text}");
    assert!(!text.contains("unmeasured"), "{text}");

    machine.script("root", WORSEN);
    let (status, text) = run_gitlab_job(&machine);
    assert_eq!(status, Some(1), "{text}");
    assert!(failures() > 0 && text.contains("regressed: kept-is-failed"), "{text}");
}
