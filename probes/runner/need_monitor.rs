use std::collections::{BTreeMap, BTreeSet};
use std::os::fd::BorrowedFd;
use std::path::Path;
use std::time::{Duration, Instant};

use super::confined_needs::{confinement_of, is_cut_off};
use super::health_check::{Health, HealthCheck};
use super::{Blocker, Need};
use crate::host::{Confinement, Manager, ManagerStatus};
use crate::sandbox::{
    BENT_SCOPES, BENT_SERVICES, NotMeasured, Outcome, RunId, unreachable_manager,
};

/// How many times longer health checks may take with a manager that has very many units: it is slow, and not hung.
const LARGE_MANAGER_PATIENCE: u32 = 4;

/// What is known about the needs of a run's probes. A need is checked when a probe that depends on it is slow
/// or gave no answer.
pub(crate) struct NeedMonitor<'a> {
    manager: Manager,
    run: &'a RunId,
    dir: &'a Path,
    deadline: Instant,
    probe_timeout: Duration,
    checks: Vec<HealthCheck>,
    health: BTreeMap<Need, Health>,
    /// The reason that a probe which requires the manager gives, if the manager refused an answer.
    unreachable: Option<String>,
    /// What confines doctor, and what it says about that.
    confinement: Option<(Confinement, Blocker)>,
    /// Whether the probe that shows what bends launches has not ended.
    awaits_control: bool,
    /// Whether a check was killed that had asked the manager for a unit.
    pub(crate) has_pending_unit: bool,
    /// Whether a check has started a unit.
    pub(crate) has_units: bool,
}

impl<'a> NeedMonitor<'a> {
    /// Creates the monitor of a run that ends at `deadline`, and whose probes may take `probe_timeout` each.
    pub(crate) fn new(
        manager: Manager,
        status: &ManagerStatus,
        run: &'a RunId,
        dir: &'a Path,
        deadline: Instant,
        probe_timeout: Duration,
    ) -> Self {
        let patience = if status.is_large() { LARGE_MANAGER_PATIENCE } else { 1 };
        let mut monitor = Self {
            manager,
            run,
            dir,
            deadline,
            probe_timeout: probe_timeout * patience,
            checks: Vec::new(),
            health: BTreeMap::new(),
            unreachable: None,
            confinement: confinement_of(manager),
            awaits_control: false,
            has_pending_unit: false,
            has_units: false,
        };
        match status {
            ManagerStatus::Running { .. } => {}
            // The check finds out whether the manager itself is to blame.
            ManagerStatus::Unreachable { timed_out: true, .. } => monitor.check(&[Need::Manager]),
            ManagerStatus::Unreachable { reason, .. } => {
                let text = unreachable_manager(manager, reason);
                monitor.health.insert(Need::Manager, Health::Failing(text.clone()));
                monitor.unreachable = Some(text);
            }
        }
        monitor
    }

    /// Starts a check of each of `needs`, and of what it depends on, unless one is running, the need is known to be
    /// unmet, or the need or what it depends on is known to be unresponsive.
    pub(crate) fn check(&mut self, needs: &[Need]) {
        for need in self.with_dependencies(needs) {
            let is_unmet = matches!(self.health.get(&need), Some(Health::Unmet(_)));
            let is_known = is_unmet
                || need.is_plain_launch()
                || self.is_unresponsive(need)
                || self.waits_for_another(need);
            if is_known || self.checks.iter().any(|check| check.need == need) {
                continue;
            }
            let Self { manager, run, dir, deadline, probe_timeout, .. } = *self;
            if let Ok(check) = HealthCheck::start(need, manager, run, dir, deadline, probe_timeout)
            {
                self.has_units |= need == Need::SystemdRun;
                self.checks.push(check);
            }
        }
    }

    /// Reports whether a check is running.
    pub(crate) fn is_checking(&self) -> bool {
        !self.checks.is_empty()
    }

    /// Reports whether one of `needs` is being checked: a probe that depends on it starts afterwards.
    pub(crate) fn holds(&self, needs: &[Need]) -> bool {
        if self.awaits_control && needs.iter().any(|need| need.is_plain_launch()) {
            return true;
        }
        let needs = self.with_dependencies(needs);
        self.checks.iter().any(|check| needs.contains(&check.need))
    }

    /// Holds back what needs plain launches until [`Self::control_ended`].
    pub(crate) fn await_control(&mut self) {
        self.awaits_control = true;
    }

