use crate::Unable;
use crate::host::Cgroup;
use crate::sandbox::{Completed, Sandbox};

/// The scopes that tmux has asked the user's manager for, one for each pane that it moves.
///
/// tmux makes the request before the command that opens the pane has ended, and names the process
/// id of the pane in the description (upstream compat/systemd.c).
pub struct SpawnScopes {
    /// The command that listed them.
    pub listed: Completed,
}

impl SpawnScopes {
    /// Asks the manager.
    ///
    /// # Errors
    /// When systemctl cannot be run.
    pub fn list(sandbox: &Sandbox) -> Result<Self, Unable> {
        let list = sandbox
            .systemctl()
            .args(["list-units", "--all", "--plain", "--no-legend", "--full", "--type=scope"])
            .args(["--", "tmux-spawn-*"]);
        Ok(Self { listed: list.run()? })
    }

    /// The scope for the pane whose process is `pid`.
    pub fn of(&self, pid: u32) -> Option<String> {
        scope_in(&self.listed.text(), pid)
    }

    /// Where the process of a pane lives once the manager has done what tmux asked for. Up to tmux
    /// 3.5 nobody waits for that, and no event tells it; so it is looked at until it is so.
    ///
    /// # Errors
    /// When the process has ended, or the manager does not answer.
    pub fn settled(&mut self, sandbox: &Sandbox, pid: u32) -> Result<Cgroup, Unable> {
        loop {
            let cgroup = Cgroup::of(pid)?;
            match self.of(pid) {
                Some(scope) if cgroup.units().last() != Some(scope.as_str()) => {
                    *self = Self::list(sandbox)?;
                }
                _ => return Ok(cgroup),
            }
        }
    }
}

/// The unit with `pid` in its description, out of lines `UNIT LOAD ACTIVE SUB DESCRIPTION…`.
pub(crate) fn scope_in(listed: &str, pid: u32) -> Option<String> {
    let pid = pid.to_string();
    listed.lines().find_map(|line| {
        let mut words = line.split_ascii_whitespace();
        let unit = words.next()?;
        words.skip(3).find(|word| **word == pid)?;
        Some(unit.to_owned())
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_scope_of_a_pane_is_found_by_its_process_id() {
        let line = |unit: &str, pid: u32| {
            format!("{unit} loaded active running tmux child pane {pid} launched by process 7")
        };
        let listed = [line("tmux-spawn-a.scope", 12), line("tmux-spawn-b.scope", 123)].join("\n");
        assert_eq!(scope_in(&listed, 12).as_deref(), Some("tmux-spawn-a.scope"));
        assert_eq!(scope_in(&listed, 123).as_deref(), Some("tmux-spawn-b.scope"));
        assert_eq!(scope_in(&listed, 1), None);
        assert_eq!(scope_in("", 1), None);
    }
}
