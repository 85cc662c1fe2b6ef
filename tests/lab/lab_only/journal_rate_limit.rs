use std::process;
use std::time::Instant;

use launch_probes::exec::{Command, CommandError, Output};
use launch_probes::host::journal::{self, Entry};
use launch_probes::host::{Access, Manager};
use launch_probes::sandbox::Fact;
#[cfg(test)]
use launch_probes::sandbox::FactDecl;
use launch_probes::{Measurement, NotMeasured, fact_values};

fact_values! {
    /// Whether the journal shows an entry to the user.
    pub(crate) enum Presence {
        Present = "there",
        Missing = "missing",
    }
}

const SUCCESS: Fact<Presence> = Fact::new("success");
const FAILURE: Fact<Presence> = Fact::new("failure");
const SUPPRESSED: Fact<Presence> = Fact::new("suppressed");
const OWN_SETTING: Fact<Presence> = Fact::new("own-setting");
const OUTPUT_TO_FILE: Fact<Presence> = Fact::new("output-to-file");

/// Every fact that is given.
#[cfg(test)]
pub(crate) const FACTS: &[FactDecl] =
    &[SUCCESS.decl(), FAILURE.decl(), SUPPRESSED.decl(), OWN_SETTING.decl(), OUTPUT_TO_FILE.decl()];

/// What journald must be set to, so that two seconds show what half a minute would. It multiplies the burst by up to
/// six if there is much space (systemd, src/journal/journald-rate-limit.c, `burst_modulate`).
const NEEDED: [&str; 2] = ["RateLimitIntervalSec=2s", "RateLimitBurst=100"];
/// After how many floods in a row an entry is there that no flood erases: the interval of the limit may end between a
/// flood and the entry.
const FLOODS: usize = 4;
/// Far more lines than the burst, and more bytes than a socket holds, so that journald has read most of them when
/// the last is written.
const CHATTER: &str = "yes 'an agent that prints much, a hundred bytes in each of its lines, as a compiler does it \
                       all day long' | head -n 20000";
/// The message id of "Suppressed N messages" (systemd, src/systemd/sd-messages.h, `SD_MESSAGE_JOURNAL_DROPPED`).
const LINES_DROPPED: &str = "MESSAGE_ID=a596d6fe7bfa4994828e72309e95d61e";

/// Floods the calling user's journal by one unit, and looks what it has about others.
///
/// # Errors
/// When journald is not set as it needs it, the journal shows nothing to begin with, or a command fails.
pub(crate) fn measure(_: &[String], deadline: Instant) -> Result<Measurement, NotMeasured> {
    let mut user = User { deadline, launches: 0 };
    let config =
        user.command("systemd-analyze").args(["cat-config", "systemd/journald.conf"]).run()?;
    if let Some(missing) =
        NEEDED.iter().find(|line| !config.stdout_text().lines().any(|it| it == **line))
    {
        return Err(NotMeasured::Skipped(format!("journald.conf has no {missing}")));
    }

    let mut measurement = Measurement::default();
    let (flood, success) = user.success_after_flood(&[])?;
    measurement.set_from(SUCCESS, success, &flood);
    measurement.set_from(FAILURE, user.presence_of_failure()?, &flood);
    user.wait_until_shown()?;
    let dropped = user.journalctl().arg(LINES_DROPPED).run()?;
    measurement.set_from(SUPPRESSED, Presence::of(!dropped.stdout_text().is_empty()), &dropped);

    let (flood, success) = user.success_after_flood(&["--property=LogRateLimitIntervalSec=0"])?;
    measurement.set_from(OWN_SETTING, success, &flood);

    let file = tempfile::NamedTempFile::new()?;
    let output = format!("--property=StandardOutput=append:{}", file.path().display());
    let (flood, success) =
        user.success_after_flood(&[&output, "--property=StandardError=inherit"])?;
    measurement.set_from(OUTPUT_TO_FILE, success, &flood);
    Ok(measurement)
}

/// The calling user, who launches units and reads about them.
struct User {
    deadline: Instant,
    launches: usize,
}

impl User {
    fn access(&self) -> Access {
        Access { manager: Manager::User, deadline: self.deadline }
    }

    fn command(&self, program: &str) -> Command {
        Command::new(program, self.deadline)
    }

    fn journalctl(&self) -> Command {
        self.command("journalctl").args(["--user", "--quiet", "--no-pager", "--output=cat"])
    }

    /// Launches a unit and waits for its end. Returns its name.
    fn launch(&mut self, options: &[&str], script: &str) -> Result<(String, Output), CommandError> {
        self.launches += 1;
        let unit = format!("journal_rate_limit_{}_{}.service", process::id(), self.launches);
        let run = self
            .command("systemd-run")
            .args(["--user", "--quiet", "--collect", "--wait", &format!("--unit={unit}")])
            .args(options)
            .args(["--", "sh", "-c", script])
            .run()?;
        Ok((unit, run))
    }

    fn flood(&mut self, options: &[&str]) -> Result<Output, NotMeasured> {
        let (_, run) = self.launch(options, CHATTER)?;
        if !run.success() {
            return Err(NotMeasured::Unmeasured(format!("no flood: {}", run.error_summary())));
        }
        Ok(run)
    }

    /// Floods several times, and returns whether the journal has the end of a unit that succeeds right after each.
    fn success_after_flood(&mut self, options: &[&str]) -> Result<(Output, Presence), NotMeasured> {
        let mut floods = 1;
        loop {
            self.wait_until_shown()?;
            let flood = self.flood(options)?;
            let success = self.presence_of_success()?;
            if success == Presence::Missing || floods == FLOODS {
                return Ok((flood, success));
            }
            floods += 1;
        }
    }

    /// Returns whether the journal has the end of a unit that succeeds now.
    fn presence_of_success(&mut self) -> Result<Presence, NotMeasured> {
        let (unit, _) = self.launch(&["--service-type=oneshot"], "true")?;
        Ok(Presence::of(journal::wait_for(self.access(), &unit, Entry::Started)?))
    }

    /// Returns whether the journal has the failure of a unit that fails now.
    fn presence_of_failure(&mut self) -> Result<Presence, NotMeasured> {
        let (unit, _) = self.launch(&[], "false")?;
        Ok(Presence::of(journal::wait_for(self.access(), &unit, Entry::Failed)?))
    }

    /// Launches units until the journal shows one: journald does not announce the end of an interval.
    fn wait_until_shown(&mut self) -> Result<(), NotMeasured> {
        while Instant::now() < self.deadline {
            if self.presence_of_success()? == Presence::Present {
                return Ok(());
            }
        }
        Err(NotMeasured::Unmeasured(
            "the journal shows no unit in an interval without a flood".into(),
        ))
    }
}

impl Presence {
    fn of(is_present: bool) -> Self {
        if is_present { Self::Present } else { Self::Missing }
    }
}
