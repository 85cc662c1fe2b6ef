use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use crate::exec::{Child, Command, Output};

/// How long a program may take to print its version.
const ANSWER_TIMEOUT: Duration = Duration::from_secs(5);

/// A program whose version decides how a launch behaves.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Component {
    Systemd,
    Tmux,
    Git,
    UtilLinux,
}

impl Component {
    /// All components.
    pub const ALL: [Self; 4] = [Self::Systemd, Self::Tmux, Self::Git, Self::UtilLinux];

    /// Returns the component's name in version ranges.
    pub fn name(self) -> &'static str {
        match self {
            Self::Systemd => "systemd",
            Self::Tmux => "tmux",
            Self::Git => "git",
            Self::UtilLinux => "util-linux",
        }
    }

    /// Returns the command that prints the version.
    fn version_command(self) -> [&'static str; 2] {
        match self {
            Self::Systemd => ["systemctl", "--version"],
            Self::Tmux => ["tmux", "-V"],
            Self::Git => ["git", "--version"],
            Self::UtilLinux => ["flock", "--version"],
        }
    }
}

/// The versions found on this host. A component that is not installed has none.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Versions(BTreeMap<Component, String>);

/// Queries to all components whose answers have not been read.
pub struct PendingVersions(Vec<(Component, Child)>);

impl Versions {
    /// Asks all components at the same time. Does not wait for the answers.
    pub fn query(deadline: Instant) -> PendingVersions {
        let deadline = deadline.min(Instant::now() + ANSWER_TIMEOUT);
        let query = |component: Component| {
            let [program, option] = component.version_command();
            Some((component, Command::new(program, deadline).arg(option).start().ok()?))
        };
        PendingVersions(Component::ALL.into_iter().filter_map(query).collect())
    }

    /// Returns a component's full version; systemd's is the distribution's (`257.13-1~deb13u1`).
    pub fn get(&self, component: Component) -> Option<&str> {
        self.0.get(&component).map(String::as_str)
    }
}

impl FromIterator<(Component, String)> for Versions {
    fn from_iter<T: IntoIterator<Item = (Component, String)>>(versions: T) -> Self {
        Self(versions.into_iter().collect())
    }
}

impl PendingVersions {
    /// Waits for the answers, up to five seconds after the queries.
    pub fn wait(self) -> Versions {
        let answers = self.0.into_iter().filter_map(|(component, running)| {
            let text = running.wait().ok().filter(Output::success)?.stdout_text();
            Some((component, version_in(component, &text)?))
        });
        Versions(answers.collect())
    }
}

/// Parses the version in what a component printed.
pub(crate) fn version_in(component: Component, text: &str) -> Option<String> {
    let line = text.lines().next()?;
    let word = match component {
        // systemd 257 (257.13-1~deb13u1)
        Component::Systemd => match line.split_once('(').and_then(|(_, rest)| rest.split_once(')'))
        {
            Some((full, _)) => full,
            None => line.split_ascii_whitespace().nth(1)?,
        },
        // tmux 3.5a
        Component::Tmux => line.split_ascii_whitespace().nth(1)?,
        // git version 2.47.3
        Component::Git => line.split_ascii_whitespace().nth(2)?,
        // flock from util-linux 2.41
        Component::UtilLinux => line.split_ascii_whitespace().last()?,
    };
    word.contains(|c: char| c.is_ascii_digit()).then(|| word.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn versions_are_parsed_from_what_components_print() {
        for (component, text, version) in [
            (Component::Systemd, "systemd 247 (247.3-7+deb11u7)\n+PAM", "247.3-7+deb11u7"),
            (Component::Systemd, "systemd 258\n+PAM", "258"),
            (Component::Tmux, "tmux 3.5a\n", "3.5a"),
            (Component::Tmux, "tmux next-3.6", "next-3.6"),
            (Component::Git, "git version 2.47.3", "2.47.3"),
            (Component::UtilLinux, "flock from util-linux 2.36.1", "2.36.1"),
        ] {
            assert_eq!(version_in(component, text).as_deref(), Some(version), "{text}");
        }
    }

    #[test]
    fn garbage_has_no_version() {
        for component in Component::ALL {
            assert_eq!(version_in(component, ""), None);
            assert_eq!(version_in(component, "no version here"), None);
        }
    }
}
