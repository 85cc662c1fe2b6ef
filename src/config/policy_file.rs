use std::fs::{self, Metadata};
use std::io;
use std::os::unix::fs::MetadataExt;
use std::path::Path;

use nix::unistd::{Group, User, geteuid};

use crate::judge::Policy;

/// The policy of the working directory, which may be anyone's: a cloned repository's, or one in /tmp.
const LOCAL: &str = "doctor.toml";
/// The policy of the host.
const SYSTEM: &str = "/etc/doctor.toml";

/// The permission bit by which the group may write.
const WRITABLE_BY_GROUP: u32 = 0o020;
/// The permission bit by which every user may write.
const WRITABLE_BY_ALL: u32 = 0o002;

/// Why a policy cannot be used. The message shows the file's text.
#[derive(Debug, thiserror::Error)]
pub enum PolicyError {
    #[error("cannot read the policy {path}: {why}")]
    Unreadable { path: String, why: io::Error },
    #[error("{path}: {why}")]
    Mistake { path: String, why: String },
}

/// Reads the policy in `named`, or else ./doctor.toml, or else /etc/doctor.toml. Without any, the policy is
/// empty. A ./doctor.toml that others may have written is ignored, and the policy says so.
///
/// # Errors
/// When the file cannot be read or has a mistake.
pub fn find_policy(named: Option<&Path>) -> Result<Policy, PolicyError> {
    if let Some(path) = named {
        return read(path);
    }
    let mut ignored = None;
    for (path, is_local) in [(Path::new(LOCAL), true), (Path::new(SYSTEM), false)] {
        let Ok(metadata) = fs::metadata(path) else { continue };
        if !metadata.is_file() {
            // A pipe would be waited for.
            let why = io::Error::other("it is not a regular file");
            return Err(PolicyError::Unreadable { path: path.display().to_string(), why });
        }
        if is_local && let Some(reason) = distrust(&metadata, geteuid().as_raw()) {
            ignored = Some(format!("./{LOCAL} is ignored: {reason}"));
            continue;
        }
        return Ok(Policy { ignored, ..read(path)? });
    }
    Ok(Policy { ignored, ..Policy::default() })
}

/// Returns why the file of a policy must not silence findings of the user `uid`: others control it.
fn distrust(file: &Metadata, uid: u32) -> Option<String> {
    if file.uid() != uid && file.uid() != 0 {
        return Some(format!(
            "it belongs to user ID {}, not to you or root; to use it: --config {LOCAL}",
            file.uid()
        ));
    }
    let is_writable = file.mode() & WRITABLE_BY_ALL != 0
        || file.mode() & WRITABLE_BY_GROUP != 0 && !is_private_group(file.gid(), file.uid());
    is_writable.then(|| {
        format!("others may write to it; to use it: chmod go-w {LOCAL}, or --config {LOCAL}")
    })
}

/// Returns whether a group is the own one of a user, as most distributions create it and set the umask 002 for:
/// their primary group, without another member.
fn is_private_group(gid: u32, owner: u32) -> bool {
    let user = User::from_uid(owner.into()).ok().flatten();
    let group = Group::from_gid(gid.into()).ok().flatten();
    user.zip(group).is_some_and(|(user, group)| {
        user.gid == group.gid && group.mem.iter().all(|member| *member == user.name)
    })
}

fn read(path: &Path) -> Result<Policy, PolicyError> {
    let shown = || path.display().to_string();
    let text =
        fs::read_to_string(path).map_err(|why| PolicyError::Unreadable { path: shown(), why })?;
    let policy = Policy::parse(&text).map_err(|why| PolicyError::Mistake { path: shown(), why })?;
    Ok(Policy { file: Some(path.to_owned()), ..policy })
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::os::unix::fs::PermissionsExt;

    fn file(mode: u32) -> (tempfile::NamedTempFile, u32) {
        let file = tempfile::NamedTempFile::new().unwrap();
        fs::set_permissions(file.path(), fs::Permissions::from_mode(mode)).unwrap();
        let owner = file.path().metadata().unwrap().uid();
        (file, owner)
    }

    #[test]
    fn a_policy_of_another_user_is_not_trusted() {
        let (file, owner) = file(0o644);
        let metadata = file.path().metadata().unwrap();
        assert_eq!(distrust(&metadata, owner), None);
        if owner != 0 {
            let reason = distrust(&metadata, owner + 1).unwrap();
            assert!(reason.contains("not to you or root"), "{reason}");
        }
    }

    #[test]
    fn a_policy_that_every_user_may_write_is_not_trusted() {
        for mode in [0o646, 0o666] {
            let (file, owner) = file(mode);
            let reason = distrust(&file.path().metadata().unwrap(), owner).unwrap();
            assert!(reason.contains("others may write to it"), "{reason}");
        }
    }

    #[test]
    fn a_policy_that_the_group_may_write_is_trusted_if_the_group_is_the_owners_own() {
        let (file, owner) = file(0o664);
        let metadata = file.path().metadata().unwrap();
        let is_trusted = distrust(&metadata, owner).is_none();
        assert_eq!(is_trusted, is_private_group(metadata.gid(), owner));
        assert!(!is_private_group(metadata.gid(), u32::MAX - 1));
        assert!(!is_private_group(u32::MAX - 1, owner));
    }
}
