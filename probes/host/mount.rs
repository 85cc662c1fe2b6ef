use std::ffi::OsString;
use std::fs;
use std::os::unix::ffi::OsStringExt;
use std::path::{Path, PathBuf};

/// A mount of /proc/self/mountinfo (`proc_pid_mountinfo(5)`).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Mount {
    /// The number of the mount.
    pub(super) id: u32,
    /// The number of the mount on which it is mounted.
    pub(super) parent: u32,
    /// The directory at which it is mounted.
    pub point: PathBuf,
    /// The type of the file system, such as `nfs4` or `fuse.sshfs`.
    pub file_system: String,
    /// The options of the mount and of the file system, separated by commas.
    pub options: String,
}

impl Mount {
    /// Returns the mounts that the calling process sees; none if they cannot be read.
    pub fn all() -> Vec<Self> {
        Self::parse_all(&fs::read_to_string("/proc/self/mountinfo").unwrap_or_default())
    }

    /// Returns the mount on which a path is; `None` if it cannot be found out.
    pub fn of(path: &Path) -> Option<Self> {
        let path = fs::canonicalize(path).ok()?;
        Self::find(Self::all(), &path)
    }

    /// Finds the mount of an absolute path: the deepest mount point that contains it, and of several at one place the
    /// last, which hides the others.
    fn find(mounts: Vec<Self>, path: &Path) -> Option<Self> {
        let containing = mounts.into_iter().filter(|mount| path.starts_with(&mount.point));
        containing.max_by_key(|mount| mount.point.as_os_str().len())
    }

    pub(crate) fn parse_all(mountinfo: &str) -> Vec<Self> {
        mountinfo.lines().filter_map(Self::parse).collect()
    }

    fn parse(line: &str) -> Option<Self> {
        let (before, after) = line.split_once(" - ")?;
        let mut before = before.split(' ');
        let id = before.next()?.parse().ok()?;
        let parent = before.next()?.parse().ok()?;
        let (point, mount_options) = (before.nth(2)?, before.next()?);
        let mut after = after.split(' ');
        let (file_system, _, super_options) = (after.next()?, after.next()?, after.next()?);
        Some(Self {
            id,
            parent,
            point: OsString::from_vec(unescape(point.as_bytes())).into(),
            file_system: file_system.to_owned(),
            options: format!("{mount_options},{super_options}"),
        })
    }
}

/// Decodes the octal escapes of white space and backslashes.
fn unescape(text: &[u8]) -> Vec<u8> {
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text;
    while let Some((&first, tail)) = rest.split_first() {
        let digits = (first == b'\\').then(|| tail.get(..3)).flatten();
        let escaped = digits
            .and_then(|digits| std::str::from_utf8(digits).ok())
            .and_then(|digits| u8::from_str_radix(digits, 8).ok());
        bytes.push(escaped.unwrap_or(first));
        rest = if escaped.is_some() { &tail[3..] } else { tail };
    }
    bytes
}

#[cfg(test)]
mod tests {
    use super::*;

    const TABLE: &str = "22 1 254:0 / / rw,relatime shared:1 - ext4 /dev/vda rw\n\
        30 22 0:40 / /srv rw - nfs4 server:/srv rw,vers=4.2,local_lock=none\n\
        31 30 0:41 / /srv/a\\040b rw - fuse.sshfs x rw,user_id=0\n\
        32 22 0:42 / /srv rw - nfs server:/old rw,local_lock=all\n\
        short line\n";

    #[test]
    fn the_deepest_mount_counts_and_of_two_at_one_place_the_last() {
        let find = |path: &str| Mount::find(Mount::parse_all(TABLE), Path::new(path)).unwrap();
        assert_eq!(find("/etc/x").file_system, "ext4");
        assert_eq!(find("/srv/lock").options, "rw,rw,local_lock=all");
        assert_eq!(find("/srv/a b/lock").file_system, "fuse.sshfs");
        assert_eq!(find("/srvx").file_system, "ext4");
        assert_eq!(Mount::find(Mount::parse_all(""), Path::new("/")), None);
        assert!(Mount::of(Path::new("/proc")).is_some());
    }

    #[test]
    fn a_mount_point_with_white_space_is_decoded() {
        assert_eq!(unescape(br"/a\040b\134"), b"/a b\\");
    }

    #[test]
    fn the_mount_point_is_the_fifth_field() {
        let line = "2468 2461 0:121 / /run/user rw,relatime shared:360 - tmpfs tmpfs rw";
        assert_eq!(Mount::parse(line).unwrap().point, Path::new("/run/user"));
        assert_eq!(Mount::parse(""), None);
    }
}
