//! Whether `$(git rev-parse --show-toplevel)/.git/NAME` is a lock in a linked work tree, what is one
//! instead, and what `.git` is in the work tree that is examined.

use std::path::Path;

use super::private_repo::PrivateRepo;
use crate::host::GitDir;
use crate::sandbox::{CommandError, Completed, Sandbox};
use crate::{Measurement, Unable};

/// Ways to name the lock of a repository, as they stand in a script.
const TOPLEVEL: &str = r#"$(git rev-parse --show-toplevel)/.git/pull-lock"#;
const COMMON_DIR: &str = r#"$(git rev-parse --git-common-dir)/pull-lock"#;
const GIT_PATH: &str = r#"$(git rev-parse --git-path pull-lock)"#;

pub fn measure(sandbox: &Sandbox) -> Result<Measurement, Unable> {
    let repo = PrivateRepo::init(sandbox, "main")?;
    let linked = repo.add_work_tree("linked")?;

    let mut measurement = Measurement::default();
    for (fact, shell, path) in
        [("sh", "sh", TOPLEVEL), ("bash", "bash", TOPLEVEL), ("common-dir", "sh", COMMON_DIR)]
    {
        match take(&repo, shell, path, &linked) {
            Ok(run) => measurement.fact_from(fact, outcome(&run), &run),
            Err(CommandError::NotFound { .. }) if shell == "bash" => {}
            Err(error) => return Err(error.into()),
        }
    }
    for (fact, path) in [("between-trees", COMMON_DIR), ("git-path", GIT_PATH)] {
        let run = while_held(&repo, path, &linked)?;
        let holders = match run.exit() {
            Some(0) => "two-holders",
            // flock(1), --conflict-exit-code
            Some(1) if run.errors().is_empty() => "one-holder",
            _ => return Err(Unable::Unmeasured(run.errors())),
        };
        measurement.fact_from(fact, holders, &run);
    }
    let options = ["rev-parse", "--path-format=absolute", "--git-common-dir"];
    let printed = repo.git(&options)?;
    let is_path = printed.text().lines().count() == 1 && Path::new(&printed.text()).is_absolute();
    measurement.fact_from("path-format", if is_path { "absolute" } else { "echoed" }, &printed);
    examine(sandbox, &mut measurement);
    measurement.summary = summary(&measurement);
    Ok(measurement)
}

/// Takes the lock in a work tree as the first document does, without a look at any exit status.
fn take(
    repo: &PrivateRepo,
    shell: &str,
    path: &str,
    tree: &Path,
) -> Result<Completed, CommandError> {
    let script = format!(r#"cd "$1" || exit; exec 9>"{path}"; flock 9; echo "flock $?""#);
    repo.command(shell).args(["-c", &script, shell]).arg(tree).run()
}

/// What became of a worker that took the lock so.
fn outcome(run: &Completed) -> &'static str {
    match run.text().as_str() {
        "flock 0" => "locks",
        "" => "stops",
        _ => "goes-on",
    }
}

/// Tries the lock in the linked work tree while a worker in the main one has it.
fn while_held(repo: &PrivateRepo, path: &str, linked: &Path) -> Result<Completed, Unable> {
    let hold = format!(r#"cd "$1" || exit; exec 9>"{path}"; flock 9; echo inside; read -r go"#);
    let attempt = format!(r#"cd "$1" || exit 2; exec 9>"{path}"; flock -n 9"#);
    let holder = repo.command("sh").args(["-c", &hold, "sh"]).arg(&repo.top);
    let mut holder = holder.with_input().start()?;
    if holder.next_line(0)?.is_none() {
        return Err(Unable::Unmeasured(holder.wait()?.errors()));
    }
    let run = repo.command("sh").args(["-c", &attempt, "sh"]).arg(linked).run()?;
    holder.wait()?;
    Ok(run)
}

/// Looks at the work tree that is examined, by reading files alone.
fn examine(sandbox: &Sandbox, measurement: &mut Measurement) {
    let Some(git) = sandbox.settings.repo.as_deref().and_then(GitDir::find) else { return };
    let Some(top) = &git.top else { return };
    measurement.detail("top", top.to_string_lossy());
    measurement.detail("common", git.common.to_string_lossy());
    measurement.fact("repo", if git.is_linked() { "file" } else { "directory" });
}

fn summary(measurement: &Measurement) -> String {
    let of = |fact: &str| measurement.facts.get(fact).map(String::as_str);
    let told = |fact| match of(fact) {
        Some("goes-on") => "went on without the lock",
        Some("stops") => "stopped",
        Some("locks") => "took the lock",
        _ => "was not tried",
    };
    let repo = match of("repo") {
        Some("file") => "; .git of --repo is a file",
        Some("directory") => "; .git of --repo is a directory",
        _ => "",
    };
    format!(
        "in a linked work tree with .git/NAME below --show-toplevel, bash {} and sh {}; with \
         --git-common-dir it {}{repo}",
        told("bash"),
        told("sh"),
        told("common-dir"),
    )
}
