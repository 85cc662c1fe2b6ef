use anyhow::Context;
use launch_probes::runner::RunError;

use super::run::{Live, Run};
use crate::cli::Cli;
use crate::config::RunConfig;
use crate::diagnose::{Confirmation, Diagnosis};
use crate::exit::FailOn;
use crate::judge::{Baseline, Platform, Verdict};

/// Runs the probes of the failure modes that were found, and notes what each says of this host.
///
/// # Errors
/// When the probes cannot be run.
pub(super) fn confirm(diagnosis: &mut Diagnosis) -> anyhow::Result<()> {
    let names: Vec<String> =
        diagnosis.findings.iter().map(|finding| finding.mode.clone()).collect();
    if names.is_empty() {
        return Ok(());
    }
    let cli = Cli::from_args(&["doctor".into()]).map_err(|error| anyhow::anyhow!("{error}"))?;
    let options = cli.options.examine;
    let config = RunConfig::new(&names, &options, None)?;
    let run = match Run::execute(&config, Live::Progress) {
        Ok(run) => run,
        Err(RunError::Interrupted(_)) => return Ok(()),
        Err(error) => return Err(error).context("the probes could not be run"),
    };
    let versions = run.versions.clone();
    let platform = Platform { versions: &versions, manager: config.settings.manager };
    let report = run.report(&config, Baseline::Cards(platform), FailOn::Never);
    for finding in &mut diagnosis.findings {
        let probe = report.probes.iter().find(|probe| probe.id == finding.mode);
        finding.confirm = Some(match probe.map(|probe| probe.verdict) {
            Some(Verdict::Known | Verdict::Warn | Verdict::Fail | Verdict::Waived) => {
                Confirmation::StillSo
            }
            Some(Verdict::Ok | Verdict::Relaxable | Verdict::Regressed) => Confirmation::NotHereNow,
            Some(Verdict::Skipped | Verdict::Unmeasured) | None => Confirmation::NotMeasured,
        });
    }
    Ok(())
}
