use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use crate::exec::Output;
use crate::host::find_in_path;
use crate::sandbox::{NotMeasured, ProbeContext};

/// Programs that agents and their launchers start.
const NEEDED: [&str; 5] = ["sh", "git", "tmux", "flock", "systemd-run"];

/// The environment that a manager gives to what it starts: the names of its variables, and PATH. The other values are
/// dropped, because they may be secrets.
pub(crate) struct ManagerEnvironment {
    names: BTreeSet<String>,
    /// PATH, if it is set.
    pub(crate) path: Option<String>,
    /// The command that printed it, without its output.
    pub(crate) shown: Output,
}

impl ManagerEnvironment {
    /// Asks the manager.
    pub(crate) fn read(context: &ProbeContext) -> Result<Self, NotMeasured> {
        let mut shown = context.systemctl().arg("show-environment").run()?;
        if !shown.success() {
            return Err(NotMeasured::Unmeasured(format!(
                "the manager did not show its environment: {}",
                shown.error_summary()
            )));
        }
        let (names, path) = parse(&shown.stdout_text());
        shown.stdout.clear();
        Ok(Self { names, path, shown })
    }

    /// Returns those of `names` that are set.
    pub(crate) fn set_of(&self, names: &[&str]) -> Vec<String> {
        let set = names.iter().filter(|name| self.names.contains(**name));
        set.map(|name| (*name).to_owned()).collect()
    }

    /// Returns the needed programs that are in this process's PATH and not in the manager's.
    pub(crate) fn missing_programs(&self) -> Vec<(&'static str, PathBuf)> {
        let dirs: Vec<PathBuf> = std::env::split_paths(self.path.as_deref().unwrap_or_default())
            .filter(|dir| dir.is_absolute())
            .collect();
        let is_found = |program: &str| dirs.iter().any(|dir| dir.join(program).is_file());
        let missing = NEEDED.into_iter().filter(|program| !is_found(program));
        missing.filter_map(|program| Some((program, find_in_path(program)?))).collect()
    }

    /// Returns the manager's PATH with the directories of the missing programs.
    pub(crate) fn completed_path(&self, missing: &[(&str, PathBuf)]) -> String {
        let mut dirs: Vec<String> = self.path.iter().filter(|it| !it.is_empty()).cloned().collect();
        for dir in missing.iter().filter_map(|(_, file)| file.parent().and_then(Path::to_str)) {
            if !dirs.iter().any(|known| known == dir) {
                dirs.push(dir.to_owned());
            }
        }
        dirs.join(":")
    }
}

/// Parses `NAME=VALUE` lines. A value with special characters is printed as `$'…'`.
fn parse(text: &str) -> (BTreeSet<String>, Option<String>) {
    let pairs = || text.lines().filter_map(|line| line.split_once('='));
    let path = pairs().find(|(name, _)| *name == "PATH").map(|(_, value)| value.to_owned());
    (pairs().map(|(name, _)| name.to_owned()).collect(), path)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_and_path_are_kept() {
        let (names, path) = parse("HOME=/home/a\nPATH=/bin:/usr/bin\nKEY=$'a=b'\n");
        assert_eq!(path.as_deref(), Some("/bin:/usr/bin"));
        assert_eq!(names.into_iter().collect::<Vec<_>>(), ["HOME", "KEY", "PATH"]);
    }
}
