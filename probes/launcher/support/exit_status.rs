use crate::exec::Output;
use crate::fact_values;

fact_values! {
    /// Whether a command reported success.
    pub(crate) enum ExitStatus {
        Zero = "zero",
        Nonzero = "nonzero",
    }
}

impl From<&Output> for ExitStatus {
    fn from(run: &Output) -> Self {
        if run.success() { Self::Zero } else { Self::Nonzero }
    }
}

fact_values! {
    /// Whether `systemd-run --wait` exits with the status of the command that it launched.
    pub(crate) enum ReturnedStatus {
        Same = "the-same",
        Another = "another",
    }
}

impl ReturnedStatus {
    /// Compares the exit status of a launch with the one that its command exits with.
    pub(crate) fn of(run: &Output, status: i32) -> Self {
        if run.exit() == Some(status) { Self::Same } else { Self::Another }
    }
}
