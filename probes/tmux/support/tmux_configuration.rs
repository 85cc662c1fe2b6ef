use std::collections::BTreeMap;
use std::env;
use std::fs;
use std::path::{Path, PathBuf};

use super::configuration_line::ConfigurationLine;
use crate::exec::Output;
use crate::sandbox::{Measurement, NotMeasured, PrivateTmuxServer};

/// How much of the parsed commands is read, in bytes.
const CAPTURE_LIMIT: usize = 4 << 20;

/// The configuration files that tmux reads when it starts, and what it makes of them without executing anything.
pub(crate) struct TmuxConfiguration {
    /// The files that exist, in the order in which tmux reads them.
    pub(crate) files: Vec<PathBuf>,
    /// The commands in them.
    pub(crate) lines: Vec<ConfigurationLine>,
    /// What tmux does not accept, in its words.
    pub(crate) errors: Vec<String>,
    /// The commands that parsed them.
    pub(crate) evidence: Vec<Output>,
}

impl TmuxConfiguration {
    /// Lets a private server parse the files (tmux(1), `source-file -n`).
    ///
    /// # Errors
    /// If tmux cannot be run.
    pub(crate) fn parse(server: &PrivateTmuxServer) -> Result<Self, NotMeasured> {
        let version = server.command().args(["display-message", "-p", "#{version}"]).run()?;
        let files = files(&version.stdout_text());
        let (mut lines, mut errors, mut evidence) = (Vec::new(), Vec::new(), Vec::new());
        for file in &files {
            let path = escape_pattern(file);
            let checked = server.command().args(["source-file", "-n", &path]).run()?;
            if !checked.success() {
                let text = [checked.stdout_text(), checked.stderr_text()].join("\n");
                errors.extend(text.lines().filter(|line| !line.is_empty()).map(str::to_owned));
            }
            evidence.push(checked);
            let parse = server.command().capture_limit(CAPTURE_LIMIT);
            let parsed = parse.args(["source-file", "-n", "-v", &path]).run()?;
            lines.extend(ConfigurationLine::parse_all(file, &parsed.stdout_text()));
        }
        Ok(Self { files, lines, errors, evidence })
    }

    /// Reports whether nothing in the files starts a program when tmux executes them.
    pub(crate) fn starts_no_program(&self) -> bool {
        self.lines.iter().all(ConfigurationLine::starts_no_program)
    }

    /// Lets a server execute the files.
    ///
    /// # Errors
    /// If tmux cannot be run.
    pub(crate) fn execute(&mut self, server: &PrivateTmuxServer) -> Result<(), NotMeasured> {
        for file in &self.files {
            let run = server.command().arg("source-file").arg(escape_pattern(file)).run()?;
            // The server may have ended, which is seen in what it does next.
            if !run.success() && server.pid().is_some() {
                let text = [run.stdout_text(), run.stderr_text()].join("\n");
                self.errors.extend(text.lines().filter(|line| !line.is_empty()).map(str::to_owned));
            }
            self.evidence.push(run);
        }
        Ok(())
    }

    /// Returns the lines that tmux does not accept: its message names the line, or a word that only one line has.
    pub(crate) fn refused_lines(&self) -> Vec<(PathBuf, usize)> {
        let found = self.errors.iter().filter_map(|error| {
            let named = self.files.iter().find_map(|file| {
                let rest = error.strip_prefix(&*format!("{}:", file.display()))?;
                Some((file.clone(), rest.split_once(": ")?.0.parse().ok()?))
            });
            named.or_else(|| {
                let word = error.rsplit(' ').next()?;
                let mut having = self.lines.iter().filter(|line| line.has_word(word));
                let only = having.next().filter(|_| having.next().is_none())?;
                Some((only.file.clone(), only.number))
            })
        });
        found.collect()
    }

