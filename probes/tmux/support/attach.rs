use std::collections::BTreeMap;
use std::fs;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};

use super::bounded_list::bounded_list;
use super::bus_variables::BusVariables;
use super::pane::{Pane, PaneBuilder, PaneState};
use super::pane_fifo::PaneFifo;
use crate::exec::Output;
use crate::fact_values;
use crate::host::TmuxServer;
use crate::sandbox::{Measurement, NotMeasured, PrivateTmuxServer, ProbeContext};

/// What a pane runs to attach to another server: the program `$1`, its socket `$2`. What it says goes to `$3`.
const ATTACH: &str = "unset TMUX; exec \"$1\" -S \"$2\" attach-session -t held 2>\"$3\"";
/// What a server does when a client has attached: it reports to the FIFO in its environment.
const REPORT: &str = "run-shell 'echo attach >\"$LAUNCH_DOCTOR_FIFO\"'";
/// Of how many programs an attach is tried.
const TRIED: usize = 4;

fact_values! {
    /// Whether the `tmux` in PATH attaches to each running server, from the best to the worst.
    #[derive(PartialOrd, Ord)]
    pub(crate) enum Attach {
        NoServer = "none",
        Same = "same-program",
        Attaches = "attaches",
        Untried = "untried",
        Refused = "refused",
    }
}

/// The running servers whose program is another file than the `tmux` in PATH.
pub(crate) struct OtherPrograms {
    attach: Attach,
    /// The servers whose state is the worst one, and the version of each.
    servers: Vec<(TmuxServer, String)>,
    message: String,
    evidence: Vec<Output>,
}

impl OtherPrograms {
    /// Tries to attach to a private server of each such program.
    ///
    /// # Errors
    /// If the `tmux` in PATH does not attach to a server of its own.
    pub(crate) fn inspect(
        context: &ProbeContext,
        servers: &[TmuxServer],
        has_pty: bool,
    ) -> Result<Self, NotMeasured> {
        let attach = if servers.is_empty() { Attach::NoServer } else { Attach::Same };
        let mut found =
            Self { attach, servers: Vec::new(), message: String::new(), evidence: Vec::new() };
        let mut by_program: BTreeMap<(u64, u64), Vec<&TmuxServer>> = BTreeMap::new();
        for server in servers {
            let program = server.client_program();
            if program != Path::new("tmux")
                && let Ok(file) = fs::metadata(&program)
            {
                by_program.entry((file.dev(), file.ino())).or_default().push(server);
            }
        }
        for (number, servers) in by_program.values().take(TRIED).enumerate() {
            let program = servers[0].client_program();
            let (attach, version, message) = if has_pty {
                found.try_program(context, &program, number)?
            } else {
                (Attach::Untried, "tmux".into(), "no pseudoterminal is left".into())
            };
            if attach < found.attach {
                continue;
            }
            if attach > found.attach {
                found.servers.clear();
            }
            found.attach = attach;
            found.message = message;
            let versioned = servers.iter().map(|server| ((*server).clone(), version.clone()));
            found.servers.extend(versioned);
        }
        Ok(found)
    }

    fn try_program(
        &mut self,
        context: &ProbeContext,
        program: &Path,
        number: usize,
    ) -> Result<(Attach, String, String), NotMeasured> {
        let version = match context.command(program).arg("-V").run() {
            Ok(run) if run.success() => run.stdout_text(),
            Ok(run) => return Ok((Attach::Untried, "tmux".into(), run.error_summary())),
            Err(error) => return Ok((Attach::Untried, "tmux".into(), error.to_string())),
        };
        let (attaches, message) = self.attaches(context, program, &format!("other{number}"))?;
        if attaches {
            return Ok((Attach::Attaches, version, message));
        }
        let own = self.attaches(context, Path::new("tmux"), &format!("own{number}"))?;
        if own.0 {
            return Ok((Attach::Refused, version, message));
        }
        let reason = format!("tmux does not attach to a server of its own: {}", own.1);
        Err(NotMeasured::Unmeasured(reason))
    }

    /// Starts a server of `program`, and lets a pane of another server attach to it.
    fn attaches(
        &mut self,
        context: &ProbeContext,
        program: &Path,
        label: &str,
    ) -> Result<(bool, String), NotMeasured> {
        let mut fifo = PaneFifo::create_named(context, &format!("{label}-fifo"))?;
        let server = PrivateTmuxServer::start_program(context, program.into(), label, |command| {
            BusVariables::remove(command).env("LAUNCH_DOCTOR_FIFO", fifo.path())
        })?;
        let held = server
            .command()
            .args(["new-session", "-d", "-s", "held", "--", "sh", "-c", "read -r line"])
            .args([";", "set-hook", "-g", "client-attached", REPORT])
            .run()?;
        let outer =
            PrivateTmuxServer::start(context, &format!("{label}-client"), BusVariables::remove)?;
        let said = context.dir().join(format!("{label}-said"));
        let words = ["sh".into(), "-c".into(), ATTACH.into(), "sh".into(), PathBuf::from("tmux")];
        let words = words.into_iter().chain([server.socket().to_owned(), said.clone()]);
        let words: Vec<_> = words.map(PathBuf::into_os_string).collect();
        let opened: [Pane; 1] = PaneBuilder::new(outer.command()).pane("attach", &words).run()?;
        let attaches = opened[0].state(&mut fifo)? == PaneState::Running;
        let message = fs::read_to_string(said).unwrap_or_default().trim().to_owned();
        self.evidence.extend([held, opened[0].opened.clone()]);
        Ok((attaches, message))
    }

    /// Returns the value of the fact.
    pub(crate) fn state(&self) -> Attach {
        self.attach
    }

    /// Records the details, the lists and the evidence.
    pub(crate) fn record(&self, fact: &str, measurement: &mut Measurement) {
        let describe = |(server, version): &(TmuxServer, String)| {
            format!("{} (process {}, {version})", server.path.display(), server.pid)
        };
        let texts: Vec<String> = self.servers.iter().map(describe).collect();
        measurement.detail("others", bounded_list(&texts));
        measurement.detail("message", self.message.clone());
        let first = || self.servers.iter().take(1);
        measurement.list("old-pid", first().map(|(server, _)| server.pid.to_string()));
        measurement
            .list("old-socket", first().map(|(server, _)| server.path.display().to_string()));
        for run in &self.evidence {
            measurement.add_evidence(fact, run);
        }
    }
}
