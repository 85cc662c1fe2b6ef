//! What a service does not get from its caller and a scope does, and the options that hand it on.

use std::ffi::OsString;
use std::fs;
use std::path::{Path, PathBuf};

use crate::sandbox::{Command, CommandError, Completed, Running, Sandbox};
use crate::{Measurement, Unable};

/// Makes the shell such a caller as no manager is, and then launches: the directory and an open
/// file are its first two arguments.
const CALLER: &str = r#"umask 013; ulimit -Sn 317; cd "$1"; exec 9<"$2"; shift 2; exec "$@""#;
/// The same limit and mask, as numbers.
const NOFILE: &str = "317";
const UMASK: u32 = 0o013;
/// A variable of the caller's, and its value.
const VARIABLE: (&str, &str) = ("DOCTOR_CALLER", "caller");
/// Tells what has arrived, a line each in the order of [`GIFTS`]. There is no dollar sign in it,
/// because the manager would read it.
const TELL: &str = "printenv DOCTOR_CALLER || echo; printenv PATH; ulimit -Sn; umask; pwd; \
                    readlink /proc/self/fd/9 || echo";
/// What a caller may hand on: the ends of the facts' names.
const GIFTS: [&str; 6] = ["variable", "path", "nofile", "umask", "directory", "descriptor"];

pub fn measure(sandbox: &Sandbox) -> Result<Measurement, Unable> {
    sandbox.require_manager()?;
    let caller = Caller::new(sandbox)?;
    let (name, value) = VARIABLE;
    let remedies = [
        format!("--setenv={name}={value}"),
        format!("--setenv=PATH={}", caller.search_path.to_string_lossy()),
        "--property=LimitNOFILE=317".into(),
        "--property=UMask=0013".into(),
        "--same-dir".into(),
    ];
    let remedies: Vec<&str> = remedies.iter().map(String::as_str).collect();
    let service = caller.launch("service", "service", &["--wait", "--pipe"])?;
    let scope = caller.launch("scope", "scope", &["--scope"])?;
    let handed =
        caller.launch("handed", "service", &[&["--wait", "--pipe"], &remedies[..]].concat())?;

    let mut measurement = Measurement::default();
    let mut counts = Vec::new();
    for (prefix, running) in [("service", service), ("scope", scope), ("handed", handed)] {
        let run = running.wait()?;
        let Some(arrived) = caller.arrived(&run) else {
            return Err(Unable::Unmeasured(format!(
                "a {prefix} that tells its surroundings was not started: {}",
                run.failure()
            )));
        };
        counts.push(arrived.iter().filter(|is_same| **is_same).count());
        for (gift, is_same) in GIFTS.iter().zip(arrived) {
            // No option of every release hands on a descriptor.
            if prefix != "handed" || *gift != "descriptor" {
                let value = if is_same { "the-callers" } else { "its-own" };
                measurement.fact_from(&format!("{prefix}-{gift}"), value, &run);
            }
        }
    }
    measurement.summary = format!(
        "of the caller's variables, PATH, open-file limit, umask, working directory and descriptors \
         a service gets {} of 6, a scope {}, a service with options for all but the last {}",
        counts[0], counts[1], counts[2]
    );
    Ok(measurement)
}

/// A caller whose surroundings nobody else has.
struct Caller<'a> {
    sandbox: &'a Sandbox<'a>,
    open_file: PathBuf,
    search_path: OsString,
}

impl<'a> Caller<'a> {
    fn new(sandbox: &'a Sandbox<'a>) -> Result<Self, Unable> {
        let open_file = sandbox.dir().join("open");
        fs::write(&open_file, "")?;
        let mut search_path = sandbox.dir().as_os_str().to_owned();
        if let Some(rest) = std::env::var_os("PATH") {
            search_path.push(":");
            search_path.push(rest);
        }
        Ok(Self { sandbox, open_file, search_path })
    }

    fn launch(&self, label: &str, suffix: &str, options: &[&str]) -> Result<Running, CommandError> {
        let unit = self.sandbox.unit_name(label, suffix);
        let (name, value) = VARIABLE;
        let command: Command = self
            .sandbox
            .command("sh")
            .env(name, value)
            .env("PATH", &self.search_path)
            .args(["-c", CALLER, "sh"])
            .args([self.sandbox.dir(), &self.open_file])
            .args(["systemd-run", self.sandbox.settings.manager.option()])
            .args(["--quiet", "--collect", &format!("--unit={unit}")]);
        command.args(options).args(["--", "sh", "-c", TELL]).start()
    }

    /// Of each of [`GIFTS`], whether it is the caller's; `None` if nothing was told.
    fn arrived(&self, run: &Completed) -> Option<[bool; 6]> {
        let text = String::from_utf8_lossy(&run.stdout).into_owned();
        let lines: Vec<&str> = text.lines().collect();
        let [variable, path, nofile, umask, directory, descriptor] = lines[..] else { return None };
        let is_here = |told: &str, path: &Path| {
            fs::canonicalize(path).is_ok_and(|path| path == Path::new(told))
        };
        Some([
            variable == VARIABLE.1,
            path == self.search_path.to_string_lossy(),
            nofile == NOFILE,
            u32::from_str_radix(umask, 8) == Ok(UMASK),
            is_here(directory, self.sandbox.dir()),
            is_here(descriptor, &self.open_file),
        ])
    }
}
