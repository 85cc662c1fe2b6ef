use std::fs::File;
use std::io::{BufRead, BufReader, Read, Seek, Write};
use std::process::{Child, ChildStdin, ChildStdout, Output};

use super::table::ShellKind;
use crate::lab::{Machine, Report};

/// The end of an answer: no command writes it.
const END: &str = "=== end of the answer ===";

/// A shell in a machine, in which one command is run after the other, as a person does: what one exports, the next has.
pub(super) struct Shell {
    child: Child,
    input: Option<ChildStdin>,
    output: BufReader<ChildStdout>,
    errors: File,
    kind: ShellKind,
}

/// What a script wrote, and the status with which it ended.
pub(super) struct Answer {
    pub(super) status: i32,
    pub(super) text: String,
}

impl Shell {
    /// Starts a shell.
    pub(super) fn start(machine: &Machine, kind: ShellKind) -> Self {
        let as_service = "exec setpriv --reuid=1000 --regid=1000 --init-groups env -i PATH=\"$PATH\" \
             HOME=/home/agent USER=agent LOGNAME=agent SHELL=/bin/bash XDG_RUNTIME_DIR=/run/user/1000 \
             DBUS_SESSION_BUS_ADDRESS=unix:path=/run/user/1000/bus sh";
        let (user, argv): (_, &[&str]) = match kind {
            ShellKind::Login => ("agent", &["sh"]),
            ShellKind::Root => ("root", &["sh"]),
            ShellKind::Service => ("root", &["sh", "-c", as_service]),
        };
        let errors = tempfile::tempfile().expect("a file for the errors of a shell");
        let mut child = machine.interactive(user, argv, errors.try_clone().expect("a descriptor"));
        let input = child.stdin.take();
        let output = BufReader::new(child.stdout.take().expect("the output is a pipe"));
        Self { child, input, output, errors, kind }
    }

    /// Runs a script, with its errors among what it writes.
    #[track_caller]
    pub(super) fn run(&mut self, script: &str) -> Answer {
        self.ask(&format!("{{ {script}\n}} 2>&1 </dev/null"))
    }

    /// Runs a script, of which each command must succeed.
    #[track_caller]
    pub(super) fn run_ok(&mut self, script: &str) {
        if script.trim().is_empty() {
            return;
        }
        let script = format!("set -e; {script}\nset +e");
        let answer = self.run(&script);
        assert_eq!(answer.status, 0, "{script}\n{}", answer.text);
    }

    /// Runs doctor, and returns its report.
    #[track_caller]
    pub(super) fn check(&mut self, id: &str, args: &[String]) -> Report {
        let manager = if self.kind == ShellKind::Root { " --manager system" } else { "" };
        let args = args.join(" ");
        let answer =
            self.ask(&format!("doctor check --format json{manager} {id} {args} </dev/null"));
        let output = Output {
            status: std::os::unix::process::ExitStatusExt::from_raw(answer.status << 8),
            stdout: answer.text.into_bytes(),
            stderr: self.errors().into_bytes(),
        };
        Report::read(&output)
    }

    #[track_caller]
    fn ask(&mut self, script: &str) -> Answer {
        let input = self.input.as_mut().expect("the shell has not ended");
        let written = writeln!(input, "{script}\necho; echo \"{END} $?\"");
        written.and_then(|()| input.flush()).expect("the shell reads");
        let mut text = String::new();
        loop {
            let mut line = String::new();
            let read = self.output.read_line(&mut line).expect("the shell writes text");
            assert_ne!(read, 0, "the shell ended in: {script}\n{text}\n{}", self.errors());
            if let Some(status) = line.strip_prefix(END) {
                let status = status.trim().parse().expect("a status");
                return Answer { status, text };
            }
            text.push_str(&line);
        }
    }

    fn errors(&mut self) -> String {
        let mut text = String::new();
        self.errors.rewind().expect("a file");
        self.errors.read_to_string(&mut text).expect("errors are text");
        text
    }
}

impl Drop for Shell {
    /// Ends the shell, and waits for the end of its session.
    fn drop(&mut self) {
        drop(self.input.take());
        let _ = self.child.wait();
    }
}
