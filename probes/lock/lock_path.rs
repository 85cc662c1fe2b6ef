//! Whether `$(git rev-parse --show-toplevel)/.git/NAME` is a lock in a linked work tree, which path is
//! one, and what `.git` is in the work tree that is examined.

use std::path::Path;

use super::support::private_repo::PrivateRepo;
use super::support::try_lock::require_flock;
use crate::exec::CommandError;
use crate::fact_values;
use crate::host::GitDir;
use crate::sandbox::{Fact, FactDecl, Measurement, NotMeasured, ProbeContext};

fact_values! {
    /// What a script did that takes the lock and checks no exit status.
    enum ScriptOutcome {
        Locks = "locks",
        Stops = "stops",
        GoesOn = "goes-on",
    }
}

fact_values! {
    /// The same with a path at which the probe itself holds the lock.
    enum CommonDir {
        Locks = "locks",
        GoesOn = "goes-on",
    }
}

fact_values! {
    /// How many of two work trees held the lock at once.
    enum Holders {
        One = "one-holder",
        Two = "two-holders",
    }
}

fact_values! {
    /// What `git rev-parse --path-format=absolute` printed.
    enum PathFormat {
        Absolute = "absolute",
        Echoed = "echoed",
    }
}

fact_values! {
    /// Whose remote-tracking branch a fetch in a linked work tree updates.
    enum LinkedRefs {
        Shared = "shared",
        Separate = "separate",
    }
}

fact_values! {
    /// What `.git` is in a work tree.
    enum DotGit {
        Directory = "directory",
        File = "file",
    }
}

const BASH: Fact<ScriptOutcome> = Fact::new("bash");
const SH: Fact<ScriptOutcome> = Fact::new("sh");
const COMMON_DIR: Fact<CommonDir> = Fact::new("common-dir");
const BETWEEN_TREES: Fact<Holders> = Fact::new("between-trees");
const GIT_PATH: Fact<Holders> = Fact::new("git-path");
const PATH_FORMAT: Fact<PathFormat> = Fact::new("path-format");
const LINKED_REFS: Fact<LinkedRefs> = Fact::new("linked-refs");
const REPO: Fact<DotGit> = Fact::new("repo");
pub(crate) const FACTS: &[FactDecl] = &[
    BASH.decl(),
    SH.decl(),
    COMMON_DIR.decl(),
    BETWEEN_TREES.decl(),
    GIT_PATH.decl(),
    PATH_FORMAT.decl(),
    LINKED_REFS.decl(),
    REPO.decl(),
];

/// Takes the lock below --show-toplevel and checks no exit status.
const TOPLEVEL: &str = r#"cd "$1" || exit; exec 9>"$(git rev-parse --show-toplevel)/.git/pull-lock"
flock 9; echo "flock $?""#;
/// Two other paths of a lock, as a script writes them. The names differ, because in the main work tree
/// both commands print the same directory.
const COMMON_DIR_LOCK: &str = "$(git rev-parse --git-common-dir)/pull-lock";
const GIT_PATH_LOCK: &str = "$(git rev-parse --git-path other-lock)";
/// Takes both of those and holds them until its input ends.
const HOLDER: &str = r#"cd "$1" || exit
exec 9>"$(git rev-parse --git-common-dir)/pull-lock"; flock 9; echo "flock $?"
exec 8>"$(git rev-parse --git-path other-lock)"; flock 8; echo "flock $?"; read -r end"#;
/// Updates a remote-tracking branch in the work tree `$1`, as a fetch does, and reads it in `$2`.
const UPDATE_REF: &str = r#"git -C "$1" update-ref refs/remotes/origin/main HEAD || exit 2
git -C "$2" rev-parse --quiet --verify refs/remotes/origin/main"#;

