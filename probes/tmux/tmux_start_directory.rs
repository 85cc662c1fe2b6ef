//! Measures where a pane runs whose start directory does not exist.

use std::fs;
use std::path::{Path, PathBuf};

use super::support::bus_variables::BusVariables;
use super::support::pane_fifo::PaneFifo;
use crate::exec::PidFd;
use crate::fact_values;
use crate::sandbox::{Fact, FactDecl, Measurement, NotMeasured};
use crate::sandbox::{PrivateTmuxServer, ProbeContext};

const NEW_WINDOW: Fact<StartDirectory> = Fact::new("new-window");
const NEW_SESSION: Fact<StartDirectory> = Fact::new("new-session");
pub(crate) const FACTS: &[FactDecl] = &[NEW_WINDOW.decl(), NEW_SESSION.decl()];

fact_values! {
    /// The working directory of the command in a pane.
    pub(crate) enum StartDirectory {
        Home = "home",
        Elsewhere = "elsewhere",
        Refused = "refused",
    }
}

/// Reports the working directory through the FIFO `$1`, after its name `$0`.
const REPORT: &str = "echo \"$0 $(pwd -P)\" >\"$1\"";

pub(crate) fn measure(context: &ProbeContext) -> Result<Measurement, NotMeasured> {
    let dir = fs::canonicalize(context.dir())?;
    let [home, present, missing] = ["home", "present", "missing"].map(|name| dir.join(name));
    fs::create_dir(&home)?;
    fs::create_dir(&present)?;
    let mut fifo = PaneFifo::create(context)?;
    let server = PrivateTmuxServer::start(context, "server", |tmux| {
        BusVariables::remove(tmux).env("HOME", &home)
    })?;
    let mut open = |name: &'static str, words: [&str; 3], start: &Path| {
        let [command, option, value] = words;
        let run = server
            .command()
            .args([command, "-d", "-P", "-F", "#{pane_pid}", option, value, "-c"])
            .arg(start)
            // The pane that reports first must not end the server's only session.
            .args(["--", "sh", "-c", &format!("{REPORT}; read -r line"), name])
            .arg(fifo.path())
            .run()?;
        let Ok(pid) = run.stdout_text().parse() else { return Ok((run, None)) };
        let place = fifo.wait_report(name, PidFd::of(pid).ok().as_ref())?;
        let unreported =
            || NotMeasured::Unmeasured("a pane did not report its working directory".to_owned());
        Ok::<_, NotMeasured>((run, Some(PathBuf::from(place.ok_or_else(unreported)?))))
    };
    let (_, place) = open("present", ["new-session", "-s", "present"], &present)?;
    if place != Some(present) {
        let reason = "a pane with a start directory that exists does not run there";
        return Err(NotMeasured::Unmeasured(reason.into()));
    }
    let mut measurement = Measurement::default();
    for (fact, words) in [
        (NEW_SESSION, ["new-session", "-s", "missing"]),
        (NEW_WINDOW, ["new-window", "-t", "=present:"]),
    ] {
        let (run, place) = open(fact.name(), words, &missing)?;
        let place = match place {
            None => StartDirectory::Refused,
            Some(place) if place == home => StartDirectory::Home,
            Some(_) => StartDirectory::Elsewhere,
        };
        measurement.set_from(fact, place, &run);
    }
    Ok(measurement)
}
