use std::collections::VecDeque;

use super::Schedule;

/// The probes that have not started.
pub(crate) struct ProbeQueue {
    /// Each probe's index in the run and its schedule, in the order of the schedules.
    waiting: VecDeque<(usize, Schedule)>,
}

impl ProbeQueue {
    pub(crate) fn of(schedules: impl IntoIterator<Item = Schedule>) -> Self {
        let mut waiting: Vec<_> = schedules.into_iter().enumerate().collect();
        waiting.sort_by_key(|(_, schedule)| *schedule);
        Self { waiting: waiting.into() }
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
        let mut queue = ProbeQueue::of([Default, LongRunning, Default, LongRunning]);
        let order: Vec<_> = std::iter::from_fn(|| queue.next(&[], |_| false)).collect();
        assert_eq!(order, [1, 3, 0, 2]);
    }

    #[test]
    fn an_exclusive_probe_runs_alone() {
        let mut queue = ProbeQueue::of([Default, Exclusive]);
        assert_eq!(queue.next(&[Default], |_| false), None);
        assert_eq!(queue.next(&[], |_| false), Some(1));
        assert_eq!(queue.next(&[Exclusive], |_| false), None);
        assert_eq!(queue.next(&[], |_| false), Some(0));
    }

    #[test]
    fn probes_with_panes_wait_for_those_with_unit_files_and_others_do_not() {
        let mut queue = ProbeQueue::of([OpensPanes, Default, CreatesUnitFiles]);
        assert_eq!(queue.next(&[], |_| false), Some(2));
        assert_eq!(queue.next(&[CreatesUnitFiles], |_| false), Some(1));
        assert_eq!(queue.next(&[CreatesUnitFiles, Default], |_| false), None);
        assert_eq!(queue.next(&[Default], |_| false), Some(0));
    }

    #[test]
    fn a_probe_that_is_held_back_is_overtaken() {
        let mut queue = ProbeQueue::of([Default, Default]);
        assert_eq!(queue.next(&[], |index| index == 0), Some(1));
        assert_eq!(queue.next(&[], |index| index == 0), None);
        assert_eq!(queue.next(&[], |_| false), Some(0));
    }
}
