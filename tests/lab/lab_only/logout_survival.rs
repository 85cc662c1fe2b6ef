use std::time::{Duration, Instant};

use launch_probes::exec::{Output, PidFd};
use launch_probes::host::logind::{Object, Query, time, unreachable_reason};
use launch_probes::host::{Access, Manager};
use launch_probes::sandbox::Fact;
#[cfg(test)]
use launch_probes::sandbox::FactDecl;
use launch_probes::{Measurement, NotMeasured, fact_values};
use nix::unistd::geteuid;

use super::lab_user::{LabUser, Leftover, Started};

/// A scope, a service and a tmux server in a scope.
type Facts = [Fact<Survival>; 3];

const WITHOUT_LINGERING: Facts =
    [Fact::new("scope"), Fact::new("service"), Fact::new("tmux-server")];
const LINGERING: Facts = [
    Fact::new("scope-lingering"),
    Fact::new("service-lingering"),
    Fact::new("tmux-server-lingering"),
];
const TERMINATED: Facts = [
    Fact::new("scope-terminated"),
    Fact::new("service-terminated"),
    Fact::new("tmux-server-terminated"),
];
const DELAY: Fact<Delay> = Fact::new("delay");
const SCOPE_BESIDE_LEFTOVER: Fact<Survival> = Fact::new("scope-beside-leftover");
const MANAGER_TERMINATED: Fact<Survival> = Fact::new("manager-terminated");
const LINGER_TERMINATED: Fact<Survival> = Fact::new("linger-terminated");
const LEFTOVER_TERMINATED: Fact<Survival> = Fact::new("leftover-terminated");

/// Every fact that the program gives.
#[cfg(test)]
pub(crate) const FACTS: &[FactDecl] = &[
    WITHOUT_LINGERING[0].decl(),
    WITHOUT_LINGERING[1].decl(),
    WITHOUT_LINGERING[2].decl(),
    LINGERING[0].decl(),
    LINGERING[1].decl(),
    LINGERING[2].decl(),
    TERMINATED[0].decl(),
    TERMINATED[1].decl(),
    TERMINATED[2].decl(),
    DELAY.decl(),
    SCOPE_BESIDE_LEFTOVER.decl(),
    MANAGER_TERMINATED.decl(),
    LINGER_TERMINATED.decl(),
    LEFTOVER_TERMINATED.decl(),
];

fact_values! {
    /// What happens to a process, a unit or a file.
    pub(crate) enum Survival {
        KeepsRunning = "lives",
        Ends = "ends",
    }
}

fact_values! {
    /// Whether the units end after `UserStopDelaySec`, and not long after it.
    pub(crate) enum Delay {
        Kept = "kept",
        CutShort = "cut-short",
        Exceeded = "exceeded",
    }
}

/// The longest `UserStopDelaySec` that is accepted.
const MAX_DELAY: Duration = Duration::from_secs(2);
/// How long after `UserStopDelaySec` the units may end.
const SLACK: Duration = Duration::from_secs(2);

