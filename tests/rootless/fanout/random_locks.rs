use launch_doctor::fanout::{LockHistory, lock_usages};
use proptest::prelude::*;

/// What a process does: it waits, takes the lock, holds it, and releases it, or does not.
#[derive(Debug, Clone)]
struct Holder {
    begin: i64,
    length: i64,
    releases: bool,
}

fn holders() -> impl Strategy<Value = Vec<Holder>> {
    let holder = (0i64..300, 0i64..40, prop::bool::weighted(0.9))
        .prop_map(|(begin, length, releases)| Holder { begin, length, releases });
    prop::collection::vec(holder, 1..24)
}

/// Writes what the holders would: a line at each change, in the order of time.
fn history(holders: &[Holder]) -> String {
    let mut lines: Vec<(i64, usize, String)> = Vec::new();
    for (index, holder) in holders.iter().enumerate() {
        let pid = 100 + index;
        lines.push((holder.begin, index * 2, format!("{}|ACQUIRED|{pid}|a|s|\n", holder.begin)));
        if holder.releases {
            let end = holder.begin + holder.length;
            lines.push((end, index * 2 + 1, format!("{end}|RELEASED|{pid}|a|s|\n")));
        }
    }
    lines.sort();
    lines.into_iter().map(|(_, _, line)| line).collect()
}

proptest! {
    #[test]
    fn proved_violations_are_those_that_happened(holders in holders()) {
        let text = history(&holders);
        let history = LockHistory::parse(&[("FILE", text.as_bytes())]).unwrap();
        let usage = &lock_usages(&history)[0];
        // The order of the lines, which is that of the events.
        let place = |needle: &str| text.lines().position(|line| line == needle);
        let acquired = |index: usize| place(&format!("{}|ACQUIRED|{}|a|s|", holders[index].begin, 100 + index));
        let released = |index: usize| {
            let holder = &holders[index];
            place(&format!("{}|RELEASED|{}|a|s|", holder.begin + holder.length, 100 + index))
        };
        let mut truth = 0;
        for second in 0..holders.len() {
            let was_inside = (0..holders.len()).any(|first| {
                first != second
                    && holders[first].releases
                    && acquired(first) < acquired(second)
                    && released(first) > acquired(second)
            });
            truth += u64::from(was_inside);
        }
        prop_assert_eq!(usage.violations.proved, truth);
        prop_assert_eq!(usage.acquisitions, holders.len() as u64);
        let unreleased = holders.iter().filter(|it| !it.releases).count() as u64;
        prop_assert!(usage.violations.possible <= unreleased);
    }
}
