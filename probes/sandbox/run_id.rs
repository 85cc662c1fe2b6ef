use std::fmt;
use std::fs;
use std::io;

use crate::host::start_time;

/// The prefix of every name that a run gives to anything.
const PREFIX: &str = "launch_doctor";

/// Names one run of the doctor, and tells whether that run still lives.
///
/// It is written into the name of everything that a run makes. Boot, process-id namespace and start
/// time keep it unique where process ids are used again. It holds no dash, because dashes nest
/// slices (systemd.slice(5)).
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct RunId {
    boot: String,
    namespace: u64,
    pid: u32,
    start: u64,
}

impl RunId {
    /// The id of the calling process.
    ///
    /// # Errors
    /// When /proc is not readable.
    pub fn current() -> io::Result<Self> {
        let pid = std::process::id();
        let start = start_time(pid)?
            .ok_or_else(|| io::Error::other("/proc does not know the calling process"))?;
        Ok(Self { boot: boot()?, namespace: namespace()?, pid, start })
    }

    /// Reads the id out of a name that begins with one, such as a unit's or a directory's. What is
    /// only like an id, such as one with `+7` for a number, is none: what a run made has its id
    /// letter for letter.
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

    /// Whether that run has provably ended. A run in another process-id namespace is never called
    /// dead in the same boot, because its processes cannot be seen from here.
    ///
    /// # Errors
    /// When /proc is not readable.
    pub fn is_dead(&self) -> io::Result<bool> {
        if self.boot != boot()? {
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

/// The first eight digits of the kernel's boot id.
fn boot() -> io::Result<String> {
    let mut id = fs::read_to_string("/proc/sys/kernel/random/boot_id")?;
    id.truncate(8);
    Ok(id)
}

/// The inode of the process-id namespace, from a link such as `pid:[4026531836]`.
fn namespace() -> io::Result<u64> {
    let link = fs::read_link("/proc/self/ns/pid")?;
    link.to_str()
        .and_then(inode_in)
        .ok_or_else(|| io::Error::other(format!("{} is no namespace link", link.display())))
}

pub(crate) fn inode_in(link: &str) -> Option<u64> {
    link.strip_prefix("pid:[")?.strip_suffix(']')?.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_running_process_is_alive_under_its_own_id() {
        assert!(!RunId::current().unwrap().is_dead().unwrap());
    }

    #[test]
    fn an_id_is_read_back_out_of_a_unit_name() {
        let id = RunId::current().unwrap();
        assert_eq!(RunId::parse(&format!("{id}_env_block.service")), Some(id.clone()));
        assert_eq!(RunId::parse(&format!("{id}.slice")), Some(id));
    }

    #[test]
    fn another_start_time_or_boot_means_dead() {
        let id = RunId::current().unwrap();
        assert!(RunId { start: id.start + 1, ..id.clone() }.is_dead().unwrap());
        assert!(RunId { boot: "00000000".into(), ..id }.is_dead().unwrap());
    }

    #[test]
    fn a_run_in_another_pid_namespace_is_never_called_dead() {
        let id = RunId::current().unwrap();
        assert!(!RunId { namespace: 1, start: 1, ..id }.is_dead().unwrap());
    }

    #[test]
    fn a_foreign_name_is_no_id() {
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
