use std::fs;

use nix::libc;

use super::{ProcessTable, command_line};

/// The beginnings of the names of programs that ask for a password to a repository.
const ASKING: [&str; 2] = ["git", "ssh"];
/// A part of the name of each program that asks in a window (gitcredentials(7), ssh(1), `SSH_ASKPASS`).
const ASKPASS: &str = "askpass";
/// The terminal, as programs open it to ask for a password.
const TERMINAL: &str = "/dev/tty";

/// A process that waits for a password.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PasswordPrompt {
    pub pid: u32,
    pub comm: String,
    /// Whether it asks in a window, and not on its terminal.
    pub is_askpass: bool,
}

impl PasswordPrompt {
    /// Finds one among a process and its descendants.
    pub fn below(pid: u32, table: &ProcessTable) -> Option<Self> {
        table.tree(pid).into_iter().find_map(|pid| {
            let comm = table.get(pid)?.comm.clone();
            let program = command_line(pid).into_iter().next().unwrap_or_default();
            let is_askpass = program.contains(ASKPASS) || comm.contains(ASKPASS);
            let is_on_terminal = ASKING.iter().any(|name| comm.starts_with(name))
                && reading_descriptor(pid).is_some_and(|fd| is_terminal(pid, fd));
            (is_askpass || is_on_terminal).then_some(Self { pid, comm, is_askpass })
        })
    }
}

fn reading_descriptor(pid: u32) -> Option<u32> {
    read_call(&fs::read_to_string(format!("/proc/{pid}/syscall")).ok()?)
}

/// A prompt opens the terminal by this name; what reads its standard input does not.
fn is_terminal(pid: u32, fd: u32) -> bool {
    fs::read_link(format!("/proc/{pid}/fd/{fd}")).is_ok_and(|link| link.to_str() == Some(TERMINAL))
}

/// Returns the descriptor from which a process reads, by /proc/PID/syscall (`proc_pid_syscall(5)`).
pub(crate) fn read_call(call: &str) -> Option<u32> {
    let mut words = call.split_ascii_whitespace();
    let number: i64 = words.next()?.parse().ok()?;
    let fd = u32::from_str_radix(words.next()?.strip_prefix("0x")?, 16).ok()?;
    (number == libc::SYS_read).then_some(fd)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_a_read_names_its_descriptor() {
        let read = libc::SYS_read;
        assert_eq!(read_call(&format!("{read} 0x5 0x7ffe 0x400")), Some(5));
        for other in ["running\n", "-1 0x7ffe 0x7f1b", "999 0x5", "", "0"] {
            assert_eq!(read_call(other), None, "{other}");
        }
    }

    #[test]
    fn a_process_that_asks_for_nothing_has_no_prompt() {
        assert_eq!(PasswordPrompt::below(std::process::id(), &ProcessTable::read()), None);
    }
}
