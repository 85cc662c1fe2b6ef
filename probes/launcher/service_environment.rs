//! Measures what a service and a scope inherit from their caller, and which options pass it to a
//! service.

use std::ffi::OsString;
use std::fs;
use std::path::{Path, PathBuf};

use nix::sys::resource::{Resource, getrlimit};

use crate::exec::{Child, Command, CommandError, Output};
use crate::fact_values;
use crate::sandbox::{Fact, FactDecl, Measurement, NotMeasured, ProbeContext};

/// The facts about one thing that a caller can pass on.
struct Inherited {
    service: Fact<Origin>,
    scope: Fact<Origin>,
    /// About a service with an option for it, where each release has one.
    explicit: Option<Fact<Origin>>,
}

const VARIABLE: Inherited = Inherited {
    service: Fact::new("service-variable"),
    scope: Fact::new("scope-variable"),
    explicit: Some(EXPLICIT_VARIABLE),
};
const SEARCH_PATH: Inherited = Inherited {
    service: Fact::new("service-path"),
    scope: Fact::new("scope-path"),
    explicit: Some(EXPLICIT_PATH),
};
const NOFILE: Inherited = Inherited {
    service: Fact::new("service-nofile"),
    scope: Fact::new("scope-nofile"),
    explicit: Some(EXPLICIT_NOFILE),
};
const UMASK: Inherited = Inherited {
    service: Fact::new("service-umask"),
    scope: Fact::new("scope-umask"),
    explicit: Some(EXPLICIT_UMASK),
};
const DIRECTORY: Inherited = Inherited {
    service: Fact::new("service-directory"),
    scope: Fact::new("scope-directory"),
    explicit: Some(EXPLICIT_DIRECTORY),
};
const DESCRIPTOR: Inherited = Inherited {
    service: Fact::new("service-descriptor"),
    scope: Fact::new("scope-descriptor"),
    explicit: None,
};
const EXPLICIT_VARIABLE: Fact<Origin> = Fact::new("handed-variable");
const EXPLICIT_PATH: Fact<Origin> = Fact::new("handed-path");
const EXPLICIT_NOFILE: Fact<Origin> = Fact::new("handed-nofile");
const EXPLICIT_UMASK: Fact<Origin> = Fact::new("handed-umask");
const EXPLICIT_DIRECTORY: Fact<Origin> = Fact::new("handed-directory");

/// What is measured, in the order in which [`REPORT_SCRIPT`] prints it.
const INHERITED: [Inherited; 6] = [VARIABLE, SEARCH_PATH, NOFILE, UMASK, DIRECTORY, DESCRIPTOR];

/// The facts of this probe.
pub(crate) const FACTS: &[FactDecl] = &[
    VARIABLE.service.decl(),
    SEARCH_PATH.service.decl(),
    NOFILE.service.decl(),
    UMASK.service.decl(),
    DIRECTORY.service.decl(),
    DESCRIPTOR.service.decl(),
    VARIABLE.scope.decl(),
    SEARCH_PATH.scope.decl(),
    NOFILE.scope.decl(),
    UMASK.scope.decl(),
    DIRECTORY.scope.decl(),
    DESCRIPTOR.scope.decl(),
    EXPLICIT_VARIABLE.decl(),
    EXPLICIT_PATH.decl(),
    EXPLICIT_NOFILE.decl(),
    EXPLICIT_UMASK.decl(),
    EXPLICIT_DIRECTORY.decl(),
];

fact_values! {
    /// Where a unit has a setting from.
    enum Origin {
        Caller = "the-callers",
        Manager = "its-own",
    }
}

/// Gives the shell settings that no manager has, and launches. The directory and a file to open are
/// its first two arguments, the limit on open files the third.
const CALLER: &str = r#"umask 013; ulimit -Sn "$3"; cd "$1"; exec 9<"$2"; shift 3; exec "$@""#;
/// The limit and the umask of that caller. The limit is lower where this process may not have so many open files.
const CALLER_NOFILE: u64 = 317;
const CALLER_UMASK: u32 = 0o013;
/// A variable of that caller, and its value.
const CALLER_VARIABLE: (&str, &str) = ("DOCTOR_CALLER", "caller");
/// Prints what the unit received, one line for each of [`INHERITED`]. It has no dollar sign, which
/// the manager would replace.
const REPORT_SCRIPT: &str = "printenv DOCTOR_CALLER || echo; printenv PATH; ulimit -Sn; umask; pwd; \
                             readlink /proc/self/fd/9 || echo";