    /// Records the lines that are to be commented out, for the commands of the card. Returns whether there are any.
    pub(crate) fn record_edits(lines: &[(PathBuf, usize)], measurement: &mut Measurement) -> bool {
        let mut edits: BTreeMap<&Path, Vec<usize>> = BTreeMap::new();
        for (file, number) in lines.iter().filter(|(file, number)| is_whole(file, *number)) {
            let numbers = edits.entry(file).or_default();
            if !numbers.contains(number) {
                numbers.push(*number);
            }
        }
        let (own, others): (Vec<_>, Vec<_>) = edits.iter().partition(|(file, _)| is_writable(file));
        let script = |numbers: &Vec<usize>| {
            let edits = numbers.iter().map(|number| format!("{number}s/^/#/"));
            edits.collect::<Vec<_>>().join(";")
        };
        let files = |edits: &[(&&Path, &Vec<usize>)]| -> Vec<String> {
            edits.iter().map(|(file, _)| file.display().to_string()).collect()
        };
        let scripts = |edits: &[(&&Path, &Vec<usize>)]| -> Vec<String> {
            edits.iter().map(|(_, numbers)| script(numbers)).collect()
        };
        measurement.list("own-file", files(&own));
        measurement.list("own-edit", scripts(&own));
        measurement.list("system-file", files(&others));
        measurement.list("system-edit", scripts(&others));
        !edits.is_empty()
    }
}

/// Returns the files that exist of those that tmux reads (tmux, Makefile.am, `TMUX_CONF`).
fn files(version: &str) -> Vec<PathBuf> {
    let set = |name| env::var_os(name).filter(|value| !value.is_empty()).map(PathBuf::from);
    let home = set("HOME");
    let below_home = |path: &str| home.as_ref().map(|home| home.join(path));
    // First in 3.2.
    let has_config_home = !version.starts_with("3.1") && !version.starts_with("3.0");
    let config_home = set("XDG_CONFIG_HOME").filter(|_| has_config_home);
    let candidates = [
        Some("/etc/tmux.conf".into()),
        below_home(".tmux.conf"),
        config_home.map(|dir| dir.join("tmux/tmux.conf")),
        below_home(".config/tmux/tmux.conf"),
    ];
    let mut files: Vec<PathBuf> = Vec::new();
    for file in candidates.into_iter().flatten() {
        if file.exists() && !files.contains(&file) {
            files.push(file);
        }
    }
    files
}

/// Returns a path that tmux does not take for a pattern: `source-file` expands one (glob(7)).
fn escape_pattern(path: &Path) -> String {
    let mut escaped = String::new();
    for character in path.to_string_lossy().chars() {
        if matches!(character, '*' | '?' | '[' | '\\') {
            escaped.push('\\');
        }
        escaped.push(character);
    }
    escaped
}

/// Reports whether a line is a command of its own, so that the others stay what they are without it.
fn is_whole(file: &Path, number: usize) -> bool {
    let Ok(text) = fs::read_to_string(file) else { return false };
    let line = |number: usize| text.lines().nth(number);
    let Some(before) = number.checked_sub(1) else { return false };
    let continues = |line: &str| line.trim_end().ends_with(['\\', '{']);
    let is_continued =
        before.checked_sub(1).and_then(line).is_some_and(|line| line.ends_with('\\'));
    line(before).is_some_and(|line| !continues(line)) && !is_continued
}

fn is_writable(file: &Path) -> bool {
    nix::unistd::access(file, nix::unistd::AccessFlags::W_OK).is_ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_path_is_no_pattern() {
        assert_eq!(
            escape_pattern(Path::new("/home/a[b]*/.tmux.conf")),
            "/home/a\\[b]\\*/.tmux.conf"
        );
    }

    #[test]
    fn only_a_line_that_tmux_names_or_whose_word_is_alone_is_refused() {
        let file = PathBuf::from("/a.conf");
        let lines = ConfigurationLine::parse_all(
            &file,
            "/a.conf:1: set-option -g no-such 1\n/a.conf:4: set-option -g status maybe\n\
             /a.conf:5: set-option -g mouse maybe\n",
        );
        let refused = |error: &str| {
            let errors = vec![error.to_owned()];
            let files = vec![file.clone()];
            TmuxConfiguration { files, lines: lines.clone(), errors, evidence: Vec::new() }
                .refused_lines()
        };
        assert_eq!(refused("/a.conf:3: unknown command: bogus"), [(file.clone(), 3)]);
        assert_eq!(refused("invalid option: no-such"), [(file.clone(), 1)]);
        assert_eq!(refused("unknown value: maybe"), [], "two lines have it");
    }
}
