//! Measures the `pane_current_command` of a wrapped pane: while systemd-run waits for the scope, while
//! the agent runs, and after the launch has failed; and where the error message can be read.

use std::collections::HashMap;
use std::ffi::{OsStr, OsString};
use std::fs::{self, DirBuilder};
use std::io;
use std::os::fd::AsFd;
use std::os::unix::fs::DirBuilderExt;
use std::os::unix::net::UnixListener;
use std::time::Instant;

use nix::poll::{PollFd, PollFlags, PollTimeout, poll};

use super::support::bus_variables::BusVariables;
use super::support::kept_panes::{KEEP_PANES, LIST_PANES};
use super::support::pane::{Pane, PaneBuilder};
use super::support::pane_fifo::PaneFifo;
use super::support::wrapper::Wrapper;
use crate::exec::Output;
use crate::fact_values;
use crate::sandbox::{Fact, FactDecl, Measurement, NotMeasured};
use crate::sandbox::{PrivateTmuxServer, ProbeContext};

const STARTING: Fact<CommandName> = Fact::new("starting");
const EXEC: Fact<CommandName> = Fact::new("exec");
const SHELL: Fact<CommandName> = Fact::new("shell");
const FAILED: Fact<CommandName> = Fact::new("failed");
const CAPTURE: Fact<Message> = Fact::new("capture");
const CAPTURE_ALL: Fact<Message> = Fact::new("capture-all");
pub(crate) const FACTS: &[FactDecl] = &[
    STARTING.decl(),
    EXEC.decl(),
    SHELL.decl(),
    FAILED.decl(),
    CAPTURE.decl(),
    CAPTURE_ALL.decl(),
];

fact_values! {
    /// What `pane_current_command` names.
    pub(crate) enum CommandName {
        Agent = "agent",
        Shell = "shell",
        SystemdRun = "systemd-run",
    }
}

fact_values! {
    /// Whether captured text begins with the message of the failed systemd-run.
    pub(crate) enum Message {
        Shown = "shown",
        Missing = "missing",
    }
}

/// An agent that replaces its shell: it writes the file `$0` to the FIFO `$1`, which is its report,
/// and then waits for input.
const EXEC_AGENT: &str = "exec cat \"$0\" - >\"$1\"";
/// The same agent as a child of its shell.
const CHILD_AGENT: &str = "cat \"$0\" - >\"$1\"; exit";
/// How often the launch that fails is tried: tmux may lose the last output of a pane (see the card),
/// on a busy host in one of a hundred.
const MAX_ATTEMPTS: usize = 5;
/// The format of a list of panes: the command name of each.
const PANE_FORMAT: &str = "#{session_name} #{pane_dead} #{pane_current_command}";

pub(crate) fn measure(context: &ProbeContext) -> Result<Measurement, NotMeasured> {
    if !context.is_user() {
        return Err(NotMeasured::Skipped("panes are wrapped with the user's manager".into()));
    }
    context.require_manager()?;
    let wrapper = Wrapper::new(context, &context.unit_name("own", "slice"));
    let outside = BusVariables::remove(wrapper.command(context, &["true"])).start()?;
    let server = PrivateTmuxServer::start(context, "server", BusVariables::remove)?;
    let mut fifo = PaneFifo::create(context)?;

    let launch = wrapper.wrap(&["true"]);
    let [failed] =
        PaneBuilder::new(server.command()).then(KEEP_PANES).pane("failed", &launch).run()?;
    let agent = |name: &str, script: &str| -> io::Result<Vec<OsString>> {
        let heartbeat = context.dir().join(name);
        fs::write(&heartbeat, format!("{name}\n"))?;
        let words = ["sh".as_ref(), "-c".as_ref(), script.as_ref(), heartbeat.as_os_str()];
        Ok(wrapper.wrap(&[&words[..], &[fifo.path().as_os_str()]].concat()))
    };
    let [exec, shell] = PaneBuilder::new(server.command())
        .then(BusVariables::own().set_globally())
        .pane("exec", &agent("exec", EXEC_AGENT)?)
        .pane("shell", &agent("shell", CHILD_AGENT)?)
        .run()?;
    exec.require_alive(&mut fifo)?;
    shell.require_alive(&mut fifo)?;
    let starting = StartingPane::open(context, &server, &launch)?;
    failed.state(&mut fifo)?;

    let mut measurement = Measurement::default();
    let (listed, names) = command_names(&server)?;
    for (fact, pane) in
        [(STARTING, &starting.pane), (EXEC, &exec), (SHELL, &shell), (FAILED, &failed)]
    {
        let name = names.get(fact.name()).map_or("", String::as_str);
        measurement.add_evidence(fact.name(), &pane.opened);
        measurement.set_from(fact, classify(name)?, &listed);
    }
    record_message(&server, &launch, &outside.wait()?, &mut measurement)?;
    Ok(measurement)
}

