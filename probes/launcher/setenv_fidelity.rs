//! Measures which values `--setenv` passes to a service and a scope byte for byte, and which it
//! refuses.

use std::ffi::OsStr;
use std::os::unix::ffi::OsStrExt;

use super::support::env_launch::{
    BatchLaunch, EnvAssignment, EnvOutcome, KEY, PendingLaunch, ReceivedEnv, UnitType,
};
use crate::exec::CommandError;
use crate::fact_values;
use crate::sandbox::{Fact, FactDecl, Measurement, NotMeasured, ProbeContext};

const SPACES: Fact<EnvOutcome> = Fact::new("spaces");
const EQUALS: Fact<EnvOutcome> = Fact::new("equals");
const NEWLINE: Fact<EnvOutcome> = Fact::new("newline");
const TAB: Fact<EnvOutcome> = Fact::new("tab");
const CONTROL: Fact<EnvOutcome> = Fact::new("control");
const QUOTES: Fact<EnvOutcome> = Fact::new("quotes");
const JSON: Fact<EnvOutcome> = Fact::new("json");
const PERCENT: Fact<EnvOutcome> = Fact::new("percent");
const DOLLAR: Fact<EnvOutcome> = Fact::new("dollar");
const BACKSLASH: Fact<EnvOutcome> = Fact::new("backslash");
const EMPTY: Fact<EnvOutcome> = Fact::new("empty");
const UNICODE: Fact<EnvOutcome> = Fact::new("unicode");
const SCOPE_TEXTS: Fact<EnvOutcome> = Fact::new("scope-texts");

/// The facts that a service and a scope have each.
struct SpecialFacts {
    large: Fact<EnvOutcome>,
    non_utf8: Fact<EnvOutcome>,
    inherit: Fact<EnvOutcome>,
    unset: Fact<NameAlone>,
    bad_name: Fact<EnvOutcome>,
    repeated: Fact<EnvOutcome>,
}

const SERVICE: SpecialFacts = SpecialFacts {
    large: Fact::new("large"),
    non_utf8: Fact::new("non-utf8"),
    inherit: Fact::new("inherit"),
    unset: Fact::new("unset"),
    bad_name: Fact::new("bad-name"),
    repeated: Fact::new("repeated"),
};
const SCOPE: SpecialFacts = SpecialFacts {
    large: Fact::new("scope-large"),
    non_utf8: Fact::new("scope-non-utf8"),
    inherit: Fact::new("scope-inherit"),
    unset: Fact::new("scope-unset"),
    bad_name: Fact::new("scope-bad-name"),
    repeated: Fact::new("scope-repeated"),
};

/// The facts of this probe.
pub(crate) const FACTS: &[FactDecl] = &[
    SPACES.decl(),
    EQUALS.decl(),
    NEWLINE.decl(),
    TAB.decl(),
    CONTROL.decl(),
    QUOTES.decl(),
    JSON.decl(),
    PERCENT.decl(),
    DOLLAR.decl(),
    BACKSLASH.decl(),
    EMPTY.decl(),
    UNICODE.decl(),
    SCOPE_TEXTS.decl(),
    SERVICE.large.decl(),
    SERVICE.non_utf8.decl(),
    SERVICE.inherit.decl(),
    SERVICE.unset.decl(),
    SERVICE.bad_name.decl(),
    SERVICE.repeated.decl(),
    SCOPE.large.decl(),
    SCOPE.non_utf8.decl(),
    SCOPE.inherit.decl(),
    SCOPE.unset.decl(),
    SCOPE.bad_name.decl(),
    SCOPE.repeated.decl(),
];

fact_values! {
    /// What `--setenv=KEY` does if the caller has no such variable.
    enum NameAlone {
        SetToNothing = "set-to-nothing",
        NotSet = "not-set",
        Rejected = "rejected",
    }
}

impl NameAlone {
    fn classify(received: &ReceivedEnv, name: &str) -> Self {
        match received.value(name) {
            _ if !received.is_started() => Self::Rejected,
            Some(_) => Self::SetToNothing,
            None => Self::NotSet,
        }
    }
}

