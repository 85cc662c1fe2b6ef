use jiff::Timestamp;

/// When something happened: by the wall clock, which people read and which can jump, and by the
/// monotonic clock of one boot, by which times are compared.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Moment {
    /// Which boot, counted in the order in which the source shows them.
    pub boot: u32,
    /// Microseconds since that boot began.
    pub monotonic: i64,
    /// Microseconds since 1970.
    pub realtime: i64,
}

impl Moment {
    /// Returns a moment for a source that has one clock only.
    pub fn from_realtime(realtime: i64) -> Self {
        Self { boot: 0, monotonic: realtime, realtime }
    }

    /// Returns the same moment as RFC 3339 shows it; `None` beyond the year 9999.
    pub fn timestamp(self) -> Option<Timestamp> {
        Timestamp::from_microsecond(self.realtime).ok()
    }

    /// Returns the seconds from `earlier` to here: by the monotonic clock within one boot, by the
    /// wall clock otherwise.
    pub fn seconds_since(self, earlier: Self) -> f64 {
        let micros = if self.boot == earlier.boot {
            self.monotonic.saturating_sub(earlier.monotonic)
        } else {
            self.realtime.saturating_sub(earlier.realtime)
        };
        micros as f64 / 1e6
    }

    /// Returns the moment this many microseconds later, or earlier if negative.
    #[must_use]
    pub fn plus(self, micros: i64) -> Self {
        Self {
            monotonic: self.monotonic.saturating_add(micros),
            realtime: self.realtime.saturating_add(micros),
            ..self
        }
    }
}

impl PartialOrd for Moment {
    fn partial_cmp(&self, other: &Self) -> Option<std::cmp::Ordering> {
        Some(self.cmp(other))
    }
}

impl Ord for Moment {
    fn cmp(&self, other: &Self) -> std::cmp::Ordering {
        (self.boot, self.monotonic, self.realtime).cmp(&(
            other.boot,
            other.monotonic,
            other.realtime,
        ))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn within_a_boot_a_jump_of_the_wall_clock_changes_no_span() {
        let start = Moment { boot: 1, monotonic: 1_000_000, realtime: 50_000_000 };
        let end = Moment { boot: 1, monotonic: 3_500_000, realtime: 9_000_000_000 };
        assert!((end.seconds_since(start) - 2.5).abs() < 1e-9);
        assert!(end > start);
        let next_boot = Moment { boot: 2, monotonic: 5, realtime: 51_000_000 };
        assert!(next_boot > end);
        assert!((next_boot.seconds_since(start) - 1.0).abs() < 1e-9);
    }
}
