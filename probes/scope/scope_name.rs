//! How systemd-run names a scope, and what the name says about the agent in it.

use nix::unistd::geteuid;

use super::support::private_scope::{announced_scope, quiet_scope};
use crate::exec::{Child, Output};
use crate::fact_values;
use crate::host::{Cgroup, RuntimeDir, UnitProperties, User, kernel};
use crate::sandbox::{Fact, FactDecl, Measurement, NotMeasured, ProbeContext, YesNo};

/// A word of the command, which the scope's description may contain.
const WORD: &str = "doctors-own-word";
/// A description as an operator may give it.
const DESCRIPTION: &str = "doctor: agent one";
/// The first kernel on which systemd can read the number of a process descriptor (pidfs): with
/// fstat, where an inode number has 64 bits, or else with `name_to_handle_at` (systemd,
/// src/basic/pidfd-util.c, `pidfd_get_inode_id_impl`).
const PIDFS: (u32, u32) = if cfg!(target_pointer_width = "32") { (6, 14) } else { (6, 9) };

fact_values! {
    /// What a name that systemd-run chose consists of.
    pub(crate) enum NamePattern {
        Random = "random",
        ProcessId = "process-id",
        BusName = "bus-name",
        Other = "other",
    }
}

fact_values! {
    /// The same on a kernel without pidfs.
    enum PatternWithoutPidfs {
        Random = "random",
        Other = "other",
    }
}

fact_values! {
    /// Whether a scope has what an option gives.
    enum Kept {
        Kept = "kept",
        Changed = "changed",
    }
}

fact_values! {
    /// What describes a scope without --description.
    enum DefaultDescription {
        Command = "command",
        Other = "other",
    }
}

const PATTERN: Fact<NamePattern> = Fact::new("pattern");
const PATTERN_OVER_BUS: Fact<NamePattern> = Fact::new("pattern-over-bus");
const PATTERN_WITHOUT_PIDFS: Fact<PatternWithoutPidfs> = Fact::new("pattern-without-pidfs");
const ANNOUNCED: Fact<YesNo> = Fact::new("announced");
const UNIT: Fact<Kept> = Fact::new("unit");
const DEFAULT_DESCRIPTION: Fact<DefaultDescription> = Fact::new("description");
const OWN_DESCRIPTION: Fact<Kept> = Fact::new("own-description");
pub(crate) const FACTS: &[FactDecl] = &[
    PATTERN.decl(),
    PATTERN_OVER_BUS.decl(),
    PATTERN_WITHOUT_PIDFS.decl(),
    ANNOUNCED.decl(),
    UNIT.decl(),
    DEFAULT_DESCRIPTION.decl(),
    OWN_DESCRIPTION.decl(),
];

pub(crate) fn measure(context: &ProbeContext) -> Result<Measurement, NotMeasured> {
    context.require_manager()?;
    let print_cgroup = ["--", "cat", "/proc/self/cgroup"];
    let unnamed = quiet_scope(context).args(print_cgroup).start()?;
    let announced = announced_scope(context).args(print_cgroup).start()?;
    let plain = NamedScope::start(context, "plain", &[])?;
    let described = NamedScope::start(context, "described", &["--description", DESCRIPTION])?;

    let mut measurement = Measurement::default();
    let pid = unnamed.pid();
    let run = unnamed.wait()?;
    let name = scope_of(&run)?;
    record_pattern(&mut measurement, context, pattern(&name, pid), &run);
    measurement.detail("name", name);
    measurement.detail("pid", pid.to_string());

    let run = announced.wait()?;
    let is_announced = run.error_summary().contains(&scope_of(&run)?);
    measurement.set_from(ANNOUNCED, is_announced.into(), &run);

    let [plain, described] = [plain.ready()?, described.ready()?];
    let (read, shown) = UnitProperties::read(
        context.systemctl(),
        &[plain.unit.clone(), described.unit.clone()],
        &["Description"],
    )?;
    let cgroup = plain.running.wait()?;
    described.running.wait()?;
    let is_kept = scope_of(&cgroup)? == context.unit_name("plain", "scope");
    measurement.set_from(UNIT, kept(is_kept), &cgroup);
    let is_command = read[0].get("Description").contains(WORD);
    let value = if is_command { DefaultDescription::Command } else { DefaultDescription::Other };
    measurement.set_from(DEFAULT_DESCRIPTION, value, &shown);
    let is_kept = read[1].get("Description") == DESCRIPTION;
    measurement.set_from(OWN_DESCRIPTION, kept(is_kept), &shown);
    Ok(measurement)
}

/// Records the name under the fact for this host: what systemd-run can put into it depends on the
/// kernel, and on the way by which it is connected to the manager.
fn record_pattern(
    measurement: &mut Measurement,
    context: &ProbeContext,
    pattern: NamePattern,
    run: &Output,
) {
    if is_over_bus(context) {
        measurement.set_from(PATTERN_OVER_BUS, pattern, run);
    } else if kernel().is_some_and(|release| has_pidfs(&release)) {
        measurement.set_from(PATTERN, pattern, run);
    } else {
        let value = match pattern {
            NamePattern::Random => PatternWithoutPidfs::Random,
            _ => PatternWithoutPidfs::Other,
        };
        measurement.set_from(PATTERN_WITHOUT_PIDFS, value, run);
    }
}

