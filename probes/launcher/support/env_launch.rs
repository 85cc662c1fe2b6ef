use std::ffi::{OsStr, OsString};
use std::slice;

use crate::exec::{Child, Command, CommandError, Output};
use crate::fact_values;
use crate::sandbox::ProbeContext;

/// A variable that every launch sets. It proves that the command was started, and it separates the
/// values in its output, because `printenv` prints nothing for a variable that is not set.
const SENTINEL: &str = "DOCTOR_MARK";
/// Its value, which no measured value equals.
const SENTINEL_VALUE: &[u8] = b"launch-doctor";
/// The variable that most launches assign.
pub(crate) const KEY: &str = "DOCTOR_VALUE";
/// How many bytes of output are read: more than the largest environment that is passed.
const CAPTURE_LIMIT: usize = 1 << 20;

/// The type of the transient unit that runs a command.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum UnitType {
    /// The manager starts the command.
    Service,
    /// systemd-run executes the command itself.
    Scope,
}

impl UnitType {
    fn suffix(self) -> &'static str {
        match self {
            Self::Service => "service",
            Self::Scope => "scope",
        }
    }
}

/// Options of a launch that assign variables, and the names of the variables to read in the unit.
#[derive(Debug, Clone)]
pub(crate) struct EnvAssignment {
    label: String,
    options: Vec<OsString>,
    names: Vec<String>,
    caller_env: Vec<(String, Option<String>)>,
    wrapper: Vec<OsString>,
}

/// A running launch whose command prints variables of its environment.
pub(crate) struct PendingLaunch {
    child: Child,
    names: Vec<String>,
}

/// A running launch with the options of several assignments, none of which is known to be refused.
pub(crate) struct BatchLaunch<'a> {
    context: &'a ProbeContext<'a>,
    unit_type: UnitType,
    assignments: Vec<EnvAssignment>,
    combined: PendingLaunch,
}

/// The variables that a launched command found in its environment.
#[derive(Debug, Clone)]
pub(crate) struct ReceivedEnv {
    /// The launch.
    pub(crate) run: Output,
    /// The variables by name; `None` if the command was not started.
    variables: Option<Vec<(String, Option<Vec<u8>>)>>,
}

fact_values! {
    /// What a launch does with a value.
    pub(crate) enum EnvOutcome {
        /// The value arrives byte for byte.
        Delivered = "delivered",
        /// The command is started with another value.
        Cut = "cut",
        /// The command is started without the variable.
        Dropped = "dropped",
        /// The command is not started.
        Rejected = "rejected",
    }
}

fact_values! {
    /// What a command that was started received. This is the set for a control, without which a
    /// probe gives no facts.
    pub(crate) enum ReceivedValue {
        Delivered = "delivered",
        Cut = "cut",
        Dropped = "dropped",
    }
}

impl ReceivedValue {
    /// Compares the value that a command should have received with the one that it found.
    pub(crate) fn classify(expected: &[u8], found: Option<&[u8]>) -> Self {
        match found {
            None => Self::Dropped,
            Some(found) if found == expected => Self::Delivered,
            Some(_) => Self::Cut,
        }
    }
}

impl From<Option<ReceivedValue>> for EnvOutcome {
    /// Classifies a launch: `None` says that its command was not started.
    fn from(received: Option<ReceivedValue>) -> Self {
        match received {
            None => Self::Rejected,
            Some(ReceivedValue::Delivered) => Self::Delivered,
            Some(ReceivedValue::Cut) => Self::Cut,
            Some(ReceivedValue::Dropped) => Self::Dropped,
        }
    }
}

impl EnvAssignment {
    /// Assigns the variable `name` by these options. `label` makes the name of its unit unique
    /// within the probe.
    pub(crate) fn new<T: AsRef<OsStr>>(
        label: &str,
        name: &str,
        options: impl IntoIterator<Item = T>,
    ) -> Self {
        Self {
            label: label.to_owned(),
            options: options.into_iter().map(|word| word.as_ref().to_owned()).collect(),
            names: vec![name.to_owned()],
            caller_env: Vec::new(),
            wrapper: Vec::new(),
        }
    }

    /// Assigns the variable `name` by the property `Environment=`.
    pub(crate) fn property(label: &str, name: &str, assignment: &str) -> Self {
        Self::new(label, name, ["-p", &format!("Environment={assignment}")])
    }