/// Logs in three users and ends their sessions, one of them with lingering and one with a process
/// left in the session.
///
/// # Errors
/// When it does not run as root, the users or the settings of logind are not as it needs them, or a
/// command fails.
pub(crate) fn measure(names: &[String], deadline: Instant) -> Result<Measurement, NotMeasured> {
    if !geteuid().is_root() {
        return Err(NotMeasured::Skipped("it needs root".into()));
    }
    let delay = stop_delay(Access { manager: Manager::System, deadline })?;
    let [plain, lingering, leaving] = names else {
        return Err(NotMeasured::Skipped("it needs the names of three users".into()));
    };
    let mut plain = LabUser::new(plain, deadline)?;
    let mut lingering = LabUser::new(lingering, deadline)?;
    let mut leaving = LabUser::new(leaving, deadline)?;
    lingering.loginctl("enable-linger")?;

    let mut sessions = [
        plain.log_in(Leftover::Nothing)?,
        lingering.log_in(Leftover::Nothing)?,
        leaving.log_in(Leftover::Process)?,
    ];
    let [first, second, third] = &mut sessions;
    let of_plain = plain.wait_started(first)?;
    let of_lingering = lingering.wait_started(second)?;
    let of_leaving = leaving.wait_started(third)?;
    let [first, second, third] = sessions;
    let (logged_out, left_behind) = (second.log_out()?, third.log_out()?);
    // The user without lingering logs out last: once its units have ended, the delay of the others
    // is over as well.
    let last = first.log_out()?;
    let clock = Instant::now();

    let mut measurement = Measurement::default();
    let latest = clock + delay + SLACK;
    of_plain.record(&mut measurement, WITHOUT_LINGERING, &last, |process| process.wait(latest));
    let elapsed = clock.elapsed();
    measurement.set_from(DELAY, Delay::of(elapsed, delay), &last);
    let has_manager = lingering.has_manager()?;
    of_lingering.record(&mut measurement, LINGERING, &logged_out, |process| {
        process.has_exited() || !has_manager
    });
    let has_manager = leaving.has_manager()?;
    let has_ended = of_leaving.scope.has_exited() || !has_manager;
    measurement.set_from(SCOPE_BESIDE_LEFTOVER, has_ended.into(), &left_behind);

    let terminated = lingering.loginctl("terminate-user")?;
    let terminated_too = leaving.loginctl("terminate-user")?;
    lingering.wait_for_jobs()?;
    leaving.wait_for_jobs()?;
    of_lingering.record(&mut measurement, TERMINATED, &terminated, PidFd::has_exited);
    let has_ended = !lingering.has_manager()?;
    measurement.set_from(MANAGER_TERMINATED, has_ended.into(), &terminated);
    let has_ended = !lingering.has_linger_file();
    measurement.set_from(LINGER_TERMINATED, has_ended.into(), &terminated);
    let has_ended = of_leaving.leftover.as_ref().is_none_or(PidFd::has_exited);
    measurement.set_from(LEFTOVER_TERMINATED, has_ended.into(), &terminated_too);
    measurement.detail("elapsed", format!("{:.1}", elapsed.as_secs_f64()));
    measurement.detail("delay", format!("{:.1}", delay.as_secs_f64()));
    Ok(measurement)
}

impl Started {
    /// Records what happened to a scope, a service and a tmux server.
    fn record(
        &self,
        measurement: &mut Measurement,
        facts: Facts,
        run: &Output,
        has_ended: impl Fn(&PidFd) -> bool,
    ) {
        for (fact, process) in facts.into_iter().zip([&self.scope, &self.service, &self.server]) {
            measurement.set_from(fact, has_ended(process).into(), run);
        }
    }
}

/// Returns how long logind waits after a user's last session, if it is set as the measurement needs
/// it.
fn stop_delay(access: Access) -> Result<Duration, NotMeasured> {
    let settings = Query::start(access, Object::Manager)?.wait()?;
    let delay = settings.get_u64("UserStopDelayUSec").map(Duration::from_micros);
    match (delay, settings.get_bool("KillUserProcesses")) {
        (None, _) | (_, None) => Err(unreachable_reason(access, &settings.run, "").into()),
        (_, Some(true)) => Err(NotMeasured::Skipped("KillUserProcesses=yes".into())),
        (Some(delay), _) if delay.is_zero() || delay > MAX_DELAY => {
            let (set, most) = (delay.as_micros(), MAX_DELAY.as_secs());
            let set = time(u64::try_from(set).unwrap_or(u64::MAX));
            Err(NotMeasured::Skipped(format!(
                "UserStopDelaySec is {set}, not above 0 and up to {most} s"
            )))
        }
        (Some(delay), _) => Ok(delay),
    }
}

impl From<bool> for Survival {
    fn from(has_ended: bool) -> Self {
        if has_ended { Self::Ends } else { Self::KeepsRunning }
    }
}

impl Delay {
    fn of(elapsed: Duration, delay: Duration) -> Self {
        match elapsed {
            // The clock starts when the session's process has exited, a moment before logind's.
            _ if elapsed < delay => Self::CutShort,
            _ if elapsed > delay + SLACK => Self::Exceeded,
            _ => Self::Kept,
        }
    }
}

#[cfg(test)]
mod tests {
    use launch_probes::sandbox::FactValues;

    use super::*;

    #[test]
    fn an_end_before_the_delay_or_long_after_it_is_distinguished() {
        let delay = |elapsed| {
            Delay::of(Duration::from_millis(elapsed), Duration::from_millis(500)).as_str()
        };
        assert_eq!(("delay", delay(400)), ("delay", "cut-short"));
        assert_eq!(("delay", delay(700)), ("delay", "kept"));
        assert_eq!(("delay", delay(2600)), ("delay", "exceeded"));
    }
}
