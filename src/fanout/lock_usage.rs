use schemars::JsonSchema;
use serde::Serialize;

use super::LockHistory;
use super::lock_history::Acquisition;

/// How one lock was used.
#[derive(Debug, Clone, PartialEq, Serialize, JsonSchema)]
pub struct LockUsage {
    pub name: String,
    pub acquisitions: u64,
    /// The longest time for which it was held and released, in seconds.
    pub longest_s: i64,
    /// How many processes were inside together.
    pub peak: u32,
    pub violations: Violations,
    /// Each time that two processes were inside together, or can have been; at most 100.
    pub overlaps: Vec<Overlap>,
}

/// How often a process took a lock while another one held it.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, JsonSchema)]
pub struct Violations {
    /// The other one released it later: both were inside.
    pub proved: u64,
    /// The other one never released it: it can have ended without saying so.
    pub possible: u64,
}

/// Two processes that were inside together.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, JsonSchema)]
pub struct Overlap {
    /// The process that held the lock, and the one that took it.
    pub pids: [u64; 2],
    /// When the second one came in, in seconds since 1970.
    pub at: i64,
    /// For how long both were inside; `None` where that is not known.
    pub seconds: Option<i64>,
    pub proved: bool,
}

/// How many overlaps are listed.
const LISTED: usize = 100;

impl Violations {
    /// Whether there is one of either kind.
    pub fn any(self) -> bool {
        self.proved + self.possible > 0
    }
}

/// Counts, for every lock, how it was used, in the order of the names.
pub fn lock_usages(history: &LockHistory) -> Vec<LockUsage> {
    let mut by_lock: Vec<Vec<&Acquisition>> = vec![Vec::new(); history.locks.len()];
    for acquisition in &history.acquisitions {
        by_lock[acquisition.lock as usize].push(acquisition);
    }
    let mut usages: Vec<LockUsage> = by_lock
        .iter()
        .zip(&history.locks)
        .map(|(acquisitions, name)| usage(name, acquisitions))
        .collect();
    usages.sort_by(|a, b| a.name.cmp(&b.name));
    usages
}

/// Counts how a lock was used by these acquisitions of it, which are in the order of the history.
pub(super) fn usage(name: &str, acquisitions: &[&Acquisition]) -> LockUsage {
    let mut inside: Vec<&Acquisition> = Vec::new();
    let mut usage = LockUsage {
        name: name.to_owned(),
        acquisitions: acquisitions.len() as u64,
        longest_s: 0,
        peak: 0,
        violations: Violations::default(),
        overlaps: Vec::new(),
    };
    for taken in acquisitions {
        if let Some(released) = taken.released {
            usage.longest_s = usage.longest_s.max(released - taken.acquired);
        }
        inside.retain(|holder| is_inside(holder, taken));
        let proved = inside.iter().filter(|holder| holder.released.is_some()).count();
        let possible = inside.len() - proved;
        usage.violations.proved += u64::from(proved > 0);
        usage.violations.possible += u64::from(proved == 0 && possible > 0);
        for holder in &inside {
            if usage.overlaps.len() < LISTED {
                usage.overlaps.push(overlap(holder, taken));
            }
        }
        usage.peak = usage.peak.max(u32::try_from(proved).unwrap_or(u32::MAX).saturating_add(1));
        // One that never releases the lock is suspected once: at the next acquisition.
        inside.retain(|holder| holder.released.is_some());
        inside.push(taken);
    }
    usage
}

/// Whether `holder` held the lock as `taken` took it. Lines of one second of two files have no order
/// that could prove anything.
fn is_inside(holder: &Acquisition, taken: &Acquisition) -> bool {
    let is_other = holder.pid != taken.pid;
    let Some(released_at) = holder.released_at else { return is_other };
    let is_later = if holder.file == taken.file {
        released_at > taken.acquired_at
    } else {
        holder.acquired < taken.acquired && holder.released > Some(taken.acquired)
    };
    is_other && is_later
}

