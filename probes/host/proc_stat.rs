use std::io;

use nix::unistd::{SysconfVar, sysconf};

use super::kernel_file::read_kernel_file;

/// Fields of /proc/PID/stat (`proc_pid_stat(5)`).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ProcStat {
    /// The program's name, which the kernel truncates to 15 bytes. It may contain spaces and brackets.
    pub comm: String,
    /// The state: `R`, `S`, `D`, `Z`, `T`, …
    pub state: char,
    /// The id of the parent process.
    pub parent: u32,
    /// The device number of the controlling terminal; 0 without one.
    pub tty: u32,
    /// The processor time that the process has used, and the children that it has waited for, in clock ticks.
    pub cpu_ticks: u64,
    /// The number of threads.
    pub threads: u64,
    /// The start time in clock ticks since boot.
    pub start_time: u64,
    /// The resident memory in pages.
    pub resident_pages: u64,
}

impl ProcStat {
    /// Reads the file of the process `pid`; `None` if there is no such process.
    ///
    /// # Errors
    /// If /proc cannot be read.
    pub fn of_pid(pid: u32) -> io::Result<Option<Self>> {
        match read_kernel_file(format!("/proc/{pid}/stat")) {
            Ok(stat) => Ok(Self::parse(&stat)),
            // One that ends while it is read is no error of /proc.
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
            Err(error) if error.raw_os_error() == Some(nix::libc::ESRCH) => Ok(None),
            Err(error) => Err(error),
        }
    }

    /// Parses such a file. Fields are counted from the last bracket, because the name may contain others.
    pub fn parse(stat: &[u8]) -> Option<Self> {
        let text = String::from_utf8_lossy(stat);
        let (before, fields) = text.rsplit_once(')')?;
        let (_, comm) = before.split_once('(')?;
        let mut fields = fields.split_ascii_whitespace();
        let state = fields.next()?.chars().next()?;
        let numbers: Vec<i64> = fields.take(21).map(str::parse).collect::<Result<_, _>>().ok()?;
        // The third field of proc_pid_stat(5) is the state, the fourth the first of these numbers.
        let field = |number: usize| u64::try_from(*numbers.get(number - 4)?).ok();
        Some(Self {
            comm: comm.to_owned(),
            state,
            parent: field(4)?.try_into().ok()?,
            tty: field(7)?.try_into().ok()?,
            cpu_ticks: (14..=17).filter_map(field).fold(0, u64::saturating_add),
            threads: field(20)?,
            start_time: field(22)?,
            resident_pages: field(24)?,
        })
    }
}

impl ProcStat {
    /// Returns the resident memory in bytes.
    pub fn resident_bytes(&self) -> u64 {
        let page = sysconf(SysconfVar::PAGE_SIZE).ok().flatten();
        self.resident_pages
            .saturating_mul(page.and_then(|size| size.try_into().ok()).unwrap_or(4096))
    }
}

/// Returns the start time of a process in clock ticks since boot; `None` if there is no such process.
///
/// # Errors
/// If /proc cannot be read.
pub fn start_time(pid: u32) -> io::Result<Option<u64>> {
    Ok(ProcStat::of_pid(pid)?.map(|stat| stat.start_time))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_with_brackets_and_spaces_does_not_shift_the_fields() {
        let stat = b"7 (a) b) S 1 7 7 0 -1 4194560 1 0 0 0 0 0 0 0 20 0 1 0 424242 1 1";
        let expected = ProcStat {
            comm: "a) b".into(),
            state: 'S',
            parent: 1,
            tty: 0,
            cpu_ticks: 0,
            threads: 1,
            start_time: 424_242,
            resident_pages: 1,
        };
        assert_eq!(ProcStat::parse(stat), Some(expected));
        assert_eq!(ProcStat::parse(b""), None);
        assert_eq!(ProcStat::parse(b"7 (a) S 1 7"), None);
    }

    #[test]
    fn a_process_that_has_exited_has_none() {
        assert_eq!(ProcStat::of_pid(u32::MAX).unwrap(), None);
        let own = ProcStat::of_pid(std::process::id()).unwrap().unwrap();
        assert_eq!(own.parent, std::os::unix::process::parent_id());
    }
}
