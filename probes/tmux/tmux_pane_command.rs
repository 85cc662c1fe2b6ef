//! What tmux calls a wrapped pane: while systemd-run asks for the scope, while the agent lives, and
//! once the launch has failed; and where the failure can be read.

use std::collections::HashMap;
use std::ffi::{OsStr, OsString};
use std::fs::{self, DirBuilder};
use std::os::fd::AsFd;
use std::os::unix::fs::DirBuilderExt;
use std::os::unix::net::UnixListener;
use std::time::Instant;

use nix::poll::{PollFd, PollFlags, PollTimeout, poll};

use super::bus_variables::BusVariables;
use super::pane::{Opening, Pane};
use super::pane_pipe::PanePipe;
use super::wrapper::Wrapper;
use crate::sandbox::{Completed, Sandbox, TmuxServer};
use crate::{Measurement, Unable};

/// An agent that takes the place of the shell: it writes the file `$0` to the pipe `$1`, which tells
/// that it runs, and then waits for input.
const EXEC: &str = "exec cat \"$0\" - >\"$1\"";
/// What the server is told before the first pane is opened: run-shell uses the shell that the user
/// prefers, which may be any.
const PREPARE: [&str; 10] = [
    "set-option",
    "-g",
    "default-shell",
    "/bin/sh",
    ";",
    "set-option",
    "-g",
    "remain-on-exit",
    "on",
    ";",
];
/// How often the launch that fails is made, if need be: tmux may lose the last words of a pane
/// (see the card), on a busy host in one of a hundred.
const LAUNCHES: usize = 5;
/// Prints what tmux calls each pane. The end of a child is what makes tmux look for children that
/// have ended, and it misses some (upstream commit fa5f3cef3d65, issue 4559): so one ends with each
/// look. It is not waited for, as it may be missed itself.
const LIST: [&str; 8] = [
    "run-shell",
    "-b",
    "true",
    ";",
    "list-panes",
    "-a",
    "-F",
    "#{session_name} #{pane_dead} #{pane_current_command}",
];

pub fn measure(sandbox: &Sandbox) -> Result<Measurement, Unable> {
    if !sandbox.is_user() {
        return Err(Unable::Skipped("panes are wrapped with the user's manager".into()));
    }
    sandbox.require_manager()?;
    let wrapper = Wrapper::new(sandbox, &sandbox.unit_name("own", "slice"));
    let outside = BusVariables::remove(wrapper.command(sandbox, &["true"])).start()?;
    let server = TmuxServer::start(sandbox, "server", BusVariables::remove)?;
    let mut pipe = PanePipe::make(sandbox)?;
    let name_of_agent = sandbox.dir().join("agent");
    fs::write(&name_of_agent, "exec\n")?;

    let launch = wrapper.around(&["true"]);
    let [failed] = Opening::by(server.command()).then(PREPARE).pane("failed", &launch).run()?;
    let agent = ["sh".as_ref(), "-c".as_ref(), EXEC.as_ref(), name_of_agent.as_os_str()];
    let agent = wrapper.around(&[&agent[..], &[pipe.path().as_os_str()]].concat());
    let shell = wrapper.around(&Pane::living("shell", &pipe));
    let [exec, shell] = Opening::by(server.command())
        .then(BusVariables::own().set_globally())
        .pane("exec", &agent)
        .pane("shell", &shell)
        .run()?;
    exec.live(&mut pipe)?;
    shell.live(&mut pipe)?;
    let starting = Starting::open(sandbox, &server, &launch)?;
    failed.fate(&mut pipe)?;

    let mut measurement = Measurement::default();
    let (listed, names) = names(&server)?;
    for (fact, pane) in
        [("starting", &starting.pane), ("exec", &exec), ("shell", &shell), ("failed", &failed)]
    {
        let name = names.get(fact).map_or("", String::as_str);
        measurement.evidence.push(pane.opened.evidence(fact));
        measurement.fact_from(fact, word(name)?, &listed);
    }
    tell_message(&server, &launch, &outside.wait()?, &mut measurement)?;
    measurement.summary = summary(&measurement);
    Ok(measurement)
}

