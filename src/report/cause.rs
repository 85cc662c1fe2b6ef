use super::model::{ProbeReport, Report};
use crate::judge::Verdict;
use crate::text::sanitize::one_line;
use crate::text::shorten::{shorten, shorten_commands};

/// The longest command line in a reason, in characters.
const COMMAND_LIMIT: usize = 60;
/// The longest reason, in characters: about three lines of a terminal.
const REASON_LIMIT: usize = 240;

/// Why probes gave no answer. Probes with the same cause are one line of a report.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Cause {
    /// A service or program that they need, by its name in a sentence, is missing or does not answer.
    Need(String),
    /// PID 1 is not systemd.
    NoSystemd,
    /// The user did not ask for it: what would have to be given is in these words.
    NotAsked(&'static str),
    /// A program that is not in PATH.
    NoProgram(String),
    /// A program that did not end in time.
    Timeout(String),
    /// Any other reason, in its own words.
    Reason(String),
}

/// The longest reason why something that many probes need is missing, in characters.
const NEED_LIMIT: usize = 90;

/// Parts of the reasons of probes that the user did not ask for.
const NOT_ASKED: [(&str, &str); 3] = [
    ("--slice", "no --slice"),
    ("--repo", "no --repo"),
    ("only the lab measures it", "measured only in the lab"),
];

/// How a reason begins where there is no systemd.
const NO_SYSTEMD: &str = "PID 1 is not systemd";

impl Cause {
    /// Returns the cause of a probe that gave no answer.
    pub(super) fn of(probe: &ProbeReport) -> Self {
        let reason = probe.reason.as_deref().unwrap_or(&probe.summary);
        if let Some(blocker) = &probe.blocked_by {
            return Self::Need(one_line(&blocker.name));
        }
        if reason.starts_with(NO_SYSTEMD) {
            return Self::NoSystemd;
        }
        if let Some(program) = reason.strip_suffix(" is not in PATH") {
            return Self::NoProgram(one_line(program));
        }
        if let Some(program) = timed_out_program(reason) {
            return Self::Timeout(one_line(program));
        }
        match NOT_ASKED.into_iter().find(|(part, _)| reason.contains(part)) {
            Some((_, label)) if probe.verdict == Verdict::Skipped => Self::NotAsked(label),
            _ => Self::Reason(shown_reason(reason)),
        }
    }
}

/// Returns the program of a command that was killed at its deadline: "`systemd-run …` was still running after 5.0 s".
/// Where env(1) starts it, that is not the program. `None` where the command is shortened before it.
fn timed_out_program(reason: &str) -> Option<&str> {
    let (command, rest) = reason.strip_prefix('`')?.split_once("` ")?;
    if !rest.starts_with("was still running") {
        return None;
    }
    let mut words = command.split_whitespace();
    loop {
        match words.next()? {
            // The name of a variable that is unset follows.
            "-u" if words.next()? == "…" => return None,
            "-u" | "env" => {}
            word if word.contains('=') => {}
            word => return (word != "…").then_some(word),
        }
    }
}

/// Probes that gave no answer for one cause.
pub(super) struct CauseGroup<'a> {
    pub(super) cause: Cause,
    pub(super) probes: Vec<&'a ProbeReport>,
}

impl<'a> CauseGroup<'a> {
    /// Groups the probes with a verdict by their cause, the largest group first.
    pub(super) fn all(report: &'a Report, verdict: Verdict) -> Vec<Self> {
        let mut groups: Vec<Self> = Vec::new();
        let is_systemd_missing = report
            .probes
            .iter()
            .any(|probe| is_without_answer(probe) && Cause::of(probe) == Cause::NoSystemd);
        for probe in report.probes.iter().filter(|probe| probe.verdict == verdict) {
            let cause = match Cause::of(probe) {
                // Without systemd there is no manager either.
                Cause::Need(_) if is_systemd_missing && is_manager(probe) => Cause::NoSystemd,
                cause => cause,
            };
            match groups.iter_mut().find(|group| group.cause == cause) {
                Some(group) => group.probes.push(probe),
                None => groups.push(Self { cause, probes: vec![probe] }),
            }
        }
        groups.sort_by_key(|group| std::cmp::Reverse(group.probes.len()));
        groups
    }

