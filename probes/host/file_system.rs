use std::path::Path;

use nix::sys::statfs::statfs;

/// File system types as `mount` names them, by their number in statfs(2) (linux/magic.h).
const NAMES: [(u32, &str); 14] = [
    (0xef53, "ext4"),
    (0x0102_1994, "tmpfs"),
    (0x5846_5342, "xfs"),
    (0x9123_683e, "btrfs"),
    (0x794c_7630, "overlay"),
    (0x6969, "nfs"),
    (0x6573_5546, "fuse"),
    (0x0102_1997, "9p"),
    (0xff53_4d42, "cifs"),
    (0xfe53_4d42, "smb2"),
    (0x2fc1_2fc1, "zfs"),
    (0xf2f5_2010, "f2fs"),
    (0xca45_1a4e, "bcachefs"),
    (0x8584_58f6, "ramfs"),
];

/// Returns the type of the file system that contains a path, such as `ext4`. An unknown type is returned
/// as its number.
///
/// # Errors
/// If statfs(2) fails.
pub fn file_system(path: &Path) -> nix::Result<String> {
    // The number has 32 bits. Its C type differs: `long` with glibc, `unsigned long` with musl.
    let kind = u32::try_from(statfs(path)?.filesystem_type().0 & 0xffff_ffff).unwrap_or_default();
    let name = NAMES.iter().find(|(number, _)| *number == kind);
    Ok(name.map_or_else(|| format!("file system {kind:#x}"), |(_, name)| (*name).to_owned()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_system_type_is_named_or_numbered() {
        assert_eq!(file_system(Path::new("/proc")).unwrap(), "file system 0x9fa0");
        assert!(file_system(Path::new("/no/such")).is_err());
    }
}
