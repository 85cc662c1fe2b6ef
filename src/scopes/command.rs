use super::Process;

/// Shells that wait for the program that matters.
const SHELLS: [&str; 8] = ["sh", "bash", "dash", "zsh", "ksh", "fish", "ash", "busybox"];

/// Returns the process that says what a unit runs: the first that was started, or what it started alone if it is a
/// shell.
pub fn leading(processes: &[Process]) -> Option<&Process> {
    let is_member = |pid: u32| processes.iter().any(|process| process.pid == pid);
    let roots = processes.iter().filter(|process| !is_member(process.ppid));
    let mut leading = roots.min_by_key(|process| (process.since, process.pid))?;
    // No more steps than processes, should their parents make a circle.
    for _ in 0..processes.len() {
        if !SHELLS.contains(&&*leading.comm) {
            break;
        }
        let mut children = processes.iter().filter(|process| process.ppid == leading.pid);
        match (children.next(), children.next()) {
            (Some(child), None) => leading = child,
            _ => break,
        }
    }
    Some(leading)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn comm(processes: &[(u32, u32, &str)]) -> Option<String> {
        let process = |(pid, ppid, comm): &(u32, u32, &str)| Process {
            pid: *pid,
            ppid: *ppid,
            comm: (*comm).to_owned(),
            since: None,
            args: None,
        };
        let processes: Vec<Process> = processes.iter().map(process).collect();
        leading(&processes).map(|process| process.comm.clone())
    }

    #[test]
    fn a_shell_that_waits_for_one_program_is_that_program() {
        assert_eq!(comm(&[(5, 1, "claude"), (6, 5, "node")]).as_deref(), Some("claude"));
        assert_eq!(comm(&[(5, 1, "bash"), (6, 5, "claude")]).as_deref(), Some("claude"));
        assert_eq!(comm(&[(5, 1, "bash"), (6, 5, "a"), (7, 5, "b")]).as_deref(), Some("bash"));
        assert_eq!(comm(&[(9, 1, "b"), (5, 1, "a")]).as_deref(), Some("a"));
        assert_eq!(comm(&[]), None);
        assert_eq!(comm(&[(5, 6, "sh"), (6, 5, "sh")]), None);
    }
}