fn classify(name: &str) -> Result<CommandName, NotMeasured> {
    match name {
        "cat" => Ok(CommandName::Agent),
        "sh" => Ok(CommandName::Shell),
        "systemd-run" => Ok(CommandName::SystemdRun),
        other => Err(NotMeasured::Unmeasured(format!(
            "tmux shows the unexpected command name `{other}` for a pane"
        ))),
    }
}

/// Returns the command name of each session's pane, once tmux has noticed that the failed pane exited.
fn command_names(
    server: &PrivateTmuxServer,
) -> Result<(Output, HashMap<String, String>), NotMeasured> {
    loop {
        let listed = server.command().args(LIST_PANES).arg(PANE_FORMAT).run()?;
        let text = listed.stdout_text();
        // The hook `pane-died` is missed together with SIGCHLD, so the state is polled.
        if text.lines().any(|line| line.starts_with("failed 1 ")) {
            let words = text.lines().filter_map(|line| line.split_once(' '));
            let names = words
                .filter_map(|(session, rest)| {
                    Some((session.into(), rest.split_once(' ')?.1.into()))
                })
                .collect();
            return Ok((listed, names));
        }
    }
}

/// Records whether capture-pane prints a line of the failed pane that begins like the error message
/// of the same launch outside tmux.
fn record_message(
    server: &PrivateTmuxServer,
    launch: &[OsString],
    outside: &Output,
    measurement: &mut Measurement,
) -> Result<(), NotMeasured> {
    let message: String = outside.stderr_text().chars().take(40).collect();
    if outside.success() || message.is_empty() {
        return Err(NotMeasured::Unmeasured(
            "a launch without a bus did not fail with an error message".into(),
        ));
    }
    let is_shown = |run: &Output| run.stdout_text().lines().any(|line| line.starts_with(&message));
    let capture = server.command().args(["capture-pane", "-p", "-t", "=failed:"]);
    let history = capture.clone().args(["-S", "-"]);
    let mut captured_all = history.clone().run()?;
    for _ in 1..MAX_ATTEMPTS {
        if is_shown(&captured_all) {
            break;
        }
        let again = PaneBuilder::new(server.command()).then(BusVariables::UNSET_GLOBALLY);
        let [_] = again.respawn("failed", launch).run()?;
        command_names(server)?;
        captured_all = history.clone().run()?;
    }
    for (fact, run) in [(CAPTURE, capture.run()?), (CAPTURE_ALL, captured_all)] {
        let message = if is_shown(&run) { Message::Shown } else { Message::Missing };
        measurement.set_from(fact, message, &run);
    }
    Ok(())
}

/// A wrapped pane whose systemd-run waits for a manager that does not answer.
struct StartingPane {
    pane: Pane,
    _manager: UnixListener,
}

impl StartingPane {
    fn open(
        context: &ProbeContext,
        server: &PrivateTmuxServer,
        launch: &[OsString],
    ) -> Result<Self, NotMeasured> {
        let dir = context.dir().join("xdg");
        let mut builder = DirBuilder::new();
        builder.mode(0o700).recursive(true).create(dir.join("systemd"))?;
        let manager = UnixListener::bind(dir.join("systemd/private"))?;
        let set = ["set-environment", "-g", "XDG_RUNTIME_DIR"].map(OsStr::new);
        let [pane] = PaneBuilder::new(server.command())
            .then(set)
            .then([dir.as_os_str(), OsStr::new(";")])
            .pane("starting", launch)
            .run()?;
        wait_for_client(&manager, context.deadline())?;
        Ok(Self { pane, _manager: manager })
    }
}

/// Waits for the first connection.
fn wait_for_client(listener: &UnixListener, deadline: Instant) -> Result<(), NotMeasured> {
    let left = deadline.saturating_duration_since(Instant::now()).as_millis();
    let timeout = PollTimeout::try_from(left).unwrap_or(PollTimeout::MAX);
    let mut fds = [PollFd::new(listener.as_fd(), PollFlags::POLLIN)];
    match poll(&mut fds, timeout) {
        Ok(1..) => Ok(()),
        _ => Err(NotMeasured::Unmeasured("systemd-run did not connect to the manager".into())),
    }
}
