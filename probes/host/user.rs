use nix::unistd::{Uid, User as Entry, geteuid};

/// The user that the doctor runs as.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct User {
    /// The user id.
    pub uid: u32,
    /// The name in /etc/passwd; the id where there is none.
    pub name: String,
}

impl User {
    /// The user of the calling process. Only /etc/passwd is asked, because a static binary has no
    /// name services.
    pub fn current() -> Self {
        let uid: Uid = geteuid();
        let name =
            Entry::from_uid(uid).ok().flatten().map_or_else(|| uid.to_string(), |entry| entry.name);
        Self { uid: uid.as_raw(), name }
    }

    /// Where this user's runtime directory is by convention: `/run/user/UID` (pam_systemd(8)).
    pub fn runtime_dir(&self) -> std::path::PathBuf {
        format!("/run/user/{}", self.uid).into()
    }
}