/// The texts that are measured.
const TEXTS: [(Fact<EnvOutcome>, &str); 12] = [
    (SPACES, " a b  c "),
    (EQUALS, "a=b=c"),
    (NEWLINE, "a\nb\n"),
    (TAB, "a\tb"),
    (CONTROL, "a\u{1}b\u{1b}[0m"),
    (QUOTES, "it's \"q\" 'r"),
    (JSON, r#"{"a": ["b c", 1], "d": "e=\"f\""}"#),
    (PERCENT, "100%n %h %%"),
    (DOLLAR, "$HOME ${HOME} $$ $(id)"),
    (BACKSLASH, r"a\tb\\c\"),
    (EMPTY, ""),
    (UNICODE, "h\u{e9}\u{2603}\u{1f600}"),
];
/// Bytes that are not UTF-8.
const NOT_UTF8: &[u8] = b"a\xff\xfe";
/// A value of 100 kB; one argument may have 128 KiB (Linux, `MAX_ARG_STRLEN`). A shell makes it, so
/// that the evidence can be pasted.
const LARGE: &[u8] = &[b'0'; 100_000];
const WITH_LARGE: [&str; 3] =
    ["sh", "-c", r#"exec "$0" "--setenv=DOCTOR_VALUE=$(printf %0100000d 0)" "$@""#];
/// A variable of the caller's environment, one that is not in it, and one that is set twice.
const INHERITED: &str = "DOCTOR_INHERITED";
const UNSET: &str = "DOCTOR_UNSET";
const REPEATED: &str = "DOCTOR_REPEATED";
/// A name that no variable can have.
const BAD_NAME: &str = "1DOCTOR_BAD";

/// The launches of one unit type. Texts and special cases have one launch each, as long as nothing
/// in it is refused. A case that releases refuse has a launch of its own.
struct Launches<'a> {
    unit_type: UnitType,
    texts: BatchLaunch<'a>,
    special_cases: BatchLaunch<'a>,
    non_utf8: PendingLaunch,
    bad_name: PendingLaunch,
}

pub(crate) fn measure(context: &ProbeContext) -> Result<Measurement, NotMeasured> {
    context.require_manager()?;
    let services = Launches::start(context, UnitType::Service)?;
    let scopes = Launches::start(context, UnitType::Scope)?;
    let mut measurement = Measurement::default();
    let delivered = services.record(&mut measurement)?;
    measurement.detail("service-texts", delivered.to_string());
    let delivered = scopes.record(&mut measurement)?;
    measurement.detail("scope-texts-delivered", delivered.to_string());
    measurement.detail("texts", TEXTS.len().to_string());
    Ok(measurement)
}

fn variable(fact: Fact<EnvOutcome>) -> String {
    format!("DOCTOR_{}", fact.name().to_uppercase())
}

/// Assigns a variable with `--setenv=NAME=VALUE`.
fn setenv(label: &str, name: &str, value: &[u8]) -> EnvAssignment {
    let word = [format!("--setenv={name}=").as_bytes(), value].concat();
    EnvAssignment::new(label, name, [OsStr::from_bytes(&word)])
}

impl<'a> Launches<'a> {
    fn start(context: &'a ProbeContext<'a>, unit_type: UnitType) -> Result<Self, CommandError> {
        let texts =
            TEXTS.map(|(fact, value)| setenv(fact.name(), &variable(fact), value.as_bytes()));
        let special_cases = vec![
            EnvAssignment::new("large", KEY, [""; 0]).wrapped_in(&WITH_LARGE),
            EnvAssignment::new("inherit", INHERITED, [format!("--setenv={INHERITED}")])
                .caller_env(INHERITED, Some("a  b")),
            EnvAssignment::new("unset", UNSET, [format!("--setenv={UNSET}")])
                .caller_env(UNSET, None),
            EnvAssignment::new(
                "repeated",
                REPEATED,
                ["a", "b"].map(|value| format!("--setenv={REPEATED}={value}")),
            ),
        ];
        Ok(Self {
            unit_type,
            texts: BatchLaunch::start(context, unit_type, "texts", texts.to_vec())?,
            special_cases: BatchLaunch::start(context, unit_type, "special", special_cases)?,
            non_utf8: setenv("non_utf8", KEY, NOT_UTF8).launch(context, unit_type)?,
            bad_name: setenv("bad_name", BAD_NAME, b"a").launch(context, unit_type)?,
        })
    }

    /// Records the facts of this unit type, and returns how many texts were delivered.
    fn record(self, measurement: &mut Measurement) -> Result<usize, NotMeasured> {
        let (facts, unit) = match self.unit_type {
            UnitType::Service => (SERVICE, "service"),
            UnitType::Scope => (SCOPE, "scope"),
        };
        let texts = self.texts.wait()?;
        if !texts.iter().any(ReceivedEnv::is_started) {
            return Err(NotMeasured::Unmeasured(format!(
                "no launch with --setenv started a {unit}: {}",
                texts[0].run.error_summary()
            )));
        }
        let outcomes: Vec<_> = TEXTS
            .into_iter()
            .zip(&texts)
            .map(|((fact, value), text)| {
                (fact, text.outcome(&variable(fact), value.as_bytes()), &text.run)
            })
            .collect();
        match self.unit_type {
            UnitType::Service => {
                for (fact, outcome, run) in &outcomes {
                    measurement.set_from(*fact, *outcome, run);
                }
            }
            UnitType::Scope => {
                let changed =
                    outcomes.iter().find(|(_, outcome, _)| *outcome != EnvOutcome::Delivered);
                let (_, outcome, run) = changed.unwrap_or(&outcomes[0]);
                measurement.set_from(SCOPE_TEXTS, *outcome, run);
            }
        }
        let special = self.special_cases.wait()?;
        let (non_utf8, bad_name) = (self.non_utf8.wait()?, self.bad_name.wait()?);
        for (fact, name, value, received) in [
            (facts.large, KEY, LARGE, &special[0]),
            (facts.inherit, INHERITED, b"a  b", &special[1]),
            (facts.repeated, REPEATED, b"b", &special[3]),
            (facts.non_utf8, KEY, NOT_UTF8, &non_utf8),
            (facts.bad_name, BAD_NAME, b"a", &bad_name),
        ] {
            measurement.set_from(fact, received.outcome(name, value), &received.run);
        }
        let unset = NameAlone::classify(&special[2], UNSET);
        measurement.set_from(facts.unset, unset, &special[2].run);
        Ok(outcomes.iter().filter(|(_, outcome, _)| *outcome == EnvOutcome::Delivered).count())
    }
}
