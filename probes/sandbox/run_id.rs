use std::{fmt, fs, io};

use crate::host::start_time;

/// The prefix of everything that a run names.
const PREFIX: &str = "launch_doctor";

/// Why there is no run where /proc shows the processes of another namespace.
const OTHER_PROC: &str = "/proc does not show this process: it belongs to another PID namespace; run doctor where /proc \
     is its own";
/// The placeholder of the boot where /proc does not show its id, as with `ProcSubset=pid` (systemd.exec(5)).
const UNKNOWN_BOOT: &str = "00000000";

/// The id of one run, and the prefix of the name of everything that the run creates.
///
/// Boot, process-id namespace and start time keep it unique when process ids are reused. It has no dash,
/// because dashes nest slices (systemd.slice(5)).
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct RunId {
    boot: String,
    namespace: u64,
    pid: u32,
    start: u64,
}

impl RunId {
    /// Returns the id of the calling process's run.
    ///
    /// # Errors
    /// If /proc cannot be read.
    pub fn current() -> io::Result<Self> {
        let pid = std::process::id();
        let start = start_time(pid)?.ok_or_else(|| io::Error::other(OTHER_PROC))?;
        Ok(Self { boot: boot()?, namespace: namespace()?, pid, start })
    }

    /// Returns whether a unit is one of a run, this one or another. Probes that look at the units of a host leave those out.
    pub(crate) fn names_unit(unit: &str) -> bool {
        unit.strip_prefix(PREFIX).is_some_and(|rest| rest.starts_with('_'))
    }

    /// Parses the id at the start of a name, such as a unit's or a directory's. A name that only
    /// resembles an id (`+7` for a number) gives `None`: clean-up must not remove what no run made.
    pub fn parse(name: &str) -> Option<Self> {
        Self::read(name).filter(|id| name.starts_with(&id.to_string()))
    }

    fn read(name: &str) -> Option<Self> {
        let mut parts = name.strip_prefix(PREFIX)?.strip_prefix('_')?.split('_');
        let boot = parts.next().filter(|boot| is_boot(boot))?.to_owned();
        let namespace = u64::from_str_radix(parts.next()?, 16).ok()?;
        let pid = parts.next()?.parse().ok()?;
        let digits = parts.next()?;
        let end = digits.find(|c: char| !c.is_ascii_digit()).unwrap_or(digits.len());
        Some(Self { boot, namespace, pid, start: digits[..end].parse().ok()? })
    }

    /// Reports whether the run has provably ended. A run of this boot in another process-id namespace
    /// counts as running, because its processes are not visible here.
    ///
    /// # Errors
    /// If /proc cannot be read.
    pub fn is_dead(&self) -> io::Result<bool> {
        let boot = boot()?;
        let is_known = ![self.boot.as_str(), &boot].contains(&UNKNOWN_BOOT);
        if is_known && self.boot != boot {
            return Ok(true);
        }
        Ok(self.namespace == namespace()? && start_time(self.pid)? != Some(self.start))
    }
}

impl fmt::Display for RunId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{PREFIX}_{}_{:x}_{}_{}", self.boot, self.namespace, self.pid, self.start)
    }
}

fn is_boot(text: &str) -> bool {
    text.len() == 8 && text.bytes().all(|byte| byte.is_ascii_hexdigit())
}

/// Returns the first eight digits of the kernel's boot id, or the placeholder.
fn boot() -> io::Result<String> {
    match fs::read_to_string("/proc/sys/kernel/random/boot_id") {
        Ok(mut id) => {
            id.truncate(8);
            Ok(id)
        }
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(UNKNOWN_BOOT.into()),
        Err(error) => Err(error),
    }
}

/// Returns the inode of the process-id namespace.
fn namespace() -> io::Result<u64> {
    let link = fs::read_link("/proc/self/ns/pid")?;
    link.to_str()
        .and_then(inode_in)
        .ok_or_else(|| io::Error::other(format!("{} is not a namespace link", link.display())))
}

/// Parses the target of /proc/PID/ns/pid, such as `pid:[4026531836]`.
pub(crate) fn inode_in(link: &str) -> Option<u64> {
    link.strip_prefix("pid:[")?.strip_suffix(']')?.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_own_run_is_not_dead() {
        assert!(!RunId::current().unwrap().is_dead().unwrap());
    }

    #[test]
    fn an_id_is_parsed_from_a_unit_name() {
        let id = RunId::current().unwrap();
        assert_eq!(RunId::parse(&format!("{id}_env_block.service")), Some(id.clone()));
        assert_eq!(RunId::parse(&format!("{id}.slice")), Some(id));
    }

    #[test]
    fn a_run_of_another_start_time_or_boot_is_dead() {
        let id = RunId::current().unwrap();
        assert!(RunId { start: id.start + 1, ..id.clone() }.is_dead().unwrap());
        assert!(RunId { boot: "0000000f".into(), ..id.clone() }.is_dead().unwrap());
        let unknown = RunId { boot: UNKNOWN_BOOT.into(), ..id };
        assert!(!unknown.is_dead().unwrap());
        assert!(RunId { start: unknown.start + 1, ..unknown }.is_dead().unwrap());
    }

    #[test]
    fn a_run_in_another_pid_namespace_is_not_dead() {
        let id = RunId::current().unwrap();
        assert!(!RunId { namespace: 1, start: 1, ..id }.is_dead().unwrap());
    }

    #[test]
    fn a_name_that_only_resembles_an_id_is_none() {
        for name in [
            "",
            "launch_doctor",
            "launch_doctor_x",
            "run-r123.scope",
            "launch_doctor_1234_1_2_3",
            "launch_doctor_********_1_2_3",
            "launch_doctor_0a1b2c3d_01_2_3",
            "launch_doctor_0a1b2c3d_1_+2_3",
            "launch_doctor_0a1b2c3d_1_2_03",
        ] {
            assert_eq!(RunId::parse(name), None, "{name}");
        }
    }
}
