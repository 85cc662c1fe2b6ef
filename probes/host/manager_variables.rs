use std::collections::BTreeSet;
use std::ffi::OsStr;
use std::fs;
use std::path::{Path, PathBuf};

use super::{Manager, SocketListener, User, manager_dir};

/// Where the directories `environment.d` are (environment.d(5)), beside the user's own.
const ENVIRONMENT_DIRS: [&str; 4] = [
    "/etc/environment.d",
    "/run/environment.d",
    "/usr/local/lib/environment.d",
    "/usr/lib/environment.d",
];

/// What sets variables of a manager, and so what can unset them.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct VariableOrigins {
    /// The files of `environment.d` that set some of them. `unset-environment` does nothing about these.
    pub files: Vec<PathBuf>,
    /// The variables that the manager has from its start: from its own unit, PAM, or `DefaultEnvironment=`.
    pub from_start: Vec<String>,
    /// The variables that `unset-environment` removes.
    pub removable: Vec<String>,
}

impl VariableOrigins {
    /// Finds out what sets the variables `names`, which are set in the manager. The values of variables are not read.
    pub fn find(manager: Manager, user: &User, names: &[String]) -> Self {
        let mut origins = Self::default();
        let files = match manager {
            Manager::User => environment_files(),
            Manager::System => Vec::new(),
        };
        let texts: Vec<(PathBuf, String)> = files
            .into_iter()
            .filter_map(|file| fs::read_to_string(&file).ok().map(|text| (file, text)))
            .collect();
        let at_start = start_variables(manager, user);
        let defaults = default_environment(manager);
        for name in names {
            let setting = texts.iter().filter(|(_, text)| assigns(text, name));
            let files: Vec<PathBuf> = setting.map(|(file, _)| file.clone()).collect();
            let is_default = defaults.iter().any(|line| line.contains(&format!("{name}=")));
            if !files.is_empty() {
                origins.files.extend(files);
            } else if is_default || at_start.contains(name) {
                origins.from_start.push(name.clone());
            } else {
                origins.removable.push(name.clone());
            }
        }
        origins.files.sort();
        origins.files.dedup();
        origins
    }
}

/// Returns the files of `environment.d` that a user manager reads, with links resolved. A file hides those of the same
/// name in later directories.
fn environment_files() -> Vec<PathBuf> {
    let dirs = config_home().map(|home| home.join("environment.d"));
    let dirs = dirs.into_iter().chain(ENVIRONMENT_DIRS.map(PathBuf::from));
    let mut names = BTreeSet::new();
    let files = dirs.flat_map(|dir| conf_files(&dir));
    let seen = files.filter(|file| names.insert(file.file_name().map(OsStr::to_owned)));
    seen.filter_map(|file| fs::canonicalize(file).ok()).collect()
}

fn config_home() -> Option<PathBuf> {
    let of = |name| std::env::var_os(name).filter(|value| !value.is_empty()).map(PathBuf::from);
    of("XDG_CONFIG_HOME").or_else(|| Some(of("HOME")?.join(".config")))
}

fn conf_files(dir: &Path) -> Vec<PathBuf> {
    let entries = fs::read_dir(dir).into_iter().flatten().flatten().map(|entry| entry.path());
    let is_conf = |file: &PathBuf| file.extension().is_some_and(|it| it == "conf");
    let mut files: Vec<PathBuf> = entries.filter(is_conf).collect();
    files.sort();
    files
}

fn assigns(text: &str, name: &str) -> bool {
    let is_of = |line: &str| {
        line.trim_start().strip_prefix(name).is_some_and(|rest| rest.trim_start().starts_with('='))
    };
    text.lines().any(is_of)
}

/// Returns the names of the variables with which the manager's process was started; none if it cannot be read.
fn start_variables(manager: Manager, user: &User) -> Vec<String> {
    let pid = match manager {
        Manager::System => Some(1),
        Manager::User => {
            let socket = manager_dir(user).map(|dir| dir.join("systemd/private"));
            match socket.map(|socket| SocketListener::at(&socket)) {
                Some(SocketListener::Process(pid)) if pid != 0 => Some(pid),
                _ => None,
            }
        }
    };
    let environment = pid.and_then(|pid| fs::read(format!("/proc/{pid}/environ")).ok());
    let environment = environment.unwrap_or_default();
    let names = environment.split(|byte| *byte == 0).filter_map(|line| {
        let end = line.iter().position(|byte| *byte == b'=')?;
        String::from_utf8(line[..end].to_vec()).ok()
    });
    names.collect()
}

/// Returns the lines of the manager's configuration that set variables (systemd-system.conf(5)).
fn default_environment(manager: Manager) -> Vec<String> {
    let name = format!("{}.conf", manager.name());
    let own = config_home().filter(|_| manager == Manager::User).map(|home| home.join("systemd"));
    let dirs = ["/etc/systemd", "/run/systemd", "/usr/lib/systemd"].map(PathBuf::from);
    let files = own.into_iter().chain(dirs).flat_map(|dir| {
        let drop_ins = conf_files(&dir.join(format!("{name}.d")));
        std::iter::once(dir.join(&name)).chain(drop_ins)
    });
    let texts = files.filter_map(|file| fs::read_to_string(file).ok());
    let is_setting = |line: &&str| {
        line.starts_with("DefaultEnvironment=") || line.starts_with("ManagerEnvironment=")
    };
    texts
        .flat_map(|text| text.lines().filter(is_setting).map(str::to_owned).collect::<Vec<_>>())
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_assigns_a_variable_only_by_its_whole_name() {
        let text = "# GIT_DIR=/a\nGIT_DIRX=1\n  TMUX = x\nexport A=1\n";
        assert!(assigns(text, "TMUX") && assigns(text, "GIT_DIRX"));
        assert!(!assigns(text, "GIT_DIR") && !assigns(text, "A") && !assigns("", "A"));
    }
}
