use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// The program that writes a message.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Emitter {
    SystemdRun,
    Systemctl,
    Loginctl,
    /// The manager itself, of the system or of a user.
    Systemd,
    Logind,
    /// The helper process of `user@.service` that keeps the PAM session.
    SdPam,
    Tmux,
    Git,
    Flock,
    /// A POSIX shell.
    Sh,
    Kernel,
    Oomd,
    Journald,
    Polkit,
}

impl Emitter {
    /// Whether a message of it can have this identifier in a journal. What a command writes to
    /// standard error has the identifier of the unit that ran it, so that only the daemons' is
    /// decided by it.
    pub fn may_have_identifier(self, identifier: &str) -> bool {
        match self {
            Self::Systemd => {
                matches!(identifier, "systemd" | "init" | "(systemd)")
                    || identifier.starts_with('(')
                    || identifier.starts_with("systemd-exe")
            }
            Self::Logind => identifier == "systemd-logind",
            Self::SdPam => {
                matches!(identifier, "(sd-pam)" | "(systemd)" | "systemd" | "sshd" | "login")
            }
            Self::Kernel => identifier == "kernel",
            Self::Oomd => identifier == "systemd-oomd",
            Self::Journald => identifier == "systemd-journald",
            Self::Polkit => identifier == "polkitd",
            Self::SystemdRun
            | Self::Systemctl
            | Self::Loginctl
            | Self::Tmux
            | Self::Git
            | Self::Flock
            | Self::Sh => !matches!(identifier, "systemd" | "kernel" | "systemd-logind"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_message_of_the_manager_has_the_managers_identifier_and_a_commands_that_of_its_unit() {
        assert!(Emitter::Systemd.may_have_identifier("systemd"));
        assert!(!Emitter::Systemd.may_have_identifier("my-agent"));
        assert!(Emitter::Git.may_have_identifier("my-agent"));
        assert!(!Emitter::Git.may_have_identifier("kernel"));
    }
}
