use std::env;
use std::time::Duration;

use crate::exec::{Child, Command, CommandError, Output};
use crate::host::TmuxServer;
use crate::sandbox::{NotMeasured, ProbeContext};

/// The variables that direct git to another repository, index or configuration, or to a program. They are the subject of
/// git-env-leak.
pub(crate) const REDIRECTING: [&str; 9] = [
    "GIT_DIR",
    "GIT_WORK_TREE",
    "GIT_INDEX_FILE",
    "GIT_COMMON_DIR",
    "GIT_OBJECT_DIRECTORY",
    "GIT_ALTERNATE_OBJECT_DIRECTORIES",
    "GIT_NAMESPACE",
    "GIT_CONFIG",
    "GIT_EXTERNAL_DIFF",
];
/// Variables that direct git elsewhere and that `git rev-parse --local-env-vars` does not list.
const UNLISTED: [&str; 2] = ["GIT_NAMESPACE", "GIT_QUARANTINE_PATH"];
/// The one that only says how many settings follow, in variables with numbers (git-config(1), ENVIRONMENT). It is set
/// on purpose more often than it leaks.
pub(crate) const SETTINGS: &str = "GIT_CONFIG_COUNT";
/// How long a manager or a tmux server may take to answer. A healthy one takes milliseconds.
const ANSWER_TIMEOUT: Duration = Duration::from_secs(2);

/// Returns the names of the variables that belong to one repository, as git lists them; `[]` if git is missing.
///
/// # Errors
/// When git does not exit in time.
pub(crate) fn local_variables(context: &ProbeContext) -> Result<Vec<String>, NotMeasured> {
    // Some of the variables, with a wrong value, make git fail before it answers.
    let own = env::vars_os().map(|(name, _)| name);
    let own = own.filter(|name| name.to_string_lossy().starts_with("GIT_"));
    let git = own.fold(context.command("git"), Command::env_remove);
    let run = match git.args(["rev-parse", "--local-env-vars"]).run() {
        Err(CommandError::NotFound { .. }) => return Ok(Vec::new()),
        run => run?,
    };
    let text = run.stdout_text();
    let listed = text.lines().filter(|name| is_variable(name)).chain(UNLISTED);
    Ok(listed.map(str::to_owned).collect())
}

/// Whether a text is the name of a variable of git's, and so nothing else in a command or a format.
fn is_variable(name: &str) -> bool {
    name.starts_with("GIT_") && name.bytes().all(|byte| byte.is_ascii_uppercase() || byte == b'_')
}

/// Returns those of the variables that are set in this environment. Their values are not read.
pub(crate) fn set_here(names: &[String]) -> Vec<String> {
    names.iter().filter(|name| env::var_os(name).is_some()).cloned().collect()
}

/// Returns those of the variables that are set in the environment that the manager gives to what it starts, with the
/// command that read it; `None` if the manager does not answer. All other lines are dropped.
pub(crate) fn set_in_manager(
    context: &ProbeContext,
    names: &[String],
) -> Option<(Vec<String>, Output)> {
    let show = context.systemctl().timeout(ANSWER_TIMEOUT).arg("show-environment");
    let mut run = show.run().ok().filter(Output::success)?;
    let found = names_in(&run.stdout_text(), names);
    run.stdout.clear();
    Some((found, run))
}

/// Returns those of `names` that begin a line `NAME=VALUE`.
fn names_in(text: &str, names: &[String]) -> Vec<String> {
    let set = text.lines().filter_map(|line| line.split_once('=')).map(|(name, _)| name);
    let set: Vec<&str> = set.collect();
    names.iter().filter(|name| set.contains(&name.as_str())).cloned().collect()
}

/// Asks a tmux server which of the variables are set in its global environment, by a format that prints their names and
/// not their values. Does not wait for the answer.
///
/// # Errors
/// When tmux cannot be started.
pub(crate) fn query_tmux(
    context: &ProbeContext,
    server: &TmuxServer,
    names: &[String],
) -> Result<Child, CommandError> {
    let formats: Vec<String> = names.iter().map(|name| format!("#{{?{name},{name} ,}}")).collect();
    let tmux = server.command(context.deadline()).timeout(ANSWER_TIMEOUT);
    tmux.args(["display-message", "-p", &formats.concat()]).start()
}

/// Returns the names in the answer to [`query_tmux`]; `None` if the server gave none, as before tmux 3.2 without a
/// session.
pub(crate) fn tmux_answer(pending: Child) -> Option<(Vec<String>, Output)> {
    let run = pending.wait().ok().filter(Output::success)?;
    let names = run.stdout_text().split_whitespace().map(str::to_owned).collect();
    Some((names, run))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_names_of_the_asked_variables_are_kept() {
        let names = ["GIT_DIR".to_owned(), "GIT_PREFIX".to_owned()];
        let text = "PATH=/bin\nGIT_PREFIX=$'a b'\nGIT_DIRX=1\nSECRET=GIT_DIR=x\n";
        assert_eq!(names_in(text, &names), ["GIT_PREFIX"]);
        assert_eq!(names_in("", &names), [""; 0]);
    }

    #[test]
    fn a_name_that_could_be_more_is_not_a_variable() {
        assert!(is_variable("GIT_OBJECT_DIRECTORY"));
        for name in ["GIT_a", "PATH", "GIT_DIR}", "", "GIT_ DIR"] {
            assert!(!is_variable(name), "{name}");
        }
    }
}
