//! Commands that hang, flood or detach themselves do not harm a run.

use std::ffi::OsStr;
use std::os::unix::ffi::OsStrExt;
use std::time::{Duration, Instant};

use launch_probes::Evidence;
use launch_probes::exec::{Command, CommandError, SharedPipe};
use nix::sys::signal::{SigSet, Signal};

fn sh(script: &str, limit: Duration) -> Command {
    Command::new("sh", Instant::now() + limit).args(["-c", script])
}

const LONG: Duration = Duration::from_secs(30);

#[test]
fn arguments_arrive_byte_for_byte() {
    let arguments = [&b"a b"[..], b"$HOME", b"%n", b"it's", b"-x", b"", b"\xff\n\t"];
    let run = Command::new("printf", Instant::now() + LONG)
        .arg("%s\\0")
        .args(arguments.map(OsStr::from_bytes))
        .run()
        .unwrap();
    let printed: Vec<&[u8]> = run.stdout.split(|&byte| byte == 0).collect();
    assert_eq!(printed[..arguments.len()], arguments);
}

#[test]
fn an_exit_status_and_a_signal_are_results_not_errors() {
    let exited = sh("echo out; echo err >&2; exit 7", LONG).run().unwrap();
    assert_eq!(
        (exited.exit(), exited.stdout_text(), exited.stderr_text()),
        (Some(7), "out".into(), "err".into())
    );
    let killed = sh("kill -9 $$", LONG).run().unwrap();
    assert_eq!((killed.exit(), killed.signal()), (None, Some(9)));
}

#[test]
fn a_command_does_not_inherit_blocked_signals() {
    SigSet::from_iter([Signal::SIGTERM]).thread_block().unwrap();
    let killed = sh("kill -s TERM $$; exit 7", LONG).run().unwrap();
    assert_eq!((killed.exit(), killed.signal()), (None, Some(Signal::SIGTERM as i32)));
}

#[test]
fn a_command_that_floods_is_killed_long_before_its_deadline() {
    for stream in [1, 2] {
        let error = sh(&format!("exec cat /dev/zero >&{stream}"), LONG).run().unwrap_err();
        assert!(matches!(error, CommandError::OutputLimit { .. }), "{error}");
    }
}

#[test]
fn a_flood_into_a_shared_pipe_is_an_error_long_before_the_deadline() {
    let mut shared = SharedPipe::new().unwrap();
    let command = sh("echo first; exec cat /dev/zero", LONG).stdout_to(&shared).unwrap();
    let _running = command.start().unwrap();
    let deadline = Instant::now() + LONG;
    assert_eq!(shared.next_line(deadline).unwrap().as_deref(), Some("first"));
    let error = shared.next_line(deadline).unwrap_err();
    assert_eq!(error.to_string(), "commands wrote 64 KiB into the pipe they share");
}

#[test]
fn a_long_output_is_read_to_its_end_and_64_kib_are_captured() {
    let run = sh("head -c 16000000 /dev/zero; echo done >&2", LONG).run().unwrap();
    assert_eq!(run.stdout.len(), 64 * 1024);
    assert_eq!(run.stderr_text(), "done");
}

#[test]
fn the_capture_limit_can_be_changed() {
    let printf = Command::new("printf", Instant::now() + LONG).arg("abc");
    assert_eq!(printf.run().unwrap().stdout, b"abc");
    assert_eq!(printf.capture_limit(2).run().unwrap().stdout, b"ab");
}

#[test]
fn a_detached_descendant_with_open_pipes_does_not_delay_the_result() {
    let run = sh("setsid sleep 20 & echo started", LONG).run().unwrap();
    assert_eq!(run.stdout_text(), "started");
    assert!(run.elapsed < Duration::from_secs(10), "{:?}", run.elapsed);
}

#[test]
fn a_command_that_ignores_sigterm_is_killed_at_its_deadline_with_its_group() {
    let started = Instant::now();
    let error =
        sh("trap '' TERM; sleep 3600 & wait", Duration::from_millis(200)).run().unwrap_err();
    assert!(matches!(error, CommandError::Deadline { .. }), "{error}");
    assert!(started.elapsed() < Duration::from_secs(10));
}

#[test]
fn a_missing_program_and_one_that_cannot_be_started_are_different_errors() {
    let error = Command::new("no-such-program", Instant::now() + LONG).run().unwrap_err();
    assert_eq!(error.to_string(), "no-such-program is not in PATH");
    let error = Command::new("/", Instant::now() + LONG).run().unwrap_err();
    assert!(matches!(error, CommandError::Start { .. }), "{error}");
}

#[test]
fn a_command_inherits_the_environment_except_language_colour_and_pager() {
    let run = sh("echo $LC_ALL $SYSTEMD_COLORS $PATH", LONG).run().unwrap();
    assert_eq!(run.stdout_text(), format!("C 0 {}", std::env::var("PATH").unwrap()));
}

#[test]
fn evidence_shows_changes_to_the_environment_as_env_makes_them() {
    let run =
        Command::new("true", Instant::now() + LONG).env("B", "x y").env_remove("A").run().unwrap();
    let evidence = Evidence::of("fact", &run);
    assert_eq!(evidence.argv, ["env", "-u", "A", "B=x y", "true"]);
    assert_eq!((evidence.exit, evidence.fact.as_str()), (Some(0), "fact"));
}

#[test]
fn lines_are_returned_as_they_arrive_in_answer_to_the_input() {
    let mut running =
        sh("while read line; do echo \"got $line\"; done", LONG).piped_stdin().start().unwrap();
    running.write(b"a\n").unwrap();
    assert_eq!(running.next_line(0).unwrap().as_deref(), Some("got a"));
    running.write(b"b\n").unwrap();
    assert_eq!(running.next_line(1).unwrap().as_deref(), Some("got b"));
    running.close_input();
    assert_eq!(running.next_line(2).unwrap(), None);
    assert!(running.wait().unwrap().success());
}

#[test]
fn variables_that_change_what_programs_print_are_not_inherited() {
    let shown = "echo \"${LD_DEBUG-unset} ${SYSTEMD_LOG_LEVEL-unset} $SYSTEMD_LOG_COLOR $LC_ALL\"";
    let run = sh(shown, LONG).env("LD_DEBUG", "unknown").run().unwrap();
    assert_eq!(run.stdout_text(), "unknown unset 0 C", "what a probe sets, arrives");
}
