//! What a scope is called, and what can be told from that.

use super::own_scope::{own_scope, own_scope_aloud};
use crate::host::{Cgroup, UnitProperties, kernel};
use crate::sandbox::{Completed, Running, Sandbox};
use crate::{Measurement, Unable};

/// A word of the command, which the scope's description may show.
const WORD: &str = "doctors-own-word";
/// A description as an operator may give it.
const DESCRIPTION: &str = "doctor: agent one";
/// The first kernel whose process descriptors have a number of their own (pidfs).
const PIDFS: (u32, u32) = (6, 9);

pub fn measure(sandbox: &Sandbox) -> Result<Measurement, Unable> {
    sandbox.require_manager()?;
    let looking = ["--", "cat", "/proc/self/cgroup"];
    let unnamed = own_scope(sandbox).args(looking).start()?;
    let aloud = own_scope_aloud(sandbox).args(looking).start()?;
    let plain = Waiting::start(sandbox, "plain", &[])?;
    let described = Waiting::start(sandbox, "described", &["--description", DESCRIPTION])?;

    let mut measurement = Measurement::default();
    let pid = unnamed.pid();
    let run = unnamed.wait()?;
    let name = scope_of(&run)?;
    let has_pidfs = kernel().is_some_and(|release| has_pidfs(&release));
    let fact = if has_pidfs { "pattern" } else { "pattern-without-pidfs" };
    measurement.fact_from(fact, pattern(&name, pid), &run);

    let run = aloud.wait()?;
    let is_announced = run.failure().contains(&scope_of(&run)?);
    measurement.fact_from("announced", if is_announced { "yes" } else { "no" }, &run);

    let [plain, described] = [plain.ready()?, described.ready()?];
    let (read, shown) = UnitProperties::read(
        sandbox.systemctl(),
        &[plain.unit.clone(), described.unit.clone()],
        &["Description"],
    )?;
    let cgroup = plain.running.wait()?;
    described.running.wait()?;
    let is_kept = scope_of(&cgroup)? == sandbox.unit_name("plain", "scope");
    measurement.fact_from("unit", kept(is_kept), &cgroup);
    let is_shown = read[0].get("Description").contains(WORD);
    measurement.fact_from("description", if is_shown { "command" } else { "other" }, &shown);
    let is_kept = read[1].get("Description") == DESCRIPTION;
    measurement.fact_from("own-description", kept(is_kept), &shown);

    measurement.summary =
        format!("an unnamed scope was called {name} while its process id was {pid}");
    Ok(measurement)
}

/// The name of the scope in which a command looked at its cgroup.
fn scope_of(run: &Completed) -> Result<String, Unable> {
    let cgroup = Cgroup::parse(&run.text());
    let leaf = cgroup.as_ref().and_then(|cgroup| cgroup.units().last());
    leaf.filter(|leaf| leaf.ends_with(".scope")).map(str::to_owned).ok_or_else(|| {
        Unable::Unmeasured(format!("a command found itself in no scope: {}", run.failure()))
    })
}

fn kept(is_kept: bool) -> &'static str {
    if is_kept { "kept" } else { "changed" }
}

/// How systemd-run made up a name.
pub(crate) fn pattern(name: &str, pid: u32) -> &'static str {
    let is_number = |text: &str| !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
    let is_hex = |text: &str| text.len() == 32 && text.bytes().all(|byte| byte.is_ascii_hexdigit());
    let Some(id) = name.strip_prefix("run-").and_then(|name| name.strip_suffix(".scope")) else {
        return "other";
    };
    if id.strip_prefix('r').is_some_and(is_hex) {
        return "random";
    }
    match id.strip_prefix('p').and_then(|id| id.split_once("-i")) {
        Some((number, inode)) if number == pid.to_string() && is_number(inode) => "process-id",
        _ => "other",
    }
}

/// Whether a kernel's release, such as `6.12.41-amd64`, is one with pidfs.
pub(crate) fn has_pidfs(release: &str) -> bool {
    let mut numbers = release.split(|c: char| !c.is_ascii_digit()).map(str::parse);
    match (numbers.next(), numbers.next()) {
        (Some(Ok(major)), Some(Ok(minor))) => (major, minor) >= PIDFS,
        _ => false,
    }
}

/// A scope with a name, whose command waits until its input ends.
struct Waiting {
    unit: String,
    running: Running,
}

impl Waiting {
    fn start(sandbox: &Sandbox, label: &str, options: &[&str]) -> Result<Self, Unable> {
        let unit = sandbox.unit_name(label, "scope");
        let running = own_scope(sandbox)
            .args(["--unit", &unit])
            .args(options)
            .args(["--", "sh", "-c", "cat /proc/self/cgroup; echo; exec cat", WORD])
            .with_input()
            .start()?;
        Ok(Self { unit, running })
    }

    /// Waits until its command runs, or has ended.
    fn ready(mut self) -> Result<Self, Unable> {
        for line in 0.. {
            match self.running.next_line(line)? {
                Some(text) if !text.is_empty() => {}
                _ => break,
            }
        }
        Ok(self)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_made_up_name_is_random_or_holds_the_process_id() {
        for (name, expected) in [
            ("run-rf286b2d84d85483f9c6d25e5e714a181.scope", "random"),
            ("run-p75-i151833.scope", "process-id"),
            ("run-p76-i151833.scope", "other"),
            ("run-r12345678.scope", "other"),
            ("run-p75-i.scope", "other"),
            ("agent.scope", "other"),
        ] {
            assert_eq!(pattern(name, 75), expected, "{name}");
        }
        assert_eq!((kept(true), kept(false)), ("kept", "changed"));
    }

    #[test]
    fn pidfs_is_there_since_linux_6_9() {
        for release in ["6.9", "6.12.41-amd64", "7.0-rc1"] {
            assert!(has_pidfs(release), "{release}");
        }
        for release in ["6.8.0-40-generic", "5.10.0", "", "unknown"] {
            assert!(!has_pidfs(release), "{release}");
        }
    }
}
