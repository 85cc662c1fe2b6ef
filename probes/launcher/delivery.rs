use crate::sandbox::{Command, CommandError, Completed, Running, Sandbox};

/// The variable whose way into a service is measured.
const KEY: &str = "DOCTOR_VALUE";
/// A variable that proves that the service was started at all.
const STARTED: &str = "DOCTOR_STARTED";

/// A transient service under way that prints what it finds in its environment.
pub struct Delivery {
    running: Running,
    value: Vec<u8>,
}

/// What became of a value on its way into a service.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Fate {
    /// It arrived byte for byte.
    Delivered,
    /// The service was started with another value.
    Cut,
    /// The service was started without the variable.
    Dropped,
    /// The service was not started.
    Rejected,
}

impl Fate {
    /// The word for it on the cards.
    pub fn name(self) -> &'static str {
        match self {
            Self::Delivered => "delivered",
            Self::Cut => "cut",
            Self::Dropped => "dropped",
            Self::Rejected => "rejected",
        }
    }
}

impl Delivery {
    /// Starts a service. `assign` puts an assignment of the variable into the command, which a
    /// working host delivers as `value`.
    ///
    /// # Errors
    /// When systemd-run cannot be started.
    pub fn start(
        sandbox: &Sandbox,
        value: &[u8],
        assign: impl FnOnce(Command, &str) -> Command,
    ) -> Result<Self, CommandError> {
        let command = sandbox
            .systemd_run()
            .args(["--quiet", "--collect", "--wait", "--pipe"])
            .arg(format!("--setenv={STARTED}=1"));
        let command = assign(command, KEY).args(["--", "printenv", "-0", STARTED, KEY]);
        Ok(Self { running: command.start()?, value: value.to_owned() })
    }

    /// Waits for the service and tells what became of the value.
    ///
    /// # Errors
    /// When it had not ended at the deadline.
    pub fn fate(self) -> Result<(Fate, Completed), CommandError> {
        let run = self.running.wait()?;
        Ok((fate(&run.stdout, &self.value), run))
    }
}

/// Reads the NUL-separated values that the service printed.
fn fate(printed: &[u8], value: &[u8]) -> Fate {
    let mut values = printed.split(|&byte| byte == 0);
    if values.next() != Some(b"1") {
        return Fate::Rejected;
    }
    match values.next() {
        Some(found) if found == value => Fate::Delivered,
        // What follows the last separator is empty, and so is a variable that is set to nothing.
        None => Fate::Dropped,
        Some(b"") if values.next().is_none() => Fate::Dropped,
        Some(_) => Fate::Cut,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_fate_of_a_value_is_read_from_what_the_service_printed() {
        for (printed, expected) in [
            (&b"1\0a b c\0"[..], Fate::Delivered),
            (b"1\0a\0", Fate::Cut),
            (b"1\0\0", Fate::Cut),
            (b"1\0", Fate::Dropped),
            (b"", Fate::Rejected),
            (b"garbage", Fate::Rejected),
        ] {
            assert_eq!(fate(printed, b"a b c"), expected, "{printed:?}");
        }
    }
}
