//! The command line on the host as it is.

use assert_cmd::Command;

fn doctor() -> Command {
    Command::new(env!("CARGO_BIN_EXE_doctor"))
}

#[test]
fn an_unknown_id_is_answered_with_the_nearest_and_nothing_runs() {
    doctor()
        .args(["check", "env-block-space"])
        .assert()
        .code(2)
        .stdout("")
        .stderr("doctor: there is no probe or group `env-block-space` (did you mean `env-block-spaces`?); `doctor list` shows all\n");
}
