//! Whether `$(git rev-parse --show-toplevel)/.git/NAME` is a lock in a linked work tree, what is one
//! instead, and what `.git` is in the work tree that is examined.

use std::path::Path;

use super::attempts::require_flock;
use super::private_repo::PrivateRepo;
use crate::host::GitDir;
use crate::sandbox::{CommandError, Sandbox};
use crate::{Measurement, Unable};

/// Takes the lock as the first document does, without a look at any exit status.
const TOPLEVEL: &str = r#"cd "$1" || exit; exec 9>"$(git rev-parse --show-toplevel)/.git/pull-lock"
flock 9; echo "flock $?""#;
/// Two other ways to name a lock, as they stand in a script. They have different names, because in
/// the main work tree both ways lead to the same directory.
const COMMON_DIR: &str = "$(git rev-parse --git-common-dir)/pull-lock";
const GIT_PATH: &str = "$(git rev-parse --git-path other-lock)";
/// Takes both of those, and has them until the end of its input.
const HOLDER: &str = r#"cd "$1" || exit
exec 9>"$(git rev-parse --git-common-dir)/pull-lock"; flock 9; echo "flock $?"
exec 8>"$(git rev-parse --git-path other-lock)"; flock 8; echo "flock $?"; read -r end"#;

pub fn measure(sandbox: &Sandbox) -> Result<Measurement, Unable> {
    require_flock(sandbox)?;
    let repo = PrivateRepo::init(sandbox, "main")?;
    repo.git(&["commit", "--quiet", "--allow-empty", "--message=first"])?;
    let linked = repo.add_work_tree("linked")?;

    let mut measurement = Measurement::default();
    for (fact, shell) in [("sh", "sh"), ("bash", "bash")] {
        let taker = repo.command(shell).args(["-c", TOPLEVEL, shell]).arg(&linked);
        match taker.run() {
            Ok(run) => measurement.fact_from(fact, outcome(&run.text()), &run),
            Err(CommandError::NotFound { .. }) if shell == "bash" => {}
            Err(error) => return Err(error.into()),
        }
    }
    let holder = repo.command("sh").args(["-c", HOLDER, "sh"]).arg(&linked);
    let mut holder = holder.with_input().start()?;
    let common_dir = holder.next_line(0)?.unwrap_or_default();
    if holder.next_line(1)?.as_deref() != Some("flock 0") {
        return Err(Unable::Unmeasured(holder.wait()?.failure()));
    }
    for (fact, path) in [("between-trees", COMMON_DIR), ("git-path", GIT_PATH)] {
        let attempt = format!(r#"cd "$1" || exit 2; exec 9>"{path}"; flock -n 9"#);
        let run = repo.command("sh").args(["-c", &attempt, "sh"]).arg(&repo.top).run()?;
        let holders = match run.exit() {
            Some(0) => "two-holders",
            // flock(1), --conflict-exit-code
            Some(1) if run.errors().is_empty() => "one-holder",
            _ => return Err(Unable::Unmeasured(run.failure())),
        };
        measurement.fact_from(fact, holders, &run);
    }
    measurement.fact_from("common-dir", outcome(&common_dir), &holder.wait()?);
    let options = ["rev-parse", "--path-format=absolute", "--git-common-dir"];
    let printed = repo.git(&options)?;
    let is_path = printed.text().lines().count() == 1 && Path::new(&printed.text()).is_absolute();
    measurement.fact_from("path-format", if is_path { "absolute" } else { "echoed" }, &printed);
    examine(sandbox, &mut measurement);
    measurement.summary = summary(&measurement);
    Ok(measurement)
}

/// What became of a worker that took the lock so.
fn outcome(told: &str) -> &'static str {
    match told {
        "flock 0" => "locks",
        "" => "stops",
        _ => "goes-on",
    }
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
