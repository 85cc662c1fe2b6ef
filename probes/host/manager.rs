/// A systemd manager that launches units: a user's, or the system's.
#[derive(Debug, Clone, Copy, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Manager {
    /// `user@UID.service`, reached with `--user`.
    User,
    /// PID 1, reached with `--system`.
    System,
}

impl Manager {
    /// Returns the option that selects this manager in systemd's tools.
    pub fn option(self) -> &'static str {
        match self {
            Self::User => "--user",
            Self::System => "--system",
        }
    }

    /// Returns the manager's name in reports.
    pub fn name(self) -> &'static str {
        match self {
            Self::User => "user",
            Self::System => "system",
        }
    }

    /// Returns the slice in which this manager puts units without `Slice=` (systemd.special(7)).
    pub fn default_slice(self) -> &'static str {
        match self {
            Self::User => "app.slice",
            Self::System => "system.slice",
        }
    }
}