    /// Says which probes gave no answer, and why, in one line.
    pub(super) fn line(&self) -> String {
        match (&self.cause, self.probes.as_slice()) {
            (Cause::Need(need), probes) => {
                let subject = match probes {
                    [only] => format!("{} needs", only.id),
                    many => format!("{} probes need", many.len()),
                };
                format!("{subject} {need}{}", self.what_is_wrong(need))
            }
            (Cause::NoSystemd, [only]) => format!("{} needs systemd as PID 1", only.id),
            (Cause::NoSystemd, many) => format!("{} probes need systemd as PID 1", many.len()),
            (Cause::NoProgram(program), [only]) => format!("{} needs {program} in PATH", only.id),
            (Cause::NoProgram(program), many) => {
                format!("{} probes need {program} in PATH", many.len())
            }
            (Cause::Timeout(program), many) if many.len() > 1 => {
                format!("{} probes got no answer from {program}: {}", many.len(), self.reason())
            }
            (_, probes) if probes.len() <= 3 => format!("{}: {}", self.ids(), self.reason()),
            (_, many) => format!("{} probes: {}", many.len(), self.reason()),
        }
    }

    /// Returns what the reason says of a need: `, which does not answer`.
    fn what_is_wrong(&self, need: &str) -> String {
        let reason = self.reason();
        let Some(rest) = reason.strip_prefix(need) else {
            return format!(" ({})", shorten(&reason, NEED_LIMIT));
        };
        match rest.trim_start().split_once(": ") {
            // That a command was killed is no news.
            Some((verb, why)) if why.starts_with('`') => {
                let answers = why.rsplit_once("; ").map(|(_, rest)| format!("; {rest}"));
                format!(
                    ", which {verb}{}",
                    answers.filter(|it| !it.contains('`')).unwrap_or_default()
                )
            }
            Some((verb, why)) => format!(", which {verb} ({})", shorten(why, NEED_LIMIT)),
            None => format!(", which {}", rest.trim_start()),
        }
    }

    /// Names the probes.
    pub(super) fn ids(&self) -> String {
        self.probes.iter().map(|probe| probe.id.as_str()).collect::<Vec<_>>().join(", ")
    }

    /// Returns the reason of the first probe, short enough to be read.
    pub(super) fn reason(&self) -> String {
        let first =
            self.probes.first().map(|probe| probe.reason.as_ref().unwrap_or(&probe.summary));
        first.map_or_else(String::new, |reason| shown_reason(reason))
    }
}

fn is_manager(probe: &ProbeReport) -> bool {
    probe.blocked_by.as_ref().is_some_and(|blocker| blocker.need == "manager")
}

fn is_without_answer(probe: &ProbeReport) -> bool {
    matches!(probe.verdict, Verdict::Skipped | Verdict::Unmeasured)
}

/// Returns a reason in one line, with long command lines and what is still too long shortened in the middle.
pub(super) fn shown_reason(reason: &str) -> String {
    shorten(&shorten_commands(&one_line(reason), COMMAND_LIMIT), REASON_LIMIT)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_program_that_did_not_end_is_named_also_where_env_starts_it() {
        for command in [
            "systemd-run --user -- true",
            "env A=b C=d systemd-run --user -- true",
            "env -u GIT_DIR -u GIT_WORK_TREE A=b systemd-run … true",
        ] {
            let reason = format!("`{command}` was still running after 3.0 s and was killed");
            assert_eq!(timed_out_program(&reason), Some("systemd-run"));
        }
        let shortened =
            "`env -u GIT_DIR -u … ne pull` was still running after 3.0 s and was killed";
        assert_eq!(timed_out_program(shortened), None);
        assert_eq!(timed_out_program("`git pull` wrote more than 16 MiB and was killed"), None);
        assert_eq!(timed_out_program("it gave no answer within 10.0 s"), None);
    }
}