fn summary(measurement: &Measurement) -> String {
    let called = |fact: &str| match measurement.facts[fact].as_str() {
        "systemd-run" => "`systemd-run`",
        "shell" => "by the shell's name",
        _ => "by the agent's name",
    };
    format!(
        "tmux called a wrapped pane {} while it waited for its scope, {} while the agent ran, {} \
         where a shell stayed before it, {} once the launch had failed",
        called("starting"),
        called("exec"),
        called("shell"),
        called("failed")
    )
}

/// The word on the card for what tmux calls a pane.
fn word(name: &str) -> Result<&'static str, Unable> {
    match name {
        "cat" => Ok("agent"),
        "sh" => Ok("shell"),
        "systemd-run" => Ok("systemd-run"),
        other => Err(Unable::Unmeasured(format!("tmux calls a pane `{other}`"))),
    }
}

/// What tmux calls the pane of each session, once it has seen the end of the one that has failed.
fn names(server: &TmuxServer) -> Result<(Completed, HashMap<String, String>), Unable> {
    loop {
        let listed = server.command().args(LIST).run()?;
        let text = listed.text();
        // No event tells it: `pane-died` is lost with the child's end. So the state is looked at.
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

/// Records whether a line that capture-pane prints of the failed pane is what the same launch says
/// outside tmux, as far as a line of the pane holds it.
fn tell_message(
    server: &TmuxServer,
    launch: &[OsString],
    outside: &Completed,
    measurement: &mut Measurement,
) -> Result<(), Unable> {
    let message: String = outside.errors().chars().take(40).collect();
    if outside.success() || message.is_empty() {
        return Err(Unable::Unmeasured("a launch without a bus did not say that it failed".into()));
    }
    let shown = |run: &Completed| run.text().lines().any(|line| line.starts_with(&message));
    let capture = server.command().args(["capture-pane", "-p", "-t", "=failed:"]);
    let history = capture.clone().args(["-S", "-"]);
    let mut all = history.clone().run()?;
    for _ in 1..LAUNCHES {
        if shown(&all) {
            break;
        }
        let again = Opening::by(server.command()).then(BusVariables::UNSET_GLOBALLY);
        let [_] = again.pane_again("failed", launch).run()?;
        names(server)?;
        all = history.clone().run()?;
    }
    for (fact, run) in [("capture", capture.run()?), ("capture-all", all)] {
        measurement.fact_from(fact, if shown(&run) { "shown" } else { "missing" }, &run);
    }
    Ok(())
}

/// A wrapped pane whose systemd-run waits for the answer of a manager that gives none.
struct Starting {
    pane: Pane,
    _manager: UnixListener,
}

impl Starting {
    fn open(sandbox: &Sandbox, server: &TmuxServer, launch: &[OsString]) -> Result<Self, Unable> {
        let dir = sandbox.dir().join("xdg");
        let mut builder = DirBuilder::new();
        builder.mode(0o700).recursive(true).create(dir.join("systemd"))?;
        let manager = UnixListener::bind(dir.join("systemd/private"))?;
        let set = ["set-environment", "-g", "XDG_RUNTIME_DIR"].map(OsStr::new);
        let [pane] = Opening::by(server.command())
            .then(set)
            .then([dir.as_os_str(), OsStr::new(";")])
            .pane("starting", launch)
            .run()?;
        wait_for_client(&manager, sandbox.deadline())?;
        Ok(Self { pane, _manager: manager })
    }
}

/// Waits until somebody wants to connect.
fn wait_for_client(listener: &UnixListener, deadline: Instant) -> Result<(), Unable> {
    let left = deadline.saturating_duration_since(Instant::now()).as_millis();
    let timeout = PollTimeout::try_from(left).unwrap_or(PollTimeout::MAX);
    let mut fds = [PollFd::new(listener.as_fd(), PollFlags::POLLIN)];
    match poll(&mut fds, timeout) {
        Ok(1..) => Ok(()),
        _ => Err(Unable::Unmeasured("systemd-run did not ask the manager".into())),
    }
}
