use std::collections::{BTreeMap, VecDeque};

use super::Schedule;

/// The probes that have not started.
pub(crate) struct ProbeQueue {
    /// Each probe's index in the run and its schedule, in the order in which they start.
    waiting: VecDeque<(usize, Schedule)>,
}

impl ProbeQueue {
    /// Queues probes, of each of which the group and the schedule are given. After those that have to be
    /// first, one of each group starts in turn: those of one group mostly wait for the same
    /// program, and leave a processor idle together.
    pub(crate) fn of<'a>(probes: impl IntoIterator<Item = (&'a str, Schedule)>) -> Self {
        let mut waiting: Vec<_> = probes.into_iter().enumerate().collect();
        waiting.sort_by_key(|(_, (_, schedule))| *schedule);
        let mut rounds = BTreeMap::<&str, usize>::new();
        let mut waiting: Vec<_> = waiting
            .into_iter()
            .map(|(index, (group, schedule))| {
                let round = rounds.entry(group).or_default();
                *round += usize::from(schedule >= Schedule::LongRunning);
                let place = (schedule.min(Schedule::LongRunning), *round);
                (place, (index, schedule))
            })
            .collect();
        waiting.sort_by_key(|(place, _)| *place);
        Self { waiting: waiting.into_iter().map(|(_, probe)| probe).collect() }
    }

    /// Removes the next probe that may start beside the running ones, and is not held back. An exclusive
    /// one is not overtaken.
    pub(crate) fn next(
        &mut self,
        running: &[Schedule],
        is_held: impl Fn(usize) -> bool,
    ) -> Option<usize> {
        let may_start = |(index, schedule): &(usize, Schedule)| {
            may_start(*schedule, running) && !is_held(*index)
        };
        let position = match self.waiting.front()? {
            first @ (_, Schedule::Exclusive) => may_start(first).then_some(0)?,
            _ => self.waiting.iter().position(may_start)?,
        };
        self.waiting.remove(position).map(|(index, _)| index)
    }

    /// Removes all probes that have not started.
    pub(crate) fn drain(&mut self) -> Vec<usize> {
        self.waiting.drain(..).map(|(index, _)| index).collect()
    }
}

fn may_start(schedule: Schedule, running: &[Schedule]) -> bool {
    let conflicting = match schedule {
        Schedule::Exclusive => return running.is_empty(),
        Schedule::CreatesUnitFiles => Schedule::OpensPanes,
        Schedule::OpensPanes => Schedule::CreatesUnitFiles,
        Schedule::Control | Schedule::LongRunning | Schedule::Default => Schedule::Exclusive,
    };
    !running.contains(&conflicting) && !running.contains(&Schedule::Exclusive)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::runner::Schedule::{CreatesUnitFiles, Default, Exclusive, LongRunning, OpensPanes};

    #[test]
    fn probes_start_in_the_order_of_their_schedules() {
        assert_eq!(order_of(&[Default, LongRunning, Default, LongRunning].map(of_a)), [1, 3, 0, 2]);
        assert_eq!(order_of(&[LongRunning, OpensPanes, Exclusive].map(of_a)), [2, 1, 0]);
    }

    #[test]
    fn one_probe_of_each_group_starts_in_turn() {
        let [a, b] = ["a", "b"].map(|group| move |schedule| (group, schedule));
        let probes = [a(Default), a(Default), a(LongRunning), b(Default), b(Default)];
        assert_eq!(order_of(&probes), [2, 3, 0, 4, 1]);
        let probes = [a(OpensPanes), a(OpensPanes), b(Default), a(Default), b(Default)];
        assert_eq!(order_of(&probes), [0, 1, 2, 3, 4]);
    }

    fn of_a(schedule: Schedule) -> (&'static str, Schedule) {
        ("a", schedule)
    }

    fn order_of(probes: &[(&str, Schedule)]) -> Vec<usize> {
        let mut queue = ProbeQueue::of(probes.iter().copied());
        std::iter::from_fn(|| queue.next(&[], |_| false)).collect()
    }

    #[test]
    fn an_exclusive_probe_runs_alone() {
        let mut queue = ProbeQueue::of([Default, Exclusive].map(of_a));
        assert_eq!(queue.next(&[Default], |_| false), None);
        assert_eq!(queue.next(&[], |_| false), Some(1));
        assert_eq!(queue.next(&[Exclusive], |_| false), None);
        assert_eq!(queue.next(&[], |_| false), Some(0));
    }

    #[test]
    fn probes_with_panes_wait_for_those_with_unit_files_and_others_do_not() {
        let mut queue = ProbeQueue::of([OpensPanes, Default, CreatesUnitFiles].map(of_a));
        assert_eq!(queue.next(&[], |_| false), Some(2));
        assert_eq!(queue.next(&[CreatesUnitFiles], |_| false), Some(1));
        assert_eq!(queue.next(&[CreatesUnitFiles, Default], |_| false), None);
        assert_eq!(queue.next(&[Default], |_| false), Some(0));
    }

    #[test]
    fn a_probe_that_is_held_back_is_overtaken() {
        let mut queue = ProbeQueue::of([Default, Default].map(of_a));
        assert_eq!(queue.next(&[], |index| index == 0), Some(1));
        assert_eq!(queue.next(&[], |index| index == 0), None);
        assert_eq!(queue.next(&[], |_| false), Some(0));
    }
}
