//! Whether a lock still keeps workers apart when its file is removed and made again.

use std::fs;
use std::io;

use super::queue::{Queue, Served, Way};
use crate::sandbox::Sandbox;
use crate::{Measurement, Unable};

pub fn measure(sandbox: &Sandbox) -> Result<Measurement, Unable> {
    let removed = removed_while_held(sandbox, "removed", Way::Plain)?;
    let at_end = removed_while_awaited(sandbox, "removed-at-end", Way::Plain)?;
    let checked = removed_while_awaited(sandbox, "checked", Way::Checked)?;
    let directory = removed_while_held(sandbox, "directory", Way::Directory)?;

    let mut measurement = Measurement::default();
    for (fact, served) in [
        ("removed", &removed),
        ("removed-at-end", &at_end),
        ("checked", &checked),
        ("directory", &directory),
    ] {
        let holders = if served.peak() > 1 { "two-holders" } else { "one-holder" };
        measurement.fact_from(fact, holders, &served.last);
    }
    measurement.summary = format!(
        "workers inside at once after the lock file was removed: {} while one was inside, {} by one \
         that left while another waited; {} with a check behind flock, {} with a directory as the lock",
        removed.peak(),
        at_end.peak(),
        checked.peak(),
        directory.peak(),
    );
    Ok(measurement)
}

/// One is inside, the file is removed, another comes.
fn removed_while_held(sandbox: &Sandbox, name: &str, way: Way) -> Result<Served, Unable> {
    let lock = sandbox.dir().join(name);
    if way == Way::Directory {
        fs::create_dir(&lock)?;
    }
    let mut queue = Queue::at(sandbox, lock.clone(), way)?;
    queue.start()?;
    queue.await_arrivals()?;
    match fs::remove_file(&lock) {
        // A directory stays: rm does not remove it (unlink(2), EISDIR).
        Err(error) if error.kind() != io::ErrorKind::IsADirectory => return Err(error.into()),
        _ => {}
    }
    queue.start()?;
    queue.await_arrivals()?;
    queue.serve()
}

/// One is inside and another waits; the file is removed, as by a script that cleans up at its end,
/// the first one goes, the second gets in, and a third comes.
fn removed_while_awaited(sandbox: &Sandbox, name: &str, way: Way) -> Result<Served, Unable> {
    let lock = sandbox.dir().join(name);
    let mut queue = Queue::at(sandbox, lock.clone(), way)?;
    for _ in 0..2 {
        queue.start()?;
        queue.await_arrivals()?;
    }
    fs::remove_file(&lock)?;
    queue.let_one_go()?;
    queue.await_one_inside()?;
    queue.start()?;
    queue.await_arrivals()?;
    queue.serve()
}
