use std::time::{Duration, Instant};

use nix::poll::PollTimeout;

/// Returns the time until `deadline`; zero once it has passed.
pub(crate) fn time_left(deadline: Instant) -> Duration {
    deadline.saturating_duration_since(Instant::now())
}

/// Returns the timeout of poll(2) until `deadline`, rounded up to a millisecond. Rounded down, a caller
/// would spin through the last millisecond.
pub(crate) fn poll_timeout(deadline: Instant) -> PollTimeout {
    let milliseconds = time_left(deadline).as_nanos().div_ceil(1_000_000);
    PollTimeout::try_from(milliseconds).unwrap_or(PollTimeout::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_deadline_that_has_passed_leaves_no_time() {
        let now = Instant::now();
        assert_eq!(time_left(now), Duration::ZERO);
        assert_eq!(poll_timeout(now), PollTimeout::ZERO);
    }

    #[test]
    fn a_fraction_of_a_millisecond_counts_as_one() {
        let timeout = poll_timeout(Instant::now() + Duration::from_micros(900));
        assert_eq!(timeout.as_millis(), Some(1));
    }
}
