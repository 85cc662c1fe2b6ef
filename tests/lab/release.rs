/// A release of the lab.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Release {
    /// systemd 247, tmux 3.1c
    Debian11,
    /// systemd 252, tmux 3.3a
    Debian12,
    /// systemd 254, tmux 3.5a
    Debian12Backports,
    /// systemd 257, tmux 3.5a
    Debian13,
    /// systemd 262, tmux 3.7c
    Debian14,
}

impl Release {
    /// The name by which `ci/lab` knows it.
    pub fn name(self) -> &'static str {
        match self {
            Self::Debian11 => "debian-11",
            Self::Debian12 => "debian-12",
            Self::Debian12Backports => "debian-12-backports",
            Self::Debian13 => "debian-13",
            Self::Debian14 => "debian-14",
        }
    }

    /// Its systemd.
    pub fn systemd(self) -> u64 {
        match self {
            Self::Debian11 => 247,
            Self::Debian12 => 252,
            Self::Debian12Backports => 254,
            Self::Debian13 => 257,
            Self::Debian14 => 262,
        }
    }
}
