//! Whether a lock still excludes other workers when its file is deleted and created again.

use std::fs;
use std::io;

use super::support::lock_workers::{ContentionLog, LockMethod, LockWorkers};
use crate::fact_values;
use crate::sandbox::{Fact, FactDecl, Measurement, NotMeasured, ProbeContext};

fact_values! {
    /// How many workers held the lock at once.
    enum Holders {
        Two = "two-holders",
        One = "one-holder",
    }
}

const REMOVED: Fact<Holders> = Fact::new("removed");
const REMOVED_AT_END: Fact<Holders> = Fact::new("removed-at-end");
const CHECKED: Fact<Holders> = Fact::new("checked");
const DIRECTORY: Fact<Holders> = Fact::new("directory");
pub(crate) const FACTS: &[FactDecl] =
    &[REMOVED.decl(), REMOVED_AT_END.decl(), CHECKED.decl(), DIRECTORY.decl()];

pub(crate) fn measure(context: &ProbeContext) -> Result<Measurement, NotMeasured> {
    let file = LockMethod::File;
    let removed = remove_while_held(context, REMOVED.name(), file)?;
    let at_end = remove_before_release(context, REMOVED_AT_END.name(), file)?;
    let checked = remove_before_release(context, CHECKED.name(), LockMethod::CheckedFile)?;
    let directory = remove_while_held(context, DIRECTORY.name(), LockMethod::Directory)?;

    let mut measurement = Measurement::default();
    for (fact, log) in [
        (REMOVED, &removed),
        (REMOVED_AT_END, &at_end),
        (CHECKED, &checked),
        (DIRECTORY, &directory),
    ] {
        let holders = if log.peak() > 1 { Holders::Two } else { Holders::One };
        measurement.set_from(fact, holders, &log.last);
        measurement.detail(&format!("peak-{}", fact.name()), log.peak().to_string());
    }
    Ok(measurement)
}

/// One worker holds the lock, the file is deleted, another worker arrives.
fn remove_while_held(
    context: &ProbeContext,
    name: &str,
    method: LockMethod,
) -> Result<ContentionLog, NotMeasured> {
    let lock = context.dir().join(name);
    if method == LockMethod::Directory {
        fs::create_dir(&lock)?;
    }
    let mut workers = LockWorkers::new(context, lock.clone(), method)?;
    workers.start()?;
    workers.wait_for_arrivals()?;
    match fs::remove_file(&lock) {
        // A directory cannot be unlinked, so it is kept (unlink(2), EISDIR).
        Err(error) if error.kind() != io::ErrorKind::IsADirectory => return Err(error.into()),
        _ => {}
    }
    workers.start()?;
    workers.wait_for_arrivals()?;
    workers.finish()
}

/// One worker holds the lock and another waits. The file is deleted, as by a script that cleans up at
/// its end, the first worker releases the lock, the second gets it, and a third arrives.
fn remove_before_release(
    context: &ProbeContext,
    name: &str,
    method: LockMethod,
) -> Result<ContentionLog, NotMeasured> {
    let lock = context.dir().join(name);
    let mut workers = LockWorkers::new(context, lock.clone(), method)?;
    for _ in 0..2 {
        workers.start()?;
        workers.wait_for_arrivals()?;
    }
    fs::remove_file(&lock)?;
    workers.release_next()?;
    workers.wait_for_holder()?;
    workers.start()?;
    workers.wait_for_arrivals()?;
    workers.finish()
}
