use jiff::Timestamp;

use crate::scopes::MemorySource;

const UNITS: [(&str, &str); 5] =
    [("B", "B"), ("K", "KiB"), ("M", "MiB"), ("G", "GiB"), ("T", "TiB")];

/// Returns bytes with three digits at most, such as `410 M` or `3.1 G`.
pub(super) fn bytes(bytes: u64) -> String {
    let power = power_of(bytes);
    format!("{} {}", scaled(bytes, power), UNITS[power].0)
}

/// Returns bytes of a limit, such as `3.1 of 8.0 GiB`, or `3.1 GiB` without one.
pub(super) fn bytes_of(used: u64, limit: Option<u64>) -> String {
    match limit {
        Some(limit) => {
            let power = power_of(limit);
            format!("{} of {} {}", scaled(used, power), scaled(limit, power), UNITS[power].1)
        }
        None => format!("{} {}", scaled(used, power_of(used)), UNITS[power_of(used)].1),
    }
}

fn power_of(bytes: u64) -> usize {
    let power = (1..UNITS.len()).take_while(|power| bytes >> (10 * power) > 0).last();
    power.unwrap_or(0)
}

fn scaled(bytes: u64, power: usize) -> String {
    let scaled = bytes as f64 / f64::from(1u32 << 10).powi(i32::try_from(power).unwrap_or(0));
    let decimals = usize::from(power > 0 && scaled < 9.95);
    format!("{scaled:.decimals$}")
}

/// Returns memory, marked `~` where shared pages count several times.
pub(super) fn memory(value: u64, source: MemorySource) -> String {
    match source {
        MemorySource::Cgroup => bytes(value),
        MemorySource::Rss => format!("~{}", bytes(value)),
    }
}

/// Returns the time since then in its two largest units: `41 s`, `7 min`, `2 h 10`, `3 d 4 h`.
pub(super) fn age(since: Option<Timestamp>, now: Timestamp) -> String {
    let Some(since) = since else { return "?".into() };
    let seconds = now.duration_since(since).as_secs().max(0);
    let (minutes, hours, days) = (seconds / 60, seconds / 3600, seconds / 86_400);
    match (days, hours, minutes) {
        (0, 0, 0) => format!("{seconds} s"),
        (0, 0, minutes) => format!("{minutes} min"),
        (0, hours, minutes) => format!("{hours} h {:02}", minutes % 60),
        (days, hours, _) => format!("{days} d {} h", hours % 24),
    }
}

/// Returns a share of a processor.
pub(super) fn percent(percent: Option<f64>) -> String {
    match percent {
        Some(percent) if percent > 0.0 && percent < 1.0 => format!("{percent:.1} %"),
        Some(percent) => format!("{percent:.0} %"),
        None => "–".into(),
    }
}

/// Returns a number and its noun, such as `1 unit` or `2 units`.
pub(super) fn count(number: usize, one: &str, many: &str) -> String {
    format!("{number} {}", if number == 1 { one } else { many })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bytes_have_at_most_three_digits_before_the_unit_changes() {
        let mib = 1 << 20;
        assert_eq!(bytes(0), "0 B");
        assert_eq!(bytes(410 * mib), "410 M");
        assert_eq!(bytes(3 * 1024 * mib + 100 * mib), "3.1 G");
        assert_eq!(bytes(u64::MAX), "16777216 T");
        assert_eq!(bytes_of(3 * 1024 * mib + 100 * mib, Some(8192 * mib)), "3.1 of 8.0 GiB");
        assert_eq!(bytes_of(500, None), "500 B");
    }

    #[test]
    fn an_age_has_two_units_at_most() {
        let age =
            |seconds| age(Some(Timestamp::UNIX_EPOCH), Timestamp::from_second(seconds).unwrap());
        assert_eq!(age(41), "41 s");
        assert_eq!(age(7 * 60 + 5), "7 min");
        assert_eq!(age(2 * 3600 + 10 * 60), "2 h 10");
        assert_eq!(age(3 * 86_400 + 4 * 3600), "3 d 4 h");
        // The clock was set back.
        assert_eq!(age(-5), "0 s");
    }
}