/// Returns whether systemd-run reaches the manager over a message bus and not by the manager's own
/// socket, which for the system manager only root may use (systemd, src/shared/bus-util.c,
/// `bus_connect_transport_systemd`).
fn is_over_bus(context: &ProbeContext) -> bool {
    if !context.is_user() {
        return !geteuid().is_root();
    }
    let runtime_dir = std::env::var_os("XDG_RUNTIME_DIR");
    !RuntimeDir::inspect(runtime_dir.as_deref(), User::current().uid).has_manager()
}

/// Returns the scope in which a command printed its cgroup.
fn scope_of(run: &Output) -> Result<String, NotMeasured> {
    let cgroup = Cgroup::parse(&run.stdout_text());
    let leaf = cgroup.as_ref().and_then(|cgroup| cgroup.units().last());
    leaf.filter(|leaf| leaf.strip_suffix(".scope").is_some()).map(str::to_owned).ok_or_else(|| {
        NotMeasured::Unmeasured(format!("a command was in no scope: {}", run.error_summary()))
    })
}

fn kept(is_kept: bool) -> Kept {
    if is_kept { Kept::Kept } else { Kept::Changed }
}

/// Returns what a name that systemd-run chose consists of, where `pid` is systemd-run's process id.
pub(crate) fn pattern(name: &str, pid: u32) -> NamePattern {
    let is_number = |text: &str| !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
    let is_hex = |text: &str| text.len() == 32 && text.bytes().all(|byte| byte.is_ascii_hexdigit());
    let Some(id) = name.strip_prefix("run-").and_then(|name| name.strip_suffix(".scope")) else {
        return NamePattern::Other;
    };
    if id.strip_prefix('r').is_some_and(is_hex) {
        return NamePattern::Random;
    }
    // A number of soft reboots may follow (systemd 255 and 256).
    let bus_name = id.strip_prefix('u').map(|id| id.split_once("-s").map_or(id, |(id, _)| id));
    if bus_name.is_some_and(is_number) {
        return NamePattern::BusName;
    }
    match id.strip_prefix('p').and_then(|id| id.split_once("-i")) {
        Some((number, inode)) if number == pid.to_string() && is_number(inode) => {
            NamePattern::ProcessId
        }
        _ => NamePattern::Other,
    }
}

/// Returns whether the kernel of this release, such as `6.12.41-amd64`, has numbers for process
/// descriptors that systemd can read.
pub(crate) fn has_pidfs(release: &str) -> bool {
    let mut numbers = release.split(|c: char| !c.is_ascii_digit()).map(str::parse);
    match (numbers.next(), numbers.next()) {
        (Some(Ok(major)), Some(Ok(minor))) => (major, minor) >= PIDFS,
        _ => false,
    }
}

/// A scope with a name, whose command runs until its standard input is closed.
struct NamedScope {
    unit: String,
    running: Child,
}

impl NamedScope {
    fn start(context: &ProbeContext, label: &str, options: &[&str]) -> Result<Self, NotMeasured> {
        let unit = context.unit_name(label, "scope");
        let running = quiet_scope(context)
            .args(["--unit", &unit])
            .args(options)
            .args(["--", "sh", "-c", "cat /proc/self/cgroup; echo; exec cat", WORD])
            .piped_stdin()
            .start()?;
        Ok(Self { unit, running })
    }

    /// Waits until the command has printed its cgroup or has exited.
    fn ready(mut self) -> Result<Self, NotMeasured> {
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
    fn a_chosen_name_is_random_or_contains_a_process_id_or_a_bus_name() {
        for (name, expected) in [
            ("run-rf286b2d84d85483f9c6d25e5e714a181.scope", NamePattern::Random),
            ("run-p75-i151833.scope", NamePattern::ProcessId),
            ("run-p76-i151833.scope", NamePattern::Other),
            ("run-r12345678.scope", NamePattern::Other),
            ("run-p75-i.scope", NamePattern::Other),
            ("run-u14.scope", NamePattern::BusName),
            ("run-u14-s2.scope", NamePattern::BusName),
            ("run-u.scope", NamePattern::Other),
            ("agent.scope", NamePattern::Other),
        ] {
            assert_eq!(pattern(name, 75), expected, "{name}");
        }
    }

    #[test]
    fn a_64_bit_kernel_has_pidfs_since_linux_6_9() {
        for release in ["6.14", "6.18.41-amd64", "7.0-rc1"] {
            assert!(has_pidfs(release), "{release}");
        }
        for release in ["6.8.0-40-generic", "5.10.0", "", "unknown"] {
            assert!(!has_pidfs(release), "{release}");
        }
        assert_eq!(has_pidfs("6.9"), cfg!(target_pointer_width = "64"));
    }
}