    /// Reads one more variable in the unit.
    #[must_use]
    pub(crate) fn and_read(mut self, name: &str) -> Self {
        self.names.push(name.to_owned());
        self
    }

    /// Sets a variable in the environment of systemd-run, or removes it.
    #[must_use]
    pub(crate) fn caller_env(mut self, name: &str, value: Option<&str>) -> Self {
        self.caller_env.push((name.to_owned(), value.map(str::to_owned)));
        self
    }

    /// Passes the launch as arguments to another program.
    #[must_use]
    pub(crate) fn wrapped_in(mut self, words: &[&str]) -> Self {
        self.wrapper = words.iter().map(OsString::from).collect();
        self
    }

    /// Launches a unit with this assignment alone.
    ///
    /// # Errors
    /// When systemd-run cannot be started.
    pub(crate) fn launch(
        &self,
        context: &ProbeContext,
        unit_type: UnitType,
    ) -> Result<PendingLaunch, CommandError> {
        launch_all(context, unit_type, &self.label, slice::from_ref(self))
    }
}

/// Launches one unit with the options of all assignments.
fn launch_all(
    context: &ProbeContext,
    unit_type: UnitType,
    label: &str,
    assignments: &[EnvAssignment],
) -> Result<PendingLaunch, CommandError> {
    let mut command = attached_systemd_run(context, unit_type, label)
        .arg(format!("--setenv={SENTINEL}={}", String::from_utf8_lossy(SENTINEL_VALUE)));
    for assignment in assignments {
        command = command.args(&assignment.options);
        for (name, value) in &assignment.caller_env {
            command = command.env_opt(name, value.as_deref().map(OsStr::new));
        }
    }
    command = command.args(["--", "printenv", "-0", SENTINEL]).capture_limit(CAPTURE_LIMIT);
    let names: Vec<String> =
        assignments.iter().flat_map(|assignment| assignment.names.clone()).collect();
    for name in &names {
        command = command.args([name, SENTINEL]);
    }
    for assignment in assignments.iter().filter(|assignment| !assignment.wrapper.is_empty()) {
        command = command.wrapped_in(&assignment.wrapper);
    }
    Ok(PendingLaunch { child: command.start()?, names })
}

impl<'a> BatchLaunch<'a> {
    /// Launches one unit with all assignments; their variables have different names.
    ///
    /// # Errors
    /// When systemd-run cannot be started.
    pub(crate) fn start(
        context: &'a ProbeContext<'a>,
        unit_type: UnitType,
        label: &str,
        assignments: Vec<EnvAssignment>,
    ) -> Result<Self, CommandError> {
        let combined = launch_all(context, unit_type, label, &assignments)?;
        Ok(Self { context, unit_type, assignments, combined })
    }

    /// Waits for the command and returns what it received, once for each assignment. If the launch
    /// is refused, which one refused value is enough for, each assignment is launched alone.
    ///
    /// # Errors
    /// When a launch cannot be started or had not ended at the deadline.
    pub(crate) fn wait(self) -> Result<Vec<ReceivedEnv>, CommandError> {
        let combined = self.combined.wait()?;
        if combined.is_started() || self.assignments.len() == 1 {
            return Ok(vec![combined; self.assignments.len()]);
        }
        let single: Vec<_> = self
            .assignments
            .iter()
            .map(|assignment| assignment.launch(self.context, self.unit_type))
            .collect();
        single.into_iter().map(|launch| launch?.wait()).collect()
    }
}

impl PendingLaunch {
    /// Waits for the command and returns what it received.
    ///
    /// # Errors
    /// When it had not ended at the deadline.
    pub(crate) fn wait(self) -> Result<ReceivedEnv, CommandError> {
        let run = self.child.wait()?;
        let variables = parse_values(&run.stdout, self.names.len())
            .map(|values| self.names.into_iter().zip(values).collect());
        Ok(ReceivedEnv { run, variables })
    }
}

/// Launches `true` without waiting for it, so that the exit status is systemd-run's own.
///
/// # Errors
/// When systemd-run cannot be started.
pub(crate) fn launch_true(
    context: &ProbeContext,
    unit_type: UnitType,
    label: &str,
    options: &[&str],
) -> Result<Child, CommandError> {
    systemd_run(context, unit_type, label).args(options).args(["--", "true"]).start()
}

