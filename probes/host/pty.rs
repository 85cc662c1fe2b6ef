use std::fs::{self, OpenOptions};
use std::io;
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};

use nix::libc::{ENOSPC, O_NOCTTY};

use super::Mount;

/// The directory of the pseudoterminals, one entry each (`pts(4)`).
const PTS: &str = "/dev/pts";

/// Whether a program can open a pseudoterminal.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Ptys {
    /// One was opened, and closed again.
    Free,
    /// All that one mount of devpts may have are in use.
    MountFull {
        /// Where it is mounted.
        point: PathBuf,
        /// Its `max=`.
        max: u64,
    },
    /// All that the kernel has for programs are in use.
    KernelFull {
        /// `kernel.pty.max`.
        max: u64,
    },
    /// The kernel refused for another reason.
    Refused(String),
}

impl Ptys {
    /// Opens a pseudoterminal, and asks for the limit if the kernel has none left.
    pub fn inspect() -> Self {
        let opened =
            OpenOptions::new().read(true).write(true).custom_flags(O_NOCTTY).open("/dev/ptmx");
        match opened {
            Ok(_) => Self::Free,
            Err(error) if error.raw_os_error() == Some(ENOSPC) => Self::limit(&error),
            Err(error) => Self::Refused(format!("/dev/ptmx: {error}")),
        }
    }

    fn limit(error: &io::Error) -> Self {
        let kernel = |name: &str| {
            let text = fs::read_to_string(format!("/proc/sys/kernel/pty/{name}")).ok()?;
            text.trim().parse::<u64>().ok()
        };
        let mount = Mount::of(Path::new(PTS));
        let mount_max = mount.as_ref().and_then(|mount| max_option(&mount.options));
        let open = fs::read_dir(PTS).map_or(0, |entries| {
            entries.flatten().filter(|entry| entry.file_name() != "ptmx").count() as u64
        });
        match (mount, mount_max, kernel("max")) {
            (Some(mount), Some(max), _) if open >= max => {
                Self::MountFull { point: mount.point, max }
            }
            (_, _, Some(max)) => Self::KernelFull { max },
            _ => Self::Refused(format!("/dev/ptmx: {error}")),
        }
    }
}

/// Returns the value of `max=` among the options of a mount.
fn max_option(options: &str) -> Option<u64> {
    options.split(',').find_map(|option| option.strip_prefix("max=")?.parse().ok())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_limit_of_a_mount_is_parsed() {
        assert_eq!(max_option("rw,mode=620,ptmxmode=666,max=3"), Some(3));
        assert_eq!(max_option("rw,mode=620,ptmxmode=666"), None);
    }
}