pub(crate) fn measure(context: &ProbeContext) -> Result<Measurement, NotMeasured> {
    require_flock(context)?;
    let repo = PrivateRepo::init(context, "main")?;
    repo.git(&["commit", "--quiet", "--allow-empty", "--message=first"])?;
    let linked = repo.add_work_tree("linked")?;

    let mut measurement = Measurement::default();
    for (fact, shell) in [(SH, "sh"), (BASH, "bash")] {
        let script = repo.command(shell).args(["-c", TOPLEVEL, shell]).arg(&linked);
        match script.run() {
            Ok(run) => measurement.set_from(fact, outcome(&run.stdout_text()), &run),
            Err(CommandError::NotFound { .. }) if shell == "bash" => {}
            Err(error) => return Err(error.into()),
        }
    }
    let holder = repo.command("sh").args(["-c", HOLDER, "sh"]).arg(&linked);
    let mut holder = holder.piped_stdin().start()?;
    let common_dir = holder.next_line(0)?.unwrap_or_default();
    if holder.next_line(1)?.as_deref() != Some("flock 0") {
        return Err(NotMeasured::Unmeasured(holder.wait()?.error_summary()));
    }
    for (fact, path) in [(BETWEEN_TREES, COMMON_DIR_LOCK), (GIT_PATH, GIT_PATH_LOCK)] {
        let attempt = format!(r#"cd "$1" || exit 2; exec 9>"{path}"; flock -n 9"#);
        let run = repo.command("sh").args(["-c", &attempt, "sh"]).arg(&repo.top).run()?;
        let holders = match run.exit() {
            Some(0) => Holders::Two,
            // flock(1), --conflict-exit-code
            Some(1) if run.stderr_text().is_empty() => Holders::One,
            _ => return Err(NotMeasured::Unmeasured(run.error_summary())),
        };
        measurement.set_from(fact, holders, &run);
    }
    let locks = if common_dir == "flock 0" { CommonDir::Locks } else { CommonDir::GoesOn };
    measurement.set_from(COMMON_DIR, locks, &holder.wait()?);
    record_path_format(&repo, &mut measurement)?;
    record_linked_refs(&repo, &linked, &mut measurement)?;
    record_examined_tree(context, &mut measurement);
    Ok(measurement)
}

/// Returns what a script did, by the line that it writes after `flock`.
fn outcome(output: &str) -> ScriptOutcome {
    match output {
        "flock 0" => ScriptOutcome::Locks,
        "" => ScriptOutcome::Stops,
        _ => ScriptOutcome::GoesOn,
    }
}

fn record_path_format(
    repo: &PrivateRepo,
    measurement: &mut Measurement,
) -> Result<(), NotMeasured> {
    let options = ["rev-parse", "--path-format=absolute", "--git-common-dir"];
    let run = repo.git(&options)?;
    let printed = run.stdout_text();
    let is_path = printed.lines().count() == 1 && Path::new(&printed).is_absolute();
    let format = if is_path { PathFormat::Absolute } else { PathFormat::Echoed };
    measurement.set_from(PATH_FORMAT, format, &run);
    Ok(())
}

fn record_linked_refs(
    repo: &PrivateRepo,
    linked: &Path,
    measurement: &mut Measurement,
) -> Result<(), NotMeasured> {
    let script = repo.command("sh").args(["-c", UPDATE_REF, "sh"]);
    let run = script.arg(linked).arg(&repo.top).run()?;
    let refs = match run.exit() {
        Some(0) => LinkedRefs::Shared,
        Some(1) => LinkedRefs::Separate,
        _ => return Err(NotMeasured::Unmeasured(run.error_summary())),
    };
    measurement.set_from(LINKED_REFS, refs, &run);
    Ok(())
}

/// Records what `.git` is in the work tree that is examined. Only reads files, and runs no git there.
fn record_examined_tree(context: &ProbeContext, measurement: &mut Measurement) {
    let Some(git) = context.settings.repo.as_deref().and_then(GitDir::find) else { return };
    let Some(top) = &git.top else { return };
    measurement.detail("top", top.to_string_lossy());
    measurement.detail("common", git.common_dir.to_string_lossy());
    measurement.set(REPO, if git.is_linked() { DotGit::File } else { DotGit::Directory });
}
