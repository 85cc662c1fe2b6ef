//! The recipes in ci/recipes work as they are.

#[allow(dead_code, reason = "the reports use the rest of it")]
#[path = "reports/consumers.rs"]
mod consumers;
mod lab;

use std::fs;
use std::path::Path;

use consumers::{consumer, python};
use lab::Release::*;
use lab::{Machine, Release};
use rstest::rstest;

/// A drop-in that makes the manager forget every unit that fails, so that the host behaves otherwise
/// than recorded.
const WORSEN: &str = r"mkdir -p ~/.config/systemd/user/service.d
    printf '[Unit]\nCollectMode=inactive-or-failed\n' >~/.config/systemd/user/service.d/forget.conf
    systemctl --user daemon-reload";

fn recipe(name: &str) -> String {
    let file = Path::new(env!("CARGO_MANIFEST_DIR")).join("ci/recipes").join(name);
    fs::read_to_string(file).unwrap()
}

/// Puts a recipe into the user's directory of unit files.
fn install(machine: &Machine, unit: &str) {
    let text = recipe(unit);
    machine.script(
        "agent",
        &format!(
            "mkdir -p ~/.config/systemd/user; cat >~/.config/systemd/user/{unit} <<'END'\n{text}END"
        ),
    );
}

#[rstest]
fn the_service_and_its_timer_are_accepted_and_examine_the_host(
    #[values(Debian11, Debian12, Debian12Backports, Debian13, Debian14)] release: Release,
) {
    let machine = Machine::boot(release);
    machine.script("root", "loginctl enable-linger agent");
    install(&machine, "doctor.service");
    install(&machine, "doctor.timer");
    let said = machine.script(
        "agent",
        "cd ~/.config/systemd/user; systemd-analyze --user --man=no verify doctor.service doctor.timer 2>&1 | grep -i doctor || true",
    );
    assert_eq!(said, "", "systemd-analyze verify finds fault with the units");
    machine.script(
        "agent",
        "systemctl --user daemon-reload; systemctl --user enable --now doctor.timer",
    );
    // The lab's containers have no controllers, which the doctor rightly warns of.
    machine.script("agent", "systemctl --user start doctor.service");
    let told = machine.script("agent", "journalctl --user -u doctor.service -o cat");
    assert!(told.contains("env-block-spaces"), "{told}");
    assert!(!told.contains("unmeasured"), "{told}");
}

#[test]
fn the_service_is_hardened() {
    let machine = Machine::boot(Debian13);
    install(&machine, "doctor.service");
    let score = machine.script(
        "agent",
        "systemctl --user daemon-reload; systemd-analyze --user security --no-pager doctor.service | tail -n 1",
    );
    let exposure: f64 = score
        .split_whitespace()
        .find_map(|word| word.parse().ok())
        .unwrap_or_else(|| panic!("no exposure level in {score}"));
    // What is left open is what a launch needs: the user's files, processes, sockets, scopes.
    assert!(exposure < 7.0, "{score}");
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
        machine.put(&consumer("root").join(file), &format!("/{file}"));
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

    machine.script("agent", WORSEN);
    let mail = mail_of_cron(&machine);
    assert!(mail.contains("To: ops") && mail.contains("regressed: kept-is-failed"), "{mail}");
}

/// Runs the script of a GitLab job as a runner does with the executor `shell`: in a login shell of its
/// user, each line by `eval`, and the first that fails ends the job.
#[track_caller]
fn run_gitlab_job(machine: &Machine) -> (Option<i32>, String) {
    let jobs = python("yaml_to_json.py", &[], &recipe("gitlab.yml"));
    let job = &jobs["doctor"];
    assert_eq!(job["artifacts"]["reports"]["junit"], "doctor.xml");
    let mut script = "set -eo pipefail; set +o noclobber; export CI=true GITLAB_CI=true
        rm -rf project; mkdir project; cd project"
        .to_owned();
    for line in job["script"].as_array().unwrap() {
        let quoted = line.as_str().unwrap().replace('\'', r"'\''");
        script.push_str(&format!("\n: | eval '{quoted}'"));
    }
    let output = machine.root(&["su", "--login", "agent", "-s", "/bin/bash", "-c", &script]);
    let told = [&output.stdout, &output.stderr].map(|bytes| String::from_utf8_lossy(bytes));
    (output.status.code(), told.concat())
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
    let (status, told) = run_gitlab_job(&machine);
    assert_eq!((status, failures()), (Some(0), 0), "{told}");
    assert!(!told.contains("unmeasured"), "{told}");

    machine.script("agent", WORSEN);
    let (status, told) = run_gitlab_job(&machine);
    assert_eq!(status, Some(1), "{told}");
    assert!(failures() > 0 && told.contains("regressed: kept-is-failed"), "{told}");
}
