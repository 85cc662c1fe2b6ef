//! The list of probes: a file for each group.

mod fanout;
mod launcher;
mod lock;
mod scope;
mod session;
mod tmux;

use crate::runner::Probe;

const GROUPS: [&[Probe]; 6] =
    [launcher::PROBES, scope::PROBES, tmux::PROBES, session::PROBES, lock::PROBES, fanout::PROBES];

/// Every probe, in the order in which reports show them.
pub static PROBES: &[Probe] = &concatenated::<{ count() }>();

const fn count() -> usize {
    let (mut count, mut group) = (0, 0);
    while group < GROUPS.len() {
        count += GROUPS[group].len();
        group += 1;
    }
    count
}

/// The loops are what a constant function can do: it has no iterators.
const fn concatenated<const COUNT: usize>() -> [Probe; COUNT] {
    let mut probes = [GROUPS[0][0]; COUNT];
    let (mut next, mut group) = (0, 0);
    while group < GROUPS.len() {
        let mut index = 0;
        while index < GROUPS[group].len() {
            probes[next] = GROUPS[group][index];
            next += 1;
            index += 1;
        }
        group += 1;
    }
    probes
}
