use std::path::{Path, PathBuf};

use super::Mount;

/// Returns the mount point of a mount that hides the file system mounted at `path`: another one on top of it, or one
/// at a directory above it. `None` if there is none, or nothing is mounted at `path`.
pub fn hiding_mount(path: &Path) -> Option<PathBuf> {
    find_hiding_mount(&Mount::all(), path)
}

fn find_hiding_mount(mounts: &[Mount], path: &Path) -> Option<PathBuf> {
    mounts.iter().filter(|mount| mount.point == path).find_map(|hidden| {
        let hides = |other: &&Mount| {
            if other.point == path {
                // It is mounted on the root of the hidden one.
                other.parent == hidden.id
            } else {
                // Both are mounted on the same file system, and a lookup of `path` meets this one first.
                other.parent == hidden.parent && path.starts_with(&other.point)
            }
        };
        mounts.iter().find(hides).map(|mount| mount.point.clone())
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    const RUN: &str = "20 1 0:1 / / rw - ext4 /dev/a rw\n21 20 0:2 / /run rw - tmpfs tmpfs rw\n";
    const USER: &str = "30 21 0:3 / /run/user/1000 rw - tmpfs tmpfs rw,uid=1000\n";

    fn hiding(more: &str) -> Option<PathBuf> {
        find_hiding_mount(
            &Mount::parse_all(&format!("{RUN}{USER}{more}")),
            Path::new("/run/user/1000"),
        )
    }

    #[test]
    fn a_mount_on_top_or_at_a_directory_above_hides_another() {
        assert_eq!(hiding(""), None);
        let on_top = "40 30 0:4 / /run/user/1000 rw - tmpfs none rw\n";
        assert_eq!(hiding(on_top), Some("/run/user/1000".into()));
        let above = "40 21 0:4 / /run/user rw - tmpfs none rw\n";
        assert_eq!(hiding(above), Some("/run/user".into()));
    }

    #[test]
    fn a_mount_beside_or_below_hides_nothing() {
        assert_eq!(hiding("40 21 0:4 / /run/user/1001 rw - tmpfs tmpfs rw\n"), None);
        assert_eq!(hiding("40 30 0:4 / /run/user/1000/doc rw - fuse portal rw\n"), None);
        let before = "25 21 0:4 / /run/user rw - tmpfs none rw\n30 25 0:3 / /run/user/1000 rw - tmpfs none rw\n";
        assert_eq!(
            find_hiding_mount(
                &Mount::parse_all(&format!("{RUN}{before}")),
                Path::new("/run/user/1000")
            ),
            None
        );
    }
}
