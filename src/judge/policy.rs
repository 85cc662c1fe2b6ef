use std::collections::BTreeMap;
use std::ops::Range;
use std::path::PathBuf;

use jiff::civil::Date;
use serde::Deserialize;
use toml::Spanned;

use super::card::Severity;
use super::catalogue::Catalogue;
use super::judgement::Judgement;
use super::waiver::{Waiver, WaiverState};

/// Recorded decisions about a host: what to examine, and which findings to accept.
#[derive(Debug, Default)]
pub struct Policy {
    /// The file that it was read from, if there was one.
    pub file: Option<PathBuf>,
    /// The file that was found and not obeyed, and why.
    pub ignored: Option<String>,
    /// The slice in which the agents run.
    pub slice: Option<String>,
    /// The number of agents that are launched at once.
    pub fleet: Option<u32>,
    /// The work tree that agents share.
    pub repo: Option<PathBuf>,
    /// The lock files that agents share.
    pub lock: Vec<PathBuf>,
    /// Probes and groups to skip.
    pub skip: Vec<String>,
    /// The severity of a probe's findings, in place of the card's.
    pub severity: BTreeMap<String, Severity>,
    /// Findings that are accepted until a date.
    pub waivers: Vec<Waiver>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct File {
    slice: Option<String>,
    fleet: Option<u32>,
    repo: Option<PathBuf>,
    #[serde(default)]
    lock: Vec<PathBuf>,
    #[serde(default)]
    skip: Vec<Spanned<String>>,
    #[serde(default)]
    severity: BTreeMap<Spanned<String>, Severity>,
    #[serde(default, rename = "waiver")]
    waivers: Vec<FileWaiver>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct FileWaiver {
    probe: Spanned<String>,
    fact: Option<Spanned<String>>,
    reason: Spanned<String>,
    until: Spanned<toml::value::Datetime>,
}

/// A mistake that TOML itself cannot find, and where in the text it is.
struct Mistake {
    what: String,
    span: Range<usize>,
}

impl Policy {
    /// Applies it to the judgement of a probe, and returns the state of each of the probe's waivers.
    pub fn apply(
        &self,
        probe: &str,
        judgement: &mut Judgement,
        today: Date,
    ) -> Vec<(&Waiver, WaiverState)> {
        if let Some(severity) = self.severity.get(probe) {
            judgement.override_severity((*severity).into());
        }
        let waivers = self.waivers.iter().filter(|waiver| waiver.probe == probe);
        waivers.map(|waiver| (waiver, waiver.apply(judgement, today))).collect()
    }

    /// Reads a policy from its text.
    ///
    /// # Errors
    /// When it has a mistake. The message names line and column and shows the text there.
    pub fn parse(text: &str) -> Result<Self, String> {
        let file: File = toml::from_str(text).map_err(|error| error.to_string())?;
        Self::check(file).map_err(|mistake| show(text, &mistake))
    }

    fn check(file: File) -> Result<Self, Mistake> {
        for name in &file.skip {
            known(name, |name| Catalogue::select(&[name.into()], &[]).is_ok(), "probe or group")?;
        }
        for name in file.severity.keys() {
            known(name, is_probe, "probe")?;
        }
        let waivers = file.waivers.into_iter().map(FileWaiver::check).collect::<Result<_, _>>()?;
        Ok(Self {
            file: None,
            ignored: None,
            slice: file.slice.filter(|slice| !slice.is_empty()),
            fleet: file.fleet,
            repo: file.repo,
            lock: file.lock,
            skip: file.skip.into_iter().map(Spanned::into_inner).collect(),
            severity: file
                .severity
                .into_iter()
                .map(|(name, severity)| (name.into_inner(), severity))
                .collect(),
            waivers,
        })
    }
}

impl FileWaiver {
    fn check(self) -> Result<Waiver, Mistake> {
        known(&self.probe, is_probe, "probe")?;
        if let Some(fact) = &self.fact {
            let probe = self.probe.get_ref();
            known(fact, |fact| has_fact(probe, fact), &format!("fact of {probe}"))?;
        }
        if self.reason.get_ref().trim().is_empty() {
            let what = "a waiver needs a reason".into();
            return Err(Mistake { what, span: self.reason.span() });
        }
        let written = self.until.get_ref().to_string();
        let until: Date = written.parse().map_err(|_| Mistake {
            what: format!("`{written}` is not a date such as 2027-01-31"),
            span: self.until.span(),
        })?;
        Ok(Waiver {
            probe: self.probe.into_inner(),
            fact: self.fact.map(Spanned::into_inner),
            reason: self.reason.into_inner(),
            until,
        })
    }
}

fn known(
    name: &Spanned<String>,
    is_known: impl Fn(&str) -> bool,
    what: &str,
) -> Result<(), Mistake> {
    if is_known(name.get_ref()) {
        return Ok(());
    }
    Err(Mistake { what: format!("there is no {what} `{}`", name.get_ref()), span: name.span() })
}

fn is_probe(id: &str) -> bool {
    has_entry(id, |_| true)
}

fn has_fact(id: &str, fact: &str) -> bool {
    has_entry(id, |entry| entry.card.facts.contains_key(fact))
}

fn has_entry(id: &str, test: impl Fn(&super::Entry) -> bool) -> bool {
    Catalogue::select(&[id.to_owned()], &[])
        .is_ok_and(|found| found.entries().iter().any(|entry| entry.card.id == id && test(entry)))
}

/// Formats a mistake as the TOML parser does: line, column, and the text with a mark under it.
fn show(text: &str, mistake: &Mistake) -> String {
    let start = mistake.span.start.min(text.len());
    let line_start = text[..start].rfind('\n').map_or(0, |newline| newline + 1);
    let number = text[..start].matches('\n').count() + 1;
    let line = text[line_start..].lines().next().unwrap_or_default();
    let column = text[line_start..start].chars().count();
    let end = mistake.span.end.min(line_start + line.len()).max(start);
    let marks = text[start..end].chars().count().max(1);
    let gutter = " ".repeat(number.to_string().len());
    format!(
        "mistake at line {number}, column {}\n{gutter} |\n{number} | {line}\n{gutter} | {}{}\n{}",
        column + 1,
        " ".repeat(column),
        "^".repeat(marks),
        mistake.what
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    const WAIVER: &str = "[[waiver]]\nprobe = \"linger\"\nreason = \"the host is rebuilt nightly\"\nuntil = 2027-01-31\n";

    #[test]
    fn a_policy_says_what_to_examine_and_what_to_accept() {
        let text = format!(
            "slice = \"agents.slice\"\nfleet = 12\nskip = [\"tmux\"]\n[severity]\nlinger = \"warn\"\n{WAIVER}"
        );
        let policy = Policy::parse(&text).unwrap();
        assert_eq!((policy.slice.as_deref(), policy.fleet), (Some("agents.slice"), Some(12)));
        assert_eq!(policy.severity["linger"], Severity::Warn);
        assert_eq!(policy.waivers[0].until, jiff::civil::date(2027, 1, 31));
    }

    #[test]
    fn a_mistake_is_shown_under_the_text() {
        let text = WAIVER.replace("linger", "lingr");
        assert_eq!(
            Policy::parse(&text).unwrap_err(),
            "mistake at line 2, column 9\n  |\n2 | probe = \"lingr\"\n  |         ^^^^^^^\nthere is no probe `lingr`"
        );
    }

    #[test]
    fn every_mistake_names_its_line() {
        for (text, line, what) in [
            (
                WAIVER.replace("reason = \"the host is rebuilt nightly\"\n", ""),
                "line 1",
                "missing field `reason`",
            ),
            (
                WAIVER.replace("the host is rebuilt nightly", " "),
                "line 3",
                "a waiver needs a reason",
            ),
            (WAIVER.replace("01-31", "02-30"), "line 4", "date"),
            (WAIVER.replace("2027-01-31", "\"soon\""), "line 4", "date"),
            (WAIVER.replace("probe", "prob"), "line 2", "unknown field `prob`"),
            (
                format!("{WAIVER}fact = \"nothing\"\n"),
                "line 5",
                "there is no fact of linger `nothing`",
            ),
            ("skip = [\"x\"]\n".into(), "line 1", "there is no probe or group `x`"),
            ("[severity]\nlinger = \"loud\"\n".into(), "line 2", "unknown variant `loud`"),
            ("[severity]\nlock = \"warn\"\n".into(), "line 2", "there is no probe `lock`"),
            ("fleet = -1\n".into(), "line 1", "invalid value"),
        ] {
            let error = Policy::parse(&text).unwrap_err();
            assert!(error.contains(line) && error.contains(what), "{text}\n{error}");
        }
    }
}
