use jiff::civil::Date;
use schemars::JsonSchema;
use serde::Serialize;

use super::judgement::Judgement;
use super::verdict::Verdict;

/// A recorded decision to accept a verdict until a date.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Waiver {
    /// The probe whose findings are accepted.
    pub probe: String,
    /// The fact whose finding is accepted; all facts, if there is none.
    pub fact: Option<String>,
    /// The reason.
    pub reason: String,
    /// The last day on which it applies.
    pub until: Date,
}

/// The state of a waiver after a run.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum WaiverState {
    /// It applied: a finding is `waived`.
    Used,
    /// Its date has passed, so it did not apply.
    Expired,
    /// There was no finding to accept.
    Stale,
}

impl Waiver {
    /// Accepts its findings in a judgement of its probe, if its date has not passed.
    pub fn apply(&self, judgement: &mut Judgement, today: Date) -> WaiverState {
        let is_named = |fact: &str| self.fact.as_deref().is_none_or(|waived| waived == fact);
        let mut waived =
            judgement.findings.iter_mut().filter(|finding| is_named(&finding.fact)).peekable();
        if waived.peek().is_none() {
            return WaiverState::Stale;
        }
        if today > self.until {
            return WaiverState::Expired;
        }
        for finding in waived {
            finding.verdict = Verdict::Waived;
            finding.text =
                format!("{} Accepted until {}: {}", finding.text, self.until, self.reason);
        }
        judgement.recompute();
        WaiverState::Used
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::judge::Finding;
    use jiff::civil::date;

    fn judgement(findings: &[(&str, Verdict)]) -> Judgement {
        Judgement {
            summary: None,
            verdict: findings.iter().map(|(_, verdict)| *verdict).max().unwrap(),
            extrapolated: false,
            expected: std::collections::BTreeMap::default(),
            reason: None,
            findings: findings
                .iter()
                .map(|(fact, verdict)| Finding {
                    fact: (*fact).into(),
                    verdict: *verdict,
                    measured: "off".into(),
                    expected: None,
                    text: "It is off.".into(),
                })
                .collect(),
            look: Vec::new(),
            fix: Vec::new(),
        }
    }

    fn waiver(fact: Option<&str>) -> Waiver {
        Waiver {
            probe: "linger".into(),
            fact: fact.map(str::to_owned),
            reason: "rebuilt nightly".into(),
            until: date(2027, 1, 31),
        }
    }

    #[test]
    fn a_waived_finding_is_still_shown_with_its_reason() {
        let mut judgement = judgement(&[("logind", Verdict::Fail)]);
        assert_eq!(waiver(None).apply(&mut judgement, date(2027, 1, 31)), WaiverState::Used);
        assert_eq!(judgement.verdict, Verdict::Waived);
        assert_eq!(
            judgement.findings[0].text,
            "It is off. Accepted until 2027-01-31: rebuilt nightly"
        );
    }

    #[test]
    fn a_waiver_of_one_fact_does_not_apply_to_others() {
        let mut judgement = judgement(&[("logind", Verdict::Fail), ("file", Verdict::Warn)]);
        assert_eq!(
            waiver(Some("logind")).apply(&mut judgement, date(2027, 1, 1)),
            WaiverState::Used
        );
        assert_eq!(judgement.verdict, Verdict::Warn);
    }

    #[test]
    fn an_expired_or_stale_waiver_changes_nothing() {
        let before = judgement(&[("logind", Verdict::Fail)]);
        let mut after = before.clone();
        assert_eq!(waiver(None).apply(&mut after, date(2027, 2, 1)), WaiverState::Expired);
        assert_eq!(waiver(Some("file")).apply(&mut after, date(2027, 1, 1)), WaiverState::Stale);
        assert_eq!(after, before);
    }
}
