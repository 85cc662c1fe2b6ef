use std::ffi::{OsStr, OsString};
use std::slice;

use crate::sandbox::{Command, CommandError, Completed, Running, Sandbox};

/// A variable that every launch sets. It proves that the command was started, and stands between
/// the answers, because `printenv` says nothing for a variable that is not set.
const MARK: &str = "DOCTOR_MARK";
/// Its value, which no measured value equals.
const MARK_VALUE: &[u8] = b"launch-doctor";
/// The variable whose way into a unit is measured.
pub const KEY: &str = "DOCTOR_VALUE";
/// How many bytes a unit may print: the largest environment that is passed, and some more.
const LARGEST: usize = 1 << 20;

/// How a command is launched.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Way {
    /// As a service: the manager starts it.
    Service,
    /// As a scope: systemd-run becomes it.
    Scope,
}

/// Variables on their way into a unit.
#[derive(Debug, Clone)]
pub struct Parcel {
    label: String,
    words: Vec<OsString>,
    names: Vec<String>,
    callers: Vec<(String, Option<String>)>,
    before: Vec<OsString>,
}

/// A launch under way whose command prints what it finds in its environment.
pub struct Delivery {
    running: Running,
    names: Vec<String>,
}

/// A launch under way with several parcels, none of which is known to be refused.
pub struct Shipment<'a> {
    sandbox: &'a Sandbox<'a>,
    way: Way,
    parcels: Vec<Parcel>,
    together: Delivery,
}

/// What the command of a launch found in its environment.
#[derive(Debug, Clone)]
pub struct Arrival {
    /// The launch.
    pub run: Completed,
    /// The variables that it looked for; `None` if it was not started.
    found: Option<Vec<(String, Option<Vec<u8>>)>>,
}

/// What became of a value on its way into a unit.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Fate {
    /// It arrived byte for byte.
    Delivered,
    /// The command was started with another value.
    Cut,
    /// The command was started without the variable.
    Dropped,
    /// The command was not started.
    Rejected,
}

impl Fate {
    /// The fate of a value that should have arrived as `value`, by what was found: `None` if the
    /// command was not started, `Some(None)` if the variable was not set.
    pub fn of(value: &[u8], found: Option<Option<&[u8]>>) -> Self {
        match found {
            None => Self::Rejected,
            Some(None) => Self::Dropped,
            Some(Some(found)) if found == value => Self::Delivered,
            Some(Some(_)) => Self::Cut,
        }
    }

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

impl Parcel {
    /// Options of a launch that assign the variable `name`. `label` tells its unit from the others
    /// of the probe.
    pub fn new<T: AsRef<OsStr>>(
        label: &str,
        name: &str,
        words: impl IntoIterator<Item = T>,
    ) -> Self {
        Self {
            label: label.to_owned(),
            words: words.into_iter().map(|word| word.as_ref().to_owned()).collect(),
            names: vec![name.to_owned()],
            callers: Vec::new(),
            before: Vec::new(),
        }
    }

    /// The same with a property `Environment=`.
    pub fn of_property(label: &str, name: &str, assignment: &str) -> Self {
        Self::new(label, name, ["-p", &format!("Environment={assignment}")])
    }

    /// Looks for one more variable.
    #[must_use]
    pub fn and(mut self, name: &str) -> Self {
        self.names.push(name.to_owned());
        self
    }

    /// Sets a variable of the caller's, or takes it away.
    #[must_use]
    pub fn of_caller(mut self, name: &str, value: Option<&str>) -> Self {
        self.callers.push((name.to_owned(), value.map(str::to_owned)));
        self
    }

    /// Puts the launch behind other words, of which the first becomes the program.
    #[must_use]
    pub fn behind(mut self, words: &[&str]) -> Self {
        self.before = words.iter().map(OsString::from).collect();
        self
    }

    /// Launches it.
    ///
    /// # Errors
    /// When systemd-run cannot be started.
    pub fn send(&self, sandbox: &Sandbox, way: Way) -> Result<Delivery, CommandError> {
        send_together(sandbox, way, &self.label, slice::from_ref(self))
    }
}

/// Launches one unit with all that the parcels assign.
fn send_together(
    sandbox: &Sandbox,
    way: Way,
    label: &str,
    parcels: &[Parcel],
) -> Result<Delivery, CommandError> {
    let mut command = launcher(sandbox, way, label)
        .arg(format!("--setenv={MARK}={}", String::from_utf8_lossy(MARK_VALUE)));
    for parcel in parcels {
        command = command.args(&parcel.words);
        for (name, value) in &parcel.callers {
            command = command.env_as(name, value.as_deref().map(OsStr::new));
        }
    }
    command = command.args(["--", "printenv", "-0", MARK]).keep(LARGEST);
    let names: Vec<String> = parcels.iter().flat_map(|parcel| parcel.names.clone()).collect();
    for name in &names {
        command = command.args([name, MARK]);
    }
    for parcel in parcels.iter().filter(|parcel| !parcel.before.is_empty()) {
        command = command.behind(&parcel.before);
    }
    Ok(Delivery { running: command.start()?, names })
}

impl<'a> Shipment<'a> {
    /// Launches all parcels in one unit; their variables have different names.
    ///
    /// # Errors
    /// When systemd-run cannot be started.
    pub fn start(
        sandbox: &'a Sandbox<'a>,
        way: Way,
        label: &str,
        parcels: Vec<Parcel>,
    ) -> Result<Self, CommandError> {
        let together = send_together(sandbox, way, label, &parcels)?;
        Ok(Self { sandbox, way, parcels, together })
    }

