//! What changes every launch of this host, however the launcher calls systemd-run.

use std::env;
use std::ffi::OsStr;
use std::fs;
use std::path::PathBuf;

use super::support::control_units::{ControlUnit, ControlUnits};
use super::support::drop_in::BendingSetting;
use super::support::loader::{LoaderEffect, VARIABLES, effect_on_scopes, effect_on_services};
use super::support::manager_environment::ManagerEnvironment;
use crate::exec::changes_words;
use crate::fact_values;
use crate::host::{User, VariableOrigins};
use crate::sandbox::{
    BENT_SCOPES, BENT_SERVICES, Fact, FactDecl, Measurement, NotMeasured, ProbeContext,
};

fact_values! {
    /// Whether variables change the words of systemd's programs and git.
    enum Words {
        Plain = "plain",
        Changed = "changed",
    }
}

fact_values! {
    /// What variables of the dynamic loader do.
    enum Loader {
        Unset = "unset",
        Harmless = "harmless",
        Bends = "bends",
    }
}

fact_values! {
    /// Whether a manager's PATH leads to the programs of a launch.
    enum ManagerPath {
        Complete = "complete",
        LacksPrograms = "lacks-programs",
    }
}

fact_values! {
    /// Whether a variable is set.
    enum Presence {
        Unset = "unset",
        Set = "set",
    }
}

fact_values! {
    /// What drop-ins for all units of a type change.
    enum DropIns {
        None = "none",
        Harmless = "harmless",
        Bend = "bend",
    }
}

fact_values! {
    /// What drop-ins for all scopes change.
    enum ScopeDropIns {
        None = "none",
        Harmless = "harmless",
        Bend = "bend",
        NoScope = "no-scope",
    }
}

const WORDS: Fact<Words> = Fact::new("words");
const LOADER: Fact<Loader> = Fact::new("loader");
const MANAGER_PATH: Fact<ManagerPath> = Fact::new("manager-path");
const MANAGER_TMUX: Fact<Presence> = Fact::new("manager-tmux");
const MANAGER_LOADER: Fact<Loader> = Fact::new("manager-loader");
const SERVICE_DROP_INS: Fact<DropIns> = Fact::new("service-drop-ins");
const SCOPE_DROP_INS: Fact<ScopeDropIns> = Fact::new("scope-drop-ins");
pub(crate) const FACTS: &[FactDecl] = &[
    WORDS.decl(),
    LOADER.decl(),
    MANAGER_PATH.decl(),
    MANAGER_TMUX.decl(),
    MANAGER_LOADER.decl(),
    SERVICE_DROP_INS.decl(),
    SCOPE_DROP_INS.decl(),
];

/// The variables by which tmux takes its caller for a pane (tmux(1), "GLOBAL AND SESSION ENVIRONMENT").
const TMUX_VARIABLES: [&str; 2] = ["TMUX", "TMUX_PANE"];

pub(crate) fn measure(context: &ProbeContext) -> Result<Measurement, NotMeasured> {
    context.require_manager()?;
    let mut measurement = Measurement::default();
    measurement.detail("manager", context.settings.manager.option());
    record_caller(context, &mut measurement)?;
    record_manager(context, &mut measurement)?;
    let units = ControlUnits::examine(context)?;
    let service = &units.service;
    measurement.set_from(SERVICE_DROP_INS, effect_of(service), &service.shown);
    record_drop_ins("service", service, &mut measurement);
    let Some(scope) = &units.scope else {
        measurement.set(SCOPE_DROP_INS, ScopeDropIns::NoScope);
        return Ok(measurement);
    };
    let value = match effect_of(scope) {
        DropIns::None => ScopeDropIns::None,
        DropIns::Harmless => ScopeDropIns::Harmless,
        DropIns::Bend => ScopeDropIns::Bend,
    };
    measurement.set_from(SCOPE_DROP_INS, value, &scope.shown);
    record_drop_ins("scope", scope, &mut measurement);
    Ok(measurement)
}

/// Records what variables of this process do to commands that it starts, and to scopes.
fn record_caller(context: &ProbeContext, measurement: &mut Measurement) -> Result<(), NotMeasured> {
    let mut names: Vec<String> = env::vars_os()
        .filter_map(|(name, _)| name.into_string().ok())
        .filter(|name| changes_words(OsStr::new(name)))
        .collect();
    names.sort();
    measurement.set(WORDS, if names.is_empty() { Words::Plain } else { Words::Changed });
    measurement.detail("words-names", names.join(", "));
    measurement.list("words-variable", names);

    let set: Vec<String> = VARIABLES
        .into_iter()
        .filter(|name| env::var_os(name).is_some())
        .map(str::to_owned)
        .collect();
    let value = if set.is_empty() {
        Loader::Unset
    } else {
        match effect_on_scopes(context)? {
            LoaderEffect::None => Loader::Harmless,
            LoaderEffect::Bends(run) => {
                measurement.add_evidence(LOADER.name(), &run);
                measurement.detail("loader-error", first_line(&run.error_summary()));
                Loader::Bends
            }
        }
    };
    measurement.set(LOADER, value);
    measurement.detail("loader-names", set.join(", "));
    measurement.list("loader-variable", set);
    Ok(())
}

