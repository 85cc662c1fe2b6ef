use std::collections::VecDeque;

use crate::probe::Turn;

/// The probes that wait for their turn.
pub(super) struct Schedule {
    /// The place of each in the list of the run, with its turn, in the order of the turns.
    waiting: VecDeque<(usize, Turn)>,
}

impl Schedule {
    pub(super) fn of(turns: impl IntoIterator<Item = Turn>) -> Self {
        let mut waiting: Vec<_> = turns.into_iter().enumerate().collect();
        waiting.sort_by_key(|(_, turn)| *turn);
        Self { waiting: waiting.into() }
    }

    /// Takes the next probe that may start beside those that run. One that runs alone is not overtaken.
    pub(super) fn next(&mut self, running: &[Turn]) -> Option<usize> {
        let position = match self.waiting.front()? {
            (_, Turn::Alone) => running.is_empty().then_some(0)?,
            _ => self.waiting.iter().position(|(_, turn)| may_start(*turn, running))?,
        };
        self.waiting.remove(position).map(|(index, _)| index)
    }
}

fn may_start(turn: Turn, running: &[Turn]) -> bool {
    let not_beside = match turn {
        Turn::Alone => return running.is_empty(),
        Turn::UnitFiles => Turn::Panes,
        Turn::Panes => Turn::UnitFiles,
        Turn::Early | Turn::AnyTime => Turn::Alone,
    };
    !running.contains(&not_beside) && !running.contains(&Turn::Alone)
}

#[cfg(test)]
mod tests {
    use super::Turn::{Alone, AnyTime, Early, Panes, UnitFiles};
    use super::*;

    #[test]
    fn probes_start_in_the_order_of_their_turns() {
        let mut schedule = Schedule::of([AnyTime, Early, AnyTime, Early]);
        let order: Vec<_> = std::iter::from_fn(|| schedule.next(&[])).collect();
        assert_eq!(order, [1, 3, 0, 2]);
    }

    #[test]
    fn one_that_runs_alone_has_nothing_beside_it() {
        let mut schedule = Schedule::of([AnyTime, Alone]);
        assert_eq!(schedule.next(&[AnyTime]), None);
        assert_eq!(schedule.next(&[]), Some(1));
        assert_eq!(schedule.next(&[Alone]), None);
        assert_eq!(schedule.next(&[]), Some(0));
    }

    #[test]
    fn no_pane_is_opened_beside_a_unit_file_and_others_do_not_wait_for_that() {
        let mut schedule = Schedule::of([Panes, AnyTime, UnitFiles]);
        assert_eq!(schedule.next(&[]), Some(2));
        assert_eq!(schedule.next(&[UnitFiles]), Some(1));
        assert_eq!(schedule.next(&[UnitFiles, AnyTime]), None);
        assert_eq!(schedule.next(&[AnyTime]), Some(0));
    }
}