pub(crate) fn measure(context: &ProbeContext) -> Result<Measurement, NotMeasured> {
    context.require_manager()?;
    let caller = Caller::new(context)?;
    let (name, value) = CALLER_VARIABLE;
    let options = [
        format!("--setenv={name}={value}"),
        format!("--setenv=PATH={}", caller.search_path.to_string_lossy()),
        format!("--property=LimitNOFILE={}", caller.open_files),
        "--property=UMask=0013".into(),
        "--same-dir".into(),
    ];
    let options: Vec<&str> =
        ["--wait", "--pipe"].into_iter().chain(options.iter().map(String::as_str)).collect();
    let service = caller.launch("service", "service", &["--wait", "--pipe"])?;
    let scope = caller.launch("scope", "scope", &["--scope"])?;
    let explicit = caller.launch("explicit", "service", &options)?;

    let mut measurement = Measurement::default();
    let explicit_facts = INHERITED.map(|inherited| inherited.explicit);
    for (label, facts, child) in [
        ("service", INHERITED.map(|inherited| Some(inherited.service)), service),
        ("scope", INHERITED.map(|inherited| Some(inherited.scope)), scope),
        ("explicit", explicit_facts, explicit),
    ] {
        let run = child.wait()?;
        let Some(origins) = caller.origins(&run) else {
            return Err(NotMeasured::Unmeasured(format!(
                "a unit that reports its environment ({label}) was not started: {}",
                run.error_summary()
            )));
        };
        for (fact, origin) in facts.into_iter().zip(origins) {
            if let Some(fact) = fact {
                measurement.set_from(fact, origin, &run);
            }
        }
        let inherited = origins.iter().filter(|origin| **origin == Origin::Caller).count();
        measurement.detail(label, inherited.to_string());
    }
    Ok(measurement)
}

/// A caller whose settings no other process has.
struct Caller<'a> {
    context: &'a ProbeContext<'a>,
    open_file: PathBuf,
    search_path: OsString,
    open_files: String,
}

impl<'a> Caller<'a> {
    fn new(context: &'a ProbeContext<'a>) -> Result<Self, NotMeasured> {
        let open_file = context.dir().join("open");
        fs::write(&open_file, "")?;
        let mut search_path = context.dir().as_os_str().to_owned();
        if let Some(rest) = std::env::var_os("PATH") {
            search_path.push(":");
            search_path.push(rest);
        }
        let (_, hard) = getrlimit(Resource::RLIMIT_NOFILE).map_err(std::io::Error::from)?;
        let open_files = CALLER_NOFILE.min(hard.saturating_sub(1)).to_string();
        Ok(Self { context, open_file, search_path, open_files })
    }

    fn launch(&self, label: &str, suffix: &str, options: &[&str]) -> Result<Child, CommandError> {
        let unit = self.context.unit_name(label, suffix);
        let (name, value) = CALLER_VARIABLE;
        let command: Command = self
            .context
            .command("sh")
            .env(name, value)
            .env("PATH", &self.search_path)
            .args(["-c", CALLER, "sh"])
            .args([self.context.dir(), &self.open_file])
            .arg(&self.open_files)
            .args(["systemd-run", self.context.settings.manager.option()])
            .args(["--quiet", "--collect", &format!("--unit={unit}")]);
        command.args(options).args(["--", "sh", "-c", REPORT_SCRIPT]).start()
    }

    /// Parses the report of a unit, in the order of [`INHERITED`]; `None` if it is incomplete.
    fn origins(&self, run: &Output) -> Option<[Origin; 6]> {
        let text = String::from_utf8_lossy(&run.stdout).into_owned();
        let lines: Vec<&str> = text.lines().collect();
        let [variable, path, nofile, umask, directory, descriptor] = lines[..] else { return None };
        let is_same_file = |reported: &str, path: &Path| {
            fs::canonicalize(path).is_ok_and(|path| path == Path::new(reported))
        };
        let is_callers = [
            variable == CALLER_VARIABLE.1,
            path == self.search_path.to_string_lossy(),
            nofile == self.open_files,
            u32::from_str_radix(umask, 8) == Ok(CALLER_UMASK),
            is_same_file(directory, self.context.dir()),
            is_same_file(descriptor, &self.open_file),
        ];
        Some(is_callers.map(|is_callers| if is_callers { Origin::Caller } else { Origin::Manager }))
    }
}
