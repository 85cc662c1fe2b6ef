use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use crate::sandbox::{Command, Running};

/// How long a program may take to tell its version.
const PATIENCE: Duration = Duration::from_secs(5);

/// A program whose version decides how a launch behaves.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Component {
    Systemd,
    Tmux,
    Git,
    UtilLinux,
}

impl Component {
    /// All of them.
    pub const ALL: [Self; 4] = [Self::Systemd, Self::Tmux, Self::Git, Self::UtilLinux];

    /// The name by which version ranges call it.
    pub fn name(self) -> &'static str {
        match self {
            Self::Systemd => "systemd",
            Self::Tmux => "tmux",
            Self::Git => "git",
            Self::UtilLinux => "util-linux",
        }
    }

    /// The command that tells its version.
    fn question(self) -> [&'static str; 2] {
        match self {
            Self::Systemd => ["systemctl", "--version"],
            Self::Tmux => ["tmux", "-V"],
            Self::Git => ["git", "--version"],
            Self::UtilLinux => ["flock", "--version"],
        }
    }
}

/// The versions found on this host. A component that is not there has none.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Versions(BTreeMap<Component, String>);

/// Questions to all components that are under way.
pub struct AskedVersions(Vec<(Component, Running)>);

impl Versions {
    /// Asks all components at the same time, without waiting for the answers.
    pub fn ask() -> AskedVersions {
        let deadline = Instant::now() + PATIENCE;
        let ask = |component: Component| {
            let [program, option] = component.question();
            Some((component, Command::new(program, deadline).arg(option).start().ok()?))
        };
        AskedVersions(Component::ALL.into_iter().filter_map(ask).collect())
    }

    /// The full version of a component: for systemd the distribution's (`257.13-1~deb13u1`).
    pub fn get(&self, component: Component) -> Option<&str> {
        self.0.get(&component).map(String::as_str)
    }
}

impl AskedVersions {
    /// Waits for the answers, five seconds after the questions at the most.
    pub fn answers(self) -> Versions {
        let answers = self.0.into_iter().filter_map(|(component, running)| {
            let text = running.wait().ok().filter(|answer| answer.success())?.text();
            Some((component, version_in(component, &text)?))
        });
        Versions(answers.collect())
    }
}

/// Finds the version in what a component answers to its question.
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
    fn versions_are_found_in_the_answers_of_the_lab() {
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
    fn garbage_is_no_version() {
        for component in Component::ALL {
            assert_eq!(version_in(component, ""), None);
            assert_eq!(version_in(component, "no version here"), None);
        }
    }
}
