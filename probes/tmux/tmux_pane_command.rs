//! What tmux calls a wrapped pane: while systemd-run asks for the scope, while the agent lives, and
//! once the launch has failed; and where the failure can be read.

use std::fs::DirBuilder;
use std::os::fd::AsFd;
use std::os::unix::fs::DirBuilderExt;
use std::os::unix::net::UnixListener;
use std::time::Instant;

use nix::poll::{PollFd, PollFlags, PollTimeout, poll};

use super::bus_variables::BusVariables;
use super::pane::Pane;
use super::wrapper::Wrapper;
use crate::sandbox::{Completed, Sandbox, TmuxServer};
use crate::{Measurement, Unable};

/// An agent that takes the place of the shell. It is a tmux client, which tells on the channel `$0`
/// that it runs and then waits.
const EXEC: &str = "exec tmux wait-for -S \"$0\" \\; wait-for for-ever";
/// A shell that stays. It tells on the channel `$0` that it runs.
const STAY: &str = "tmux wait-for -S \"$0\"; read -r line";

pub fn measure(sandbox: &Sandbox) -> Result<Measurement, Unable> {
    if !sandbox.is_user() {
        return Err(Unable::Skipped("panes are wrapped with the user's manager".into()));
    }
    sandbox.require_manager()?;
    let wrapper = Wrapper::new(sandbox, &sandbox.unit_name("own", "slice"));
    let good = TmuxServer::start(sandbox, "good", |tmux| tmux)?;
    let bare = TmuxServer::start(sandbox, "bare", BusVariables::remove)?;
    Pane::watch(&good)?;
    let open = |name, script| {
        let words = wrapper.around(&["sh", "-c", script, name]);
        Pane::open(&good, name, &words, |tmux| tmux)
    };
    let exec = open("exec", EXEC)?;
    let stay = open("stay", STAY)?;

    let outside = BusVariables::remove(wrapper.command(sandbox, &["true"])).start()?;

    let mut measurement = Measurement::default();
    let failed = fail(&bare, &wrapper)?;
    measurement.evidence.push(failed.evidence("failed"));
    tell(&bare, "failed", "failed", &mut measurement)?;
    tell_message(&bare, &outside.wait()?, &mut measurement)?;
    let starting = Starting::open(sandbox, &bare, &wrapper)?;
    measurement.evidence.push(starting.opened.evidence("starting"));
    tell(&bare, "starting", "starting", &mut measurement)?;
    for (fact, pane) in [("exec", exec), ("shell", stay)] {
        let name = pane.name();
        measurement.evidence.push(pane.live()?.opened.evidence(fact));
        tell(&good, fact, name, &mut measurement)?;
    }
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

/// Records what tmux calls the pane of a session.
fn tell(
    server: &TmuxServer,
    fact: &str,
    session: &str,
    measurement: &mut Measurement,
) -> Result<(), Unable> {
    let asked = ask(server, session, "#{pane_current_command}")?;
    let word = match asked.text().as_str() {
        "tmux" => "agent",
        "sh" => "shell",
        "systemd-run" => "systemd-run",
        other => {
            return Err(Unable::Unmeasured(format!("tmux calls the pane `{other}`")));
        }
    };
    measurement.fact_from(fact, word, &asked);
    Ok(())
}

fn ask(server: &TmuxServer, session: &str, format: &str) -> Result<Completed, Unable> {
    let target = format!("={session}:");
    Ok(server.command().args(["display-message", "-p", "-t", &target, format]).run()?)
}

/// Opens a wrapped pane that cannot reach the manager, and waits until tmux has seen its end.
fn fail(server: &TmuxServer, wrapper: &Wrapper) -> Result<Completed, Unable> {
    Pane::arrange(server, &["set-option", "-g", "remain-on-exit", "on"])?;
    let opened = server
        .command()
        .args(["new-session", "-d", "-s", "failed", "--"])
        .args(wrapper.around(&["true"]))
        .run()?;
    // The event `pane-died` is lost at times (see `Pane::watch`), so the state is looked at.
    while ask(server, "failed", "#{pane_dead}")?.text() != "1" {}
    // What is lost is the signal that tells of the child's end; the next child's makes up for it.
    Pane::arrange(server, &["run-shell", "true"])?;
    Ok(opened)
}

/// Records whether what capture-pane prints of the failed pane begins with what the same launch
/// says outside tmux, as far as a line of the pane holds it.
fn tell_message(
    server: &TmuxServer,
    outside: &Completed,
    measurement: &mut Measurement,
) -> Result<(), Unable> {
    let message: String = outside.errors().chars().take(40).collect();
    if outside.success() || message.is_empty() {
        return Err(Unable::Unmeasured("a launch without a bus did not say that it failed".into()));
    }
    let capture = server.command().args(["capture-pane", "-p", "-t", "=failed:"]);
    let all = capture.clone().args(["-S", "-"]);
    for (fact, capture) in [("capture", capture), ("capture-all", all)] {
        let run = capture.run()?;
        let word = if run.text().starts_with(&message) { "shown" } else { "missing" };
        measurement.fact_from(fact, word, &run);
    }
    Ok(())
}

/// A wrapped pane whose systemd-run waits for the answer of a manager that gives none.
struct Starting {
    opened: Completed,
    _manager: UnixListener,
}

impl Starting {
    fn open(sandbox: &Sandbox, server: &TmuxServer, wrapper: &Wrapper) -> Result<Self, Unable> {
        let dir = sandbox.dir().join("xdg");
        let mut builder = DirBuilder::new();
        builder.mode(0o700).recursive(true).create(dir.join("systemd"))?;
        let manager = UnixListener::bind(dir.join("systemd/private"))?;
        let set = server.command().args(["set-environment", "-g", "XDG_RUNTIME_DIR"]).arg(&dir);
        let opened = set
            .args([";", "new-session", "-d", "-s", "starting", "--"])
            .args(wrapper.around(&["true"]))
            .run()?;
        wait_for_client(&manager, sandbox.deadline())?;
        Ok(Self { opened, _manager: manager })
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