    /// Takes the outcome of the probe that shows what bends launches.
    pub(crate) fn control_ended(&mut self, outcome: &Outcome) {
        self.awaits_control = false;
        let Outcome::Measured(measurement) = outcome else { return };
        for (need, key, units) in [
            (Need::PlainServices, BENT_SERVICES, "service"),
            (Need::PlainScopes, BENT_SCOPES, "scope"),
        ] {
            if let Some(bent) = measurement.details.get(key) {
                let reason = format!("every {units} is changed: {bent} (see launch-surroundings)");
                self.health.insert(need, Health::Unmet(Blocker { need, reason }));
            }
        }
    }

    /// Reports whether one of `needs` is the manager, or depends on it.
    pub(crate) fn involve_manager(&self, needs: &[Need]) -> bool {
        self.with_dependencies(needs).contains(&Need::Manager)
    }

    /// Returns the descriptors to poll.
    pub(crate) fn fds(&self) -> impl Iterator<Item = BorrowedFd<'_>> {
        self.checks.iter().flat_map(HealthCheck::fds)
    }

    /// Returns when the next check times out.
    pub(crate) fn next_deadline(&self) -> Option<Instant> {
        self.checks.iter().map(HealthCheck::deadline).min()
    }

    /// Handles checks that have a result. Says whether a need has become unresponsive.
    pub(crate) fn poll(&mut self) -> bool {
        // Causes come first, so that the health of a dependency is known before that of its dependents.
        self.checks.sort_by_key(|check| check.need);
        let mut has_changed = false;
        for mut check in std::mem::take(&mut self.checks) {
            let Some(health) = check.poll(self.manager) else {
                self.checks.push(check);
                continue;
            };
            if let Health::Unresponsive(blocker) = health {
                self.has_pending_unit |= check.need == Need::SystemdRun;
                if let Some(blocker) = self.root_cause(blocker) {
                    self.health.insert(check.need, Health::Unresponsive(blocker));
                    has_changed = true;
                }
            } else {
                self.health.insert(check.need, health);
            }
        }
        if has_changed {
            self.drop_launch_behind_manager();
        }
        has_changed
    }

    /// Ends the check of systemd-run, which takes longest, once its manager is known to be unresponsive.
    fn drop_launch_behind_manager(&mut self) {
        if !self.waits_for_another(Need::SystemdRun) {
            return;
        }
        let checks = self.checks.len();
        self.checks.retain(|check| check.need != Need::SystemdRun);
        self.has_pending_unit |= self.checks.len() < checks;
    }

    fn is_unresponsive(&self, need: Need) -> bool {
        matches!(self.health.get(&need), Some(Health::Unresponsive(_)))
    }

    /// Reports whether a check of `need` would wait for what it depends on.
    fn waits_for_another(&self, need: Need) -> bool {
        need.dependency().is_some_and(|dependency| self.is_unresponsive(dependency))
    }

    /// Returns what is to blame for a need that does not answer: the need itself, or what makes it hang.
    /// `None` for systemd-run with a manager that does not answer, because systemd-run works.
    fn root_cause(&self, silent: Blocker) -> Option<Blocker> {
        let Some(dependency) = silent.need.dependency() else { return Some(silent) };
        match self.health.get(&dependency) {
            Some(Health::Unresponsive(_)) if silent.need == Need::SystemdRun => None,
            Some(Health::Unresponsive(cause)) => Some(cause.clone()),
            Some(Health::Healthy) if silent.need == Need::SystemdRun => {
                let answers = format!("; {} answers", dependency.label(self.manager));
                Some(Blocker { need: silent.need, reason: silent.reason + &answers })
            }
            _ => Some(silent),
        }
    }

    /// Ends all checks at the run's deadline.
    pub(crate) fn stop(&mut self) {
        self.has_pending_unit |= self.checks.iter().any(|check| check.need == Need::SystemdRun);
        self.checks.clear();
    }

    /// Returns the first of `needs`, causes first, that does not answer.
    pub(crate) fn unresponsive(&self, needs: &[Need]) -> Option<Blocker> {
        self.first(needs, |_, health| match health {
            Health::Unresponsive(blocker) => Some(blocker.clone()),
            _ => None,
        })
    }

    /// Returns the first of `needs`, causes first, without which no probe can measure.
    pub(crate) fn unmet(&self, needs: &[Need]) -> Option<Blocker> {
        let is_confined = |confinement| needs.iter().any(|need| is_cut_off(confinement, *need));
        if let Some((_, blocker)) = self.confinement.as_ref().filter(|it| is_confined(it.0)) {
            return Some(blocker.clone());
        }
        self.first(needs, |_, health| match health {
            Health::Unmet(blocker) => Some(blocker.clone()),
            _ => None,
        })
    }

    /// Returns the broken need that explains why a probe with `needs` was not measured.
    pub(crate) fn blocker(&self, needs: &[Need], outcome: &Outcome) -> Option<Blocker> {
        let Outcome::NotMeasured(reason) = outcome else { return None };
        match reason {
            NotMeasured::Unmeasured(_) => self.unresponsive(needs).or_else(|| {
                self.first(needs, |need, health| match health {
                    Health::Failing(reason) => Some(Blocker { need, reason: reason.clone() }),
                    Health::Unmet(blocker) => Some(blocker.clone()),
                    _ => None,
                })
            }),
            NotMeasured::Skipped(text) => {
                let unmet = self.unmet(needs).filter(|blocker| blocker.reason == *text);
                unmet.or_else(|| self.missing(needs, text))
            }
        }
    }

    /// Returns the need that is missing on this host, if `reason` is what a probe says about that.
    fn missing(&self, needs: &[Need], reason: &str) -> Option<Blocker> {
        let is_reason = |need: &Need| match need {
            Need::Manager => self.unreachable.as_deref() == Some(reason),
            need => need.is_missing_by(reason),
        };
        let need = needs.iter().copied().find(is_reason)?;
        Some(Blocker { need, reason: reason.to_owned() })
    }

    /// Returns the blocker that `find` gives for the first of `needs`, causes first.
    fn first(
        &self,
        needs: &[Need],
        find: impl Fn(Need, &Health) -> Option<Blocker>,
    ) -> Option<Blocker> {
        let needs: BTreeSet<Need> = needs.iter().map(|it| it.for_manager(self.manager)).collect();
        needs.into_iter().find_map(|need| find(need, self.health.get(&need)?))
    }

    fn with_dependencies(&self, needs: &[Need]) -> BTreeSet<Need> {
        let needs = needs.iter().map(|need| need.for_manager(self.manager));
        needs.flat_map(Need::with_dependencies).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sandbox::Measurement;

    fn silent(need: Need) -> Blocker {
        Blocker { need, reason: format!("{} does not answer", need.label(Manager::User)) }
    }

    fn with_monitor(health: &[(Need, Health)], test: impl FnOnce(&mut NeedMonitor)) {
        let run = RunId::current().unwrap();
        let status = ManagerStatus::Running { version: "257".into(), names: 200 };
        let (dir, deadline) = (Path::new("/no/such"), Instant::now());
        let mut monitor =
            NeedMonitor::new(Manager::User, &status, &run, dir, deadline, Duration::ZERO);
        monitor.health = health.iter().cloned().collect();
        test(&mut monitor);
    }

    #[test]
    fn systemd_run_is_only_to_blame_if_its_manager_answers() {
        with_monitor(&[(Need::Manager, Health::Healthy)], |monitor| {
            let blocker = monitor.root_cause(silent(Need::SystemdRun)).unwrap();
            assert_eq!(blocker.need, Need::SystemdRun);
            assert!(blocker.reason.ends_with("; the user manager answers"), "{}", blocker.reason);
        });
        let manager = Health::Unresponsive(silent(Need::Manager));
        with_monitor(&[(Need::Manager, manager)], |monitor| {
            assert_eq!(monitor.root_cause(silent(Need::SystemdRun)), None);
        });
    }

    #[test]
    fn a_manager_that_hangs_with_the_system_bus_is_blocked_by_the_bus() {
        let bus = Health::Unresponsive(silent(Need::SystemBus));
        with_monitor(&[(Need::SystemBus, bus)], |monitor| {
            let blocker = monitor.root_cause(silent(Need::Manager));
            assert_eq!(blocker, Some(silent(Need::SystemBus)));
        });
        let no_bus = Health::Failing("the system bus fails".into());
        with_monitor(&[(Need::SystemBus, no_bus)], |monitor| {
            assert_eq!(monitor.root_cause(silent(Need::Manager)), Some(silent(Need::Manager)));
        });
    }

    #[test]
    fn only_a_probe_that_needs_the_service_is_blocked() {
        let bus = Health::Unresponsive(silent(Need::UserBus));
        with_monitor(&[(Need::UserBus, bus)], |monitor| {
            assert_eq!(monitor.unresponsive(&[Need::Manager, Need::Tmux]), None);
            let blocker = monitor.unresponsive(&[Need::SystemdRun, Need::UserBus]);
            assert_eq!(blocker, Some(silent(Need::UserBus)));
        });
    }

    #[test]
    fn a_service_that_fails_blocks_no_probe_and_explains_one_without_a_measurement() {
        let fails = Health::Failing("the user bus fails: no such file".into());
        with_monitor(&[(Need::UserBus, fails)], |monitor| {
            let needs = &[Need::UserBus];
            assert_eq!(monitor.unresponsive(needs), None);
            let unmeasured = Outcome::NotMeasured(NotMeasured::Unmeasured("refused".into()));
            let blocker = monitor.blocker(needs, &unmeasured).unwrap();
            assert_eq!(blocker.need, Need::UserBus);
            assert_eq!(monitor.blocker(&[Need::Tmux], &unmeasured), None);
        });
    }

    #[test]
    fn an_unmet_need_explains_a_probe_that_was_skipped_for_it_and_one_that_gave_no_answer() {
        let other = Blocker { need: Need::UserBus, reason: "the user bus is another's".into() };
        with_monitor(&[(Need::UserBus, Health::Unmet(other.clone()))], |monitor| {
            let needs = &[Need::SystemdRun, Need::UserBus];
            assert_eq!(monitor.unmet(needs), Some(other.clone()));
            assert_eq!(monitor.unmet(&[Need::SystemdRun]), None);
            assert_eq!(monitor.unresponsive(needs), None);
            let skipped = |text: &str| Outcome::NotMeasured(NotMeasured::Skipped(text.into()));
            assert_eq!(monitor.blocker(needs, &skipped(&other.reason)), Some(other.clone()));
            assert_eq!(monitor.blocker(needs, &skipped("no slice is named")), None);
            let unmeasured = Outcome::NotMeasured(NotMeasured::Unmeasured("refused".into()));
            assert_eq!(monitor.blocker(needs, &unmeasured), Some(other.clone()));
        });
    }

    #[test]
    fn a_sandbox_blocks_what_it_cuts_off_and_nothing_else() {
        let blocker = Blocker { need: Need::Caller, reason: "doctor is in a sandbox".into() };
        with_monitor(&[], |monitor| {
            assert_eq!(monitor.unmet(&[Need::Manager]), None);
            monitor.confinement = Some((Confinement::RuntimeDirHidden, blocker.clone()));
            assert_eq!(monitor.unmet(&[Need::Tmux, Need::Manager]), Some(blocker));
            assert_eq!(monitor.unmet(&[Need::Tmux]), None);
        });
    }

    #[test]
    fn what_bends_launches_is_awaited_and_skips_what_needs_plain_ones() {
        with_monitor(&[], |monitor| {
            let services = &[Need::Manager, Need::PlainServices];
            monitor.await_control();
            assert!(monitor.holds(services) && !monitor.holds(&[Need::Manager]));
            let mut measurement = Measurement::default();
            measurement.detail(BENT_SERVICES, "KillMode=none by /etc/x.conf");
            monitor.control_ended(&Outcome::Measured(measurement));
            assert!(!monitor.holds(services));
            let blocker = monitor.unmet(services).unwrap();
            assert!(blocker.reason.contains("KillMode=none by /etc/x.conf"), "{}", blocker.reason);
            assert_eq!(monitor.unmet(&[Need::PlainScopes]), None);
            let skipped = Outcome::NotMeasured(NotMeasured::Skipped(blocker.reason.clone()));
            assert_eq!(monitor.blocker(services, &skipped), Some(blocker));
        });
    }

    #[test]
    fn a_missing_program_explains_a_skipped_probe() {
        with_monitor(&[], |monitor| {
            let skipped = |text: &str| Outcome::NotMeasured(NotMeasured::Skipped(text.into()));
            let blocker = monitor.blocker(&[Need::Tmux], &skipped("tmux is not in PATH")).unwrap();
            assert_eq!(blocker.need, Need::Tmux);
            assert_eq!(monitor.blocker(&[Need::Tmux], &skipped("no slice is named")), None);
        });
    }
}