fn overlap(holder: &Acquisition, taken: &Acquisition) -> Overlap {
    let end = match (holder.released, taken.released) {
        (Some(a), Some(b)) => Some(a.min(b)),
        (Some(a), None) => Some(a),
        (None, _) => None,
    };
    Overlap {
        pids: [holder.pid, taken.pid],
        at: taken.acquired,
        seconds: end.map(|end| (end - taken.acquired).max(0)),
        proved: holder.released.is_some(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(text: &str) -> Vec<LockUsage> {
        lock_usages(&LockHistory::parse(&[("FILE", text.as_bytes())]).unwrap())
    }

    #[test]
    fn one_at_a_time_is_no_violation_even_within_one_second() {
        let usages =
            read("10|ACQUIRED|1|a|s|\n10|RELEASED|1|a|s|\n10|ACQUIRED|2|a|s\n15|RELEASED|2|a|s\n");
        assert_eq!(usages[0].acquisitions, 2);
        assert_eq!((usages[0].peak, usages[0].longest_s), (1, 5));
        assert_eq!(usages[0].violations, Violations::default());
    }

    #[test]
    fn two_inside_together_are_proved_by_the_later_release() {
        let usages = read(
            "10|ACQUIRED|1|a|s|\n20|ACQUIRED|2|a|s|x\n30|RELEASED|1|a|s|\n40|RELEASED|2|a|s|\n",
        );
        assert_eq!(usages[0].violations, Violations { proved: 1, possible: 0 });
        assert_eq!(usages[0].peak, 2);
        let overlap = Overlap { pids: [1, 2], at: 20, seconds: Some(10), proved: true };
        assert_eq!(usages[0].overlaps, [overlap]);
    }

    #[test]
    fn one_that_never_releases_is_suspected_once() {
        let usages = read(
            "10|ACQUIRED|1|a|s|\n20|ACQUIRED|2|a|s|\n21|RELEASED|2|a|s|\n30|ACQUIRED|3|a|s|\n",
        );
        assert_eq!(usages[0].violations, Violations { proved: 0, possible: 1 });
        assert_eq!(usages[0].peak, 1);
    }

    #[test]
    fn locks_are_apart_and_the_order_within_one_second_is_that_of_the_file() {
        let usages = read(
            "10|ACQUIRED|1|b|s|\n10|ACQUIRED|2|a|s|\n10|ACQUIRED|3|a|s|\n10|RELEASED|2|a|s|\n",
        );
        assert_eq!(usages.iter().map(|it| it.name.as_str()).collect::<Vec<_>>(), ["a", "b"]);
        assert_eq!(usages[0].violations.proved, 1);
        assert!(!usages[1].violations.any());
    }

    #[test]
    fn one_second_of_two_files_proves_nothing() {
        let first = b"10|ACQUIRED|1|a|s|\n20|RELEASED|1|a|s|\n";
        let same = b"20|ACQUIRED|2|a|s|\n25|RELEASED|2|a|s|\n";
        let inside = b"15|ACQUIRED|2|a|s|\n25|RELEASED|2|a|s|\n";
        let proved = |second: &[u8]| {
            let history = LockHistory::parse(&[("A", second), ("B", first)]).unwrap();
            lock_usages(&history)[0].violations.proved
        };
        assert_eq!(proved(same), 0);
        assert_eq!(proved(inside), 1);
    }

    #[test]
    fn bad_lines_are_counted_and_a_text_without_a_good_one_is_no_history() {
        let text = b"10|ACQUIRED|1|a|s|\nfoo\n11|WAITING|1|a|s\n12|RELEASED|9|a|s\n";
        let history = LockHistory::parse(&[("FILE", text)]).unwrap();
        assert_eq!((history.bad.count, history.bad.first_line), (2, Some(2)));
        assert_eq!(history.orphan_releases, 1);
        assert_eq!(LockHistory::parse(&[("FILE", b"\nfoo\n")]).unwrap_err().line, 2);
    }
}
