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

    /// Returns those that are active and whose pane's process has ended or is elsewhere. Others may be in them.
    pub(crate) fn without_their_pane(&self) -> Vec<String> {
        let is_in = |pid: u32, scope: &str| {
            Cgroup::of_pid(pid).is_ok_and(|cgroup| cgroup.unit() == Some(scope))
        };
        active_scopes(&self.listed.stdout_text())
            .into_iter()
            .filter(|(scope, pid)| !is_in(*pid, scope))
            .map(|(scope, _)| scope)
            .collect()
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

/// Finds the active units and the processes of their panes, in the same lines:
/// `UNIT LOAD ACTIVE SUB tmux child pane PID launched by process SERVER`.
fn active_scopes(listed: &str) -> Vec<(String, u32)> {
    let scope = |line: &str| {
        let words: Vec<&str> = line.split_ascii_whitespace().collect();
        let [unit, _, "active", _, "tmux", "child", "pane", pid, ..] = words[..] else {
            return None;
        };
        Some((unit.to_owned(), pid.parse().ok()?))
    };
    listed.lines().filter_map(scope).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn active_scopes_are_found_with_their_panes() {
        let listed = "tmux-spawn-a.scope loaded active running tmux child pane 12 launched by process 7\n\
                      tmux-spawn-b.scope loaded failed failed tmux child pane 13 launched by process 7\n\
                      tmux-spawn-c.scope loaded active running another description\n";
        assert_eq!(active_scopes(listed), [("tmux-spawn-a.scope".to_owned(), 12)]);
    }

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