/// Returns a systemd-run that waits for the command and passes on its output.
fn attached_systemd_run(context: &ProbeContext, unit_type: UnitType, label: &str) -> Command {
    let command = systemd_run(context, unit_type, label);
    match unit_type {
        UnitType::Service => command.args(["--wait", "--pipe"]),
        UnitType::Scope => command,
    }
}

/// Returns systemd-run with the options that every launch has.
fn systemd_run(context: &ProbeContext, unit_type: UnitType, label: &str) -> Command {
    let unit = format!("--unit={}", context.unit_name(label, unit_type.suffix()));
    let command = context.systemd_run().args(["--quiet", "--collect", &unit]);
    match unit_type {
        UnitType::Service => command,
        UnitType::Scope => command.arg("--scope"),
    }
}

impl ReceivedEnv {
    /// Whether the command was started.
    pub(crate) fn is_started(&self) -> bool {
        self.variables.is_some()
    }

    /// Returns the value that the command found; `None` if the variable was not set or not read.
    pub(crate) fn value(&self, name: &str) -> Option<&[u8]> {
        let found = self.variables.as_ref()?.iter().find(|(variable, _)| variable == name)?;
        found.1.as_deref()
    }

    /// Classifies the launch by a variable and the value that it should have.
    pub(crate) fn outcome(&self, name: &str, expected: &[u8]) -> EnvOutcome {
        self.received(name, expected).into()
    }

    /// Compares a variable with the value that it should have; `None` if the command was not started.
    pub(crate) fn received(&self, name: &str, expected: &[u8]) -> Option<ReceivedValue> {
        self.is_started().then(|| ReceivedValue::classify(expected, self.value(name)))
    }
}

/// Parses the output of the command, in which a NUL follows each value: the sentinel, then for each
/// of `count` variables its value, if it is set, and the sentinel again.
pub(crate) fn parse_values(output: &[u8], count: usize) -> Option<Vec<Option<Vec<u8>>>> {
    let mut values = output.strip_suffix(b"\0")?.split(|&byte| byte == 0);
    if values.next() != Some(SENTINEL_VALUE) {
        return None;
    }
    (0..count)
        .map(|_| match values.next()? {
            SENTINEL_VALUE => Some(None),
            value => (values.next() == Some(SENTINEL_VALUE)).then(|| Some(value.to_owned())),
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sandbox::FactValues;

    #[test]
    fn sentinels_separate_the_values_in_the_output() {
        let some = |value: &[u8]| Some(value.to_owned());
        for (output, expected) in [
            (&b"launch-doctor\0a b\0launch-doctor\0launch-doctor\0"[..], vec![some(b"a b"), None]),
            (b"launch-doctor\0launch-doctor\0x\0launch-doctor\0", vec![None, some(b"x")]),
            (b"launch-doctor\0\0launch-doctor\0\n\0launch-doctor\0", vec![some(b""), some(b"\n")]),
        ] {
            assert_eq!(parse_values(output, 2), Some(expected), "{output:?}");
        }
    }

    #[test]
    fn incomplete_or_unknown_output_counts_as_not_started() {
        for output in [&b""[..], b"garbage", b"launch-doctor\0", b"launch-doctor\0a\0b\0"] {
            assert_eq!(parse_values(output, 1), None, "{output:?}");
        }
    }

    #[test]
    fn a_value_is_classified_by_what_the_command_found() {
        for (found, value) in
            [(None, "dropped"), (Some(&b"a"[..]), "cut"), (Some(b"a b c"), "delivered")]
        {
            let received = ReceivedValue::classify(b"a b c", found);
            assert_eq!(received.as_str(), value);
            assert_eq!(EnvOutcome::from(Some(received)).as_str(), value);
        }
        assert_eq!(EnvOutcome::from(None), EnvOutcome::Rejected);
    }

    #[test]
    fn an_empty_value_differs_from_a_variable_that_is_not_set() {
        let parse = |output| parse_values(output, 1);
        assert_eq!(parse(b"launch-doctor\0\0launch-doctor\0"), Some(vec![Some(Vec::new())]));
        assert_eq!(parse(b"launch-doctor\0launch-doctor\0"), Some(vec![None]));
    }
}
