use crate::exec::Output;
use crate::host::Cgroup;
use crate::sandbox::NotMeasured;
use crate::sandbox::ProbeContext;

/// The scopes that tmux requested from the user's manager, one for each pane that it moves.
///
/// tmux makes the request before the command that opens the pane has returned, and the scope's
/// description has the process id of the pane (tmux, compat/systemd.c,
/// `systemd_move_to_new_cgroup`; `systemd_move_pid_to_new_cgroup` in 3.4 to 3.5a).
pub(crate) struct SpawnScopes {
    /// The command that listed them.
    pub(crate) listed: Output,
}

impl SpawnScopes {
    /// Lists those that the manager has now.
    ///
    /// # Errors
    /// When systemctl cannot be run.
    pub(crate) fn list(context: &ProbeContext) -> Result<Self, NotMeasured> {
        let list = context
            .systemctl()
            .args(["list-units", "--all", "--plain", "--no-legend", "--full", "--type=scope"])
            .args(["--", "tmux-spawn-*"]);
        Ok(Self { listed: list.run()? })
    }

    /// Returns the scope for the pane whose process is `pid`.
    pub(crate) fn of_pid(&self, pid: u32) -> Option<String> {
        scope_in(&self.listed.stdout_text(), pid)
    }

    /// Waits until the manager has moved the process of a pane as tmux requested, and returns its
    /// cgroup. tmux up to 3.5 does not wait for that, and no event reports it, so it is polled.
    ///
    /// # Errors
    /// When the process has exited, or the manager does not answer.
    pub(crate) fn wait_until_moved(
        &mut self,
        context: &ProbeContext,
        pid: u32,
    ) -> Result<Cgroup, NotMeasured> {
        loop {
            let cgroup = Cgroup::of_pid(pid)?;
            match self.of_pid(pid) {
                Some(scope) if cgroup.units().last() != Some(scope.as_str()) => {
                    *self = Self::list(context)?;
                }
                _ => return Ok(cgroup),
            }
        }
    }
}

/// Finds the unit with `pid` in its description, in lines `UNIT LOAD ACTIVE SUB DESCRIPTION…`.
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
