//! What outlives a user's last session, without lingering and with it, and what `terminate-user`
//! ends. It ends sessions, so it runs in the lab only, on users whom the lab names.

use std::time::{Duration, Instant};

use nix::unistd::geteuid;

use super::guest::{Guest, Started};
use crate::host::logind::{Answer, Question, Subject, silence, time};
use crate::sandbox::{Completed, ProcessEnd, Sandbox};
use crate::{Measurement, Unable};

/// Names three users of a lab machine whose sessions may be ended.
const PERMISSION: &str = "DOCTOR_LAB";
/// The longest UserStopDelaySec that is waited for.
const LONGEST_DELAY: Duration = Duration::from_secs(2);
/// How much later than UserStopDelaySec says the end may come.
const SLACK: Duration = Duration::from_secs(2);

pub fn measure(sandbox: &Sandbox) -> Result<Measurement, Unable> {
    let names = guests_allowed()?;
    let delay = stop_delay(sandbox)?;
    let [plain, lingering, leaving] = &names[..] else {
        return Err(Unable::Skipped(format!("{PERMISSION} does not name three users")));
    };
    let mut plain = Guest::new(sandbox, plain)?;
    let mut lingering = Guest::new(sandbox, lingering)?;
    let mut leaving = Guest::new(sandbox, leaving)?;
    lingering.loginctl("enable-linger")?;

    let mut logins = [plain.log_in(true)?, lingering.log_in(true)?, leaving.log_in(false)?];
    let [first, second, third] = &mut logins;
    let of_plain = plain.started(first)?;
    let of_lingering = lingering.started(second)?;
    let of_leaving = leaving.started(third)?;
    let [first, second, third] = logins;
    let (logged_out, left_behind) = (second.log_out()?, third.log_out()?);
    // The plain guest logs out last: when nothing of it is left, the others' time is up as well.
    let last = first.log_out()?;
    let clock = Instant::now();

    let mut measurement = Measurement::default();
    let latest = clock + delay + SLACK;
    of_plain.record(&mut measurement, "", &last, |end| end.wait(latest));
    let elapsed = clock.elapsed();
    measurement.fact_from("delay", kept(elapsed, delay), &last);
    let stays = lingering.has_manager()?;
    of_lingering
        .record(&mut measurement, "-lingering", &logged_out, |end| end.has_come() || !stays);
    let stays = leaving.has_manager()?;
    measurement.fact_from(
        "scope-beside-leftover",
        fate(of_leaving.scope.has_come() || !stays),
        &left_behind,
    );

    let terminated = lingering.loginctl("terminate-user")?;
    let terminated_too = leaving.loginctl("terminate-user")?;
    lingering.await_jobs()?;
    leaving.await_jobs()?;
    of_lingering.record(&mut measurement, "-terminated", &terminated, ProcessEnd::has_come);
    let is_down = !lingering.has_manager()?;
    measurement.fact_from("manager-terminated", fate(is_down), &terminated);
    measurement.fact_from("linger-terminated", fate(!lingering.has_linger_file()), &terminated);
    let left = of_leaving.left.as_ref().is_none_or(ProcessEnd::has_come);
    measurement.fact_from("leftover-terminated", fate(left), &terminated_too);
    measurement.summary = summary(&measurement, elapsed, delay);
    Ok(measurement)
}

impl Started {
    /// Records what became of a scope, a service and a tmux server.
    fn record(
        &self,
        measurement: &mut Measurement,
        suffix: &str,
        run: &Completed,
        has_ended: impl Fn(&ProcessEnd) -> bool,
    ) {
        for (what, end) in
            [("scope", &self.scope), ("service", &self.service), ("tmux-server", &self.server)]
        {
            measurement.fact_from(&format!("{what}{suffix}"), fate(has_ended(end)), run);
        }
    }
}

/// The users whose sessions may be ended, or why none may.
fn guests_allowed() -> Result<Vec<String>, Unable> {
    let names = std::env::var(PERMISSION).unwrap_or_default();
    if names.is_empty() || !geteuid().is_root() {
        return Err(Unable::Skipped("it ends sessions, so only the lab measures it".into()));
    }
    Ok(names.split_ascii_whitespace().map(str::to_owned).collect())
}

/// How long logind waits after a user's last session, if it is set as this measurement needs it.
fn stop_delay(sandbox: &Sandbox) -> Result<Duration, Unable> {
    let settings: Answer = Question::ask(sandbox, Subject::Manager)?.answer()?;
    let delay = settings.number("UserStopDelayUSec").map(Duration::from_micros);
    match (delay, settings.flag("KillUserProcesses")) {
        (None, _) | (_, None) => Err(silence(sandbox, &settings.run, "")),
        (_, Some(true)) => Err(Unable::Skipped("KillUserProcesses=yes".into())),
        (Some(delay), _) if delay.is_zero() || delay > LONGEST_DELAY => {
            let (set, most) = (delay.as_micros(), LONGEST_DELAY.as_secs());
            let set = time(u64::try_from(set).unwrap_or(u64::MAX));
            Err(Unable::Skipped(format!(
                "UserStopDelaySec is {set}, not above 0 and up to {most} s"
            )))
        }
        (Some(delay), _) => Ok(delay),
    }
}

fn fate(has_ended: bool) -> &'static str {
    if has_ended { "ends" } else { "lives" }
}

/// Whether the end came after the delay that logind is set to, and not long after.
fn kept(elapsed: Duration, delay: Duration) -> &'static str {
    match elapsed {
        // The clock starts when the session's process has ended, a moment before logind's.
        _ if elapsed < delay => "cut-short",
        _ if elapsed > delay + SLACK => "exceeded",
        _ => "kept",
    }
}

fn summary(measurement: &Measurement, elapsed: Duration, delay: Duration) -> String {
    let all = |suffix: &str| {
        let fates: Vec<&str> = ["scope", "service", "tmux-server"]
            .iter()
            .map(|what| measurement.facts[&format!("{what}{suffix}")].as_str())
            .collect();
        match &fates[..] {
            [first, rest @ ..] if rest.iter().all(|other| other == first) => match *first {
                "lives" => "all live",
                _ => "all end",
            },
            _ => "some end",
        }
    };
    format!(
        "of a scope, a service and a tmux server, {} {:.1} s after the last session \
         (UserStopDelaySec={:.1} s); with lingering {}; after terminate-user {}",
        all(""),
        elapsed.as_secs_f64(),
        delay.as_secs_f64(),
        all("-lingering"),
        all("-terminated"),
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_end_before_the_delay_or_long_after_it_is_told() {
        let after =
            |milliseconds| kept(Duration::from_millis(milliseconds), Duration::from_millis(500));
        assert_eq!(after(400), "cut-short");
        assert_eq!(after(700), "kept");
        assert_eq!(after(2600), "exceeded");
    }
}