    /// Waits for its end and tells what each parcel's launch found. One value that is refused refuses
    /// the launch of all: then each parcel is launched alone.
    ///
    /// # Errors
    /// When a launch cannot be started or had not ended at the deadline.
    pub fn wait(self) -> Result<Vec<Arrival>, CommandError> {
        let together = self.together.wait()?;
        if together.is_started() || self.parcels.len() == 1 {
            return Ok(vec![together; self.parcels.len()]);
        }
        let alone: Vec<_> =
            self.parcels.iter().map(|parcel| parcel.send(self.sandbox, self.way)).collect();
        alone.into_iter().map(|delivery| delivery?.wait()).collect()
    }
}

impl Delivery {
    /// Waits for its end and tells what it found.
    ///
    /// # Errors
    /// When it had not ended at the deadline.
    pub fn wait(self) -> Result<Arrival, CommandError> {
        let run = self.running.wait()?;
        let found = values(&run.stdout, self.names.len())
            .map(|values| self.names.into_iter().zip(values).collect());
        Ok(Arrival { run, found })
    }
}

/// Starts a launch of a command that only succeeds, and does not wait for that: its exit status is
/// systemd-run's own.
///
/// # Errors
/// When systemd-run cannot be started.
pub fn start_bare(
    sandbox: &Sandbox,
    way: Way,
    label: &str,
    words: &[&str],
) -> Result<Running, CommandError> {
    unit_of(sandbox, way, label).args(words).args(["--", "true"]).start()
}

/// systemd-run that waits for the command and passes on what it prints.
fn launcher(sandbox: &Sandbox, way: Way, label: &str) -> Command {
    let command = unit_of(sandbox, way, label);
    if way == Way::Service { command.args(["--wait", "--pipe"]) } else { command }
}

/// systemd-run with the options that every launch has.
fn unit_of(sandbox: &Sandbox, way: Way, label: &str) -> Command {
    let suffix = if way == Way::Scope { "scope" } else { "service" };
    let unit = format!("--unit={}", sandbox.unit_name(label, suffix));
    let command = sandbox.systemd_run().args(["--quiet", "--collect", &unit]);
    if way == Way::Scope { command.arg("--scope") } else { command }
}

impl Arrival {
    /// Whether the command was started.
    pub fn is_started(&self) -> bool {
        self.found.is_some()
    }

    /// The value of a variable as the command found it; `None` if it was not set or not asked for.
    pub fn value(&self, name: &str) -> Option<&[u8]> {
        let found = self.found.as_ref()?.iter().find(|(asked, _)| asked == name)?;
        found.1.as_deref()
    }

    /// What became of a variable that should have arrived as `value`.
    pub fn fate(&self, name: &str, value: &[u8]) -> Fate {
        Fate::of(value, self.is_started().then(|| self.value(name)))
    }
}

/// Reads what the command printed, every value behind a NUL: the mark, then for each of `count`
/// variables its value, if it has one, and the mark again.
pub(crate) fn values(printed: &[u8], count: usize) -> Option<Vec<Option<Vec<u8>>>> {
    let mut printed = printed.strip_suffix(b"\0")?.split(|&byte| byte == 0);
    if printed.next() != Some(MARK_VALUE) {
        return None;
    }
    (0..count)
        .map(|_| match printed.next()? {
            MARK_VALUE => Some(None),
            value => (printed.next() == Some(MARK_VALUE)).then(|| Some(value.to_owned())),
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_the_command_printed_is_told_apart_by_the_marks() {
        let some = |value: &[u8]| Some(value.to_owned());
        for (printed, expected) in [
            (&b"launch-doctor\0a b\0launch-doctor\0launch-doctor\0"[..], vec![some(b"a b"), None]),
            (b"launch-doctor\0launch-doctor\0x\0launch-doctor\0", vec![None, some(b"x")]),
            (b"launch-doctor\0\0launch-doctor\0\n\0launch-doctor\0", vec![some(b""), some(b"\n")]),
        ] {
            assert_eq!(values(printed, 2), Some(expected), "{printed:?}");
        }
    }

    #[test]
    fn what_is_incomplete_or_something_else_counts_as_not_started() {
        for printed in [&b""[..], b"garbage", b"launch-doctor\0", b"launch-doctor\0a\0b\0"] {
            assert_eq!(values(printed, 1), None, "{printed:?}");
        }
    }

    #[test]
    fn the_fate_of_a_value_is_told_by_what_was_found() {
        for (found, word) in [
            (None, "rejected"),
            (Some(None), "dropped"),
            (Some(Some(&b"a"[..])), "cut"),
            (Some(Some(b"a b c")), "delivered"),
        ] {
            assert_eq!(Fate::of(b"a b c", found).name(), word);
        }
    }

    #[test]
    fn an_empty_value_is_not_a_missing_one() {
        assert_eq!(values(b"launch-doctor\0\0launch-doctor\0", 1), Some(vec![Some(Vec::new())]));
        assert_eq!(values(b"launch-doctor\0launch-doctor\0", 1), Some(vec![None]));
    }
}
