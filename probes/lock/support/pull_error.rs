use crate::fact_values;
use crate::sandbox::FactValues;

fact_values! {
    /// Why a pull failed, by its message. The best known reason comes first.
    #[derive(PartialOrd, Ord)]
    pub(crate) enum PullError {
        MultipleBranches = "multiple-branches",
        RefLock = "ref-lock",
        IndexLock = "index-lock",
        Other = "other",
    }
}

impl PullError {
    /// Returns the first reason that is found in the standard error of `git pull`.
    pub(crate) fn of(stderr: &str) -> Self {
        let contains = |part| stderr.contains(part);
        if contains("Cannot rebase onto multiple branches") {
            Self::MultipleBranches
        } else if contains("cannot lock ref") || contains("incorrect old value") {
            Self::RefLock
        } else if contains(".lock': File exists") {
            Self::IndexLock
        } else {
            Self::Other
        }
    }

    /// Returns how often each reason occurs, such as `multiple-branches 4, ref-lock 1`.
    pub(crate) fn counts(errors: &[Self]) -> String {
        let all = [Self::MultipleBranches, Self::RefLock, Self::IndexLock, Self::Other];
        let counts = all.into_iter().filter_map(|reason| {
            let count = errors.iter().filter(|error| **error == reason).count();
            (count > 0).then(|| format!("{} {count}", reason.as_str()))
        });
        counts.collect::<Vec<_>>().join(", ")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_failed_pull_is_classified_by_its_message() {
        for (stderr, expected) in [
            ("fatal: Cannot rebase onto multiple branches.", ("message", "multiple-branches")),
            (
                "error: cannot lock ref 'refs/remotes/origin/main': is at 1 but expected 2",
                ("message", "ref-lock"),
            ),
            (
                "error: fetching ref refs/remotes/origin/main failed: incorrect old value provided",
                ("message", "ref-lock"),
            ),
            (
                "fatal: Unable to create '/w/.git/index.lock': File exists.",
                ("message", "index-lock"),
            ),
            ("warning: fetch updated the current branch head.", ("message", "other")),
        ] {
            assert_eq!(("message", PullError::of(stderr).as_str()), expected);
        }
    }

    #[test]
    fn reasons_are_counted_and_absent_ones_left_out() {
        let errors = [PullError::RefLock, PullError::MultipleBranches, PullError::RefLock];
        assert_eq!(PullError::counts(&errors), "multiple-branches 1, ref-lock 2");
        assert_eq!(PullError::counts(&[]), "");
    }
}