/// Records what is in the environment that the manager gives to its units.
fn record_manager(
    context: &ProbeContext,
    measurement: &mut Measurement,
) -> Result<(), NotMeasured> {
    let environment = ManagerEnvironment::read(context)?;
    let missing = environment.missing_programs();
    let value = if missing.is_empty() { ManagerPath::Complete } else { ManagerPath::LacksPrograms };
    measurement.set_from(MANAGER_PATH, value, &environment.shown);
    let programs: Vec<&str> = missing.iter().map(|(program, _)| *program).collect();
    // Without a shell there are no other basic programs either, by which probes report what a service received.
    if programs.contains(&"sh") {
        note_bent(BENT_SERVICES, "PATH in the manager leads to no sh".into(), measurement);
    }
    measurement.detail("programs", programs.join(", "));
    measurement.detail("manager-path", environment.path.as_deref().unwrap_or("not set"));
    measurement.detail("new-path", format!("PATH={}", environment.completed_path(&missing)));

    let tmux = environment.set_of(&TMUX_VARIABLES);
    let value = if tmux.is_empty() { Presence::Unset } else { Presence::Set };
    measurement.set_from(MANAGER_TMUX, value, &environment.shown);
    record_origins("tmux", context, &tmux, measurement);

    let loader = environment.set_of(&VARIABLES);
    let value = if loader.is_empty() {
        Loader::Unset
    } else {
        match effect_on_services(context)? {
            Some(LoaderEffect::Bends(run)) => {
                measurement.add_evidence(MANAGER_LOADER.name(), &run);
                let names = loader.join(", ");
                note_bent(BENT_SERVICES, format!("{names} in the manager"), measurement);
                measurement.detail("manager-loader-error", first_line(&run.error_summary()));
                Loader::Bends
            }
            Some(LoaderEffect::None) | None => Loader::Harmless,
        }
    };
    measurement.set_from(MANAGER_LOADER, value, &environment.shown);
    record_origins("manager-loader", context, &loader, measurement);
    Ok(())
}

/// Records what sets variables of the manager, for their fixes.
fn record_origins(
    key: &str,
    context: &ProbeContext,
    names: &[String],
    measurement: &mut Measurement,
) {
    let origins = VariableOrigins::find(context.settings.manager, &User::current(), names);
    measurement.detail(&format!("{key}-names"), names.join(", "));
    measurement.list(&format!("{key}-variable"), origins.removable);
    measurement.setting_files(key, names, origins.files);
}

fn effect_of(unit: &ControlUnit) -> DropIns {
    match (unit.bent.is_empty(), unit.has_drop_ins) {
        (false, _) => DropIns::Bend,
        (true, true) => DropIns::Harmless,
        (true, false) => DropIns::None,
    }
}

/// Records what the drop-ins of a control unit change, and whether that matters for probes.
fn record_drop_ins(kind: &str, unit: &ControlUnit, measurement: &mut Measurement) {
    let settings: Vec<String> = unit.bent.iter().map(BendingSetting::describe).collect();
    let mut files: Vec<PathBuf> = unit.bent.iter().map(|it| PathBuf::from(&it.file)).collect();
    files.dedup();
    let shown: Vec<String> = files.iter().map(|file| file.display().to_string()).collect();
    measurement.detail(&format!("{kind}-settings"), settings.join(", "));
    measurement.detail(&format!("{kind}-files"), shown.join(", "));
    let names: Vec<String> = unit.bent.iter().map(|it| it.name.clone()).collect();
    let files = files.into_iter().map(|file| fs::canonicalize(&file).unwrap_or(file)).collect();
    measurement.setting_files(kind, &names, files);
    if unit.bent.iter().any(BendingSetting::bends_probes) {
        let key = if kind == "service" { BENT_SERVICES } else { BENT_SCOPES };
        note_bent(key, format!("{} by {}", settings.join(", "), shown.join(", ")), measurement);
    }
}

/// Notes why no behaviour of services, or of scopes, can be measured.
fn note_bent(key: &str, reason: String, measurement: &mut Measurement) {
    let reason = match measurement.details.get(key) {
        Some(first) => format!("{first}; {reason}"),
        None => reason,
    };
    measurement.detail(key, reason);
}

/// Returns the first line of a message, shortened: the loader can write thousands.
fn first_line(text: &str) -> String {
    let line = text.lines().next().unwrap_or_default().trim_end_matches('.');
    line.chars().take(200).collect()
}
