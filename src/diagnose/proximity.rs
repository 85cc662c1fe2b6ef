use std::collections::HashMap;

use super::matcher::SignatureMatch;
use super::{LogLine, Matcher};
use crate::judge::Near;

/// The lines that have a literal which must, or must not, be near a message.
#[derive(Debug, Default)]
pub(super) struct Proximity {
    /// The last line of each near literal, for all units and for each one.
    last: HashMap<(usize, Option<String>), u64>,
    /// The messages that wait for a line after them.
    pending: Vec<Pending>,
}

/// A message that waits for the lines after it.
#[derive(Debug)]
pub(super) struct Pending {
    pub(super) at: u64,
    pub(super) line: LogLine,
    pub(super) found: SignatureMatch,
    conditions: Vec<Condition>,
}

#[derive(Debug)]
struct Condition {
    literal: usize,
    unit: Option<String>,
    until: u64,
    absent: bool,
}

impl Proximity {
    /// Takes in the near literals of a line, and returns the messages that are decided by it.
    pub(super) fn see(&mut self, matcher: &Matcher, at: u64, line: &LogLine) -> Vec<Pending> {
        for literal in matcher.near_in(&line.message) {
            self.last.insert((literal, None), at);
            if line.unit.is_some() {
                self.last.insert((literal, line.unit.clone()), at);
            }
        }
        self.decide(at)
    }

    /// Takes a message, and returns it if the lines before it decide that it counts.
    pub(super) fn take(
        &mut self,
        matcher: &Matcher,
        at: u64,
        line: LogLine,
        found: SignatureMatch,
    ) -> Option<Pending> {
        let (_, signature) = matcher.signature(found.index);
        let mut conditions = Vec::new();
        for near in &signature.near {
            let Some(condition) = condition(matcher, at, &line, near) else { continue };
            match (self.is_near_before(&condition, at, near), near.absent) {
                (true, true) => return None,
                (true, false) => {}
                (false, _) => conditions.push(condition),
            }
        }
        let pending = Pending { at, line, found, conditions };
        if pending.conditions.is_empty() {
            return Some(pending);
        }
        self.pending.push(pending);
        None
    }

    /// Returns the messages that count once no more lines come.
    pub(super) fn finish(&mut self) -> Vec<Pending> {
        self.last.clear();
        self.decide(u64::MAX)
    }

    fn is_near_before(&self, condition: &Condition, at: u64, near: &Near) -> bool {
        let last = self.last.get(&(condition.literal, condition.unit.clone()));
        last.is_some_and(|last| at - last <= near.lines)
    }

    /// Returns the pending messages that count, and drops those that do not.
    fn decide(&mut self, at: u64) -> Vec<Pending> {
        let mut counting = Vec::new();
        for mut pending in std::mem::take(&mut self.pending) {
            let mut is_refuted = false;
            pending.conditions.retain(|condition| {
                let last = self.last.get(&(condition.literal, condition.unit.clone()));
                let is_near =
                    last.is_some_and(|last| *last >= pending.at && *last <= condition.until);
                let is_over = at > condition.until;
                match (condition.absent, is_near, is_over) {
                    (true, true, _) | (false, false, true) => is_refuted = true,
                    (true, false, true) | (false, true, _) => return false,
                    _ => {}
                }
                true
            });
            if is_refuted {
                continue;
            }
            if pending.conditions.is_empty() {
                counting.push(pending);
            } else {
                self.pending.push(pending);
            }
        }
        counting
    }
}

fn condition(matcher: &Matcher, at: u64, line: &LogLine, near: &Near) -> Option<Condition> {
    Some(Condition {
        literal: matcher.near_index(&near.literal)?,
        unit: if near.same_unit { line.unit.clone() } else { None },
        until: at + near.lines,
        absent: near.absent,
    })
}
