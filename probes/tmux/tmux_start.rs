//! Whether a tmux server that is started here runs commands, and is found by the next client.

use std::path::PathBuf;

use super::support::attach::{Attach, OtherPrograms};
use super::support::bounded_list::bounded_list;
use super::support::bus_variables::BusVariables;
use super::support::configuration_line::ConfigurationLine;
use super::support::pane::{Pane, PaneBuilder, PaneState};
use super::support::pane_fifo::PaneFifo;
use super::support::socket_dir::{SocketDir, SocketDirCheck};
use super::support::tmux_configuration::TmuxConfiguration;
use super::support::tmux_variables::{TmuxVariables, Variables};
use crate::exec::{Command, Output, PidFd};
use crate::fact_values;
use crate::host::{Ptys, User};
use crate::sandbox::{Fact, FactDecl, Measurement, NotMeasured};
use crate::sandbox::{PrivateTmuxServer, ProbeContext, user_tmux_servers};

fact_values! {
    /// Whether a command that tmux starts runs.
    enum Session {
        Runs = "runs",
        NoPty = "no-pty",
        ShellEnds = "shell-ends",
    }
}

fact_values! {
    /// What the user's configuration does.
    enum Configuration {
        None = "none",
        Accepted = "accepted",
        NotExecuted = "not-executed",
        Refused = "refused",
        EndsSessions = "ends-sessions",
    }
}

const SOCKET_DIR: Fact<SocketDir> = Fact::new("socket-dir");
const VARIABLES: Fact<Variables> = Fact::new("variables");
const SESSION: Fact<Session> = Fact::new("session");
const CONFIGURATION: Fact<Configuration> = Fact::new("configuration");
const ATTACH: Fact<Attach> = Fact::new("attach");
pub(crate) const FACTS: &[FactDecl] =
    &[SOCKET_DIR.decl(), VARIABLES.decl(), SESSION.decl(), CONFIGURATION.decl(), ATTACH.decl()];

/// The session that is started, and what it runs. tmux gives one word to the default shell.
const NAME: &str = "start";
const COMMAND: &str = "exec sh -c 'echo start >\"$LAUNCH_DOCTOR_FIFO\"; read -r line'";
/// The kernel's own limit of pseudoterminals in one mount, and for all (Linux, `NR_UNIX98_PTY_MAX` and
/// `NR_UNIX98_PTY_DEFAULT`).
const MOST_PTYS: u64 = 1 << 20;
const DEFAULT_PTYS: u64 = 4096;

pub(crate) fn measure(context: &ProbeContext) -> Result<Measurement, NotMeasured> {
    let user = User::current();
    let servers = user_tmux_servers(user.uid)?;
    let mut measurement = Measurement::default();
    let variables = TmuxVariables::inspect(&user, &servers);
    measurement.set(VARIABLES, variables.state());
    variables.record(&mut measurement);
    let unused = format!("{}_none", context.run);
    let dir = SocketDirCheck::ask(context, &user, &variables.parent, &unused)?;
    measurement.set(SOCKET_DIR, dir.state());
    dir.record(&user, &mut measurement);
    if let Some(run) = &dir.run {
        measurement.add_evidence(SOCKET_DIR.name(), run);
    }
    let has_pty = has_pty(&mut measurement)?;
    record_start(context, has_pty, &mut measurement)?;
    let others = OtherPrograms::inspect(context, &servers, has_pty)?;
    measurement.set(ATTACH, others.state());
    others.record(ATTACH.name(), &mut measurement);
    Ok(measurement)
}

/// Reports whether a pseudoterminal is left, and records what limits them.
fn has_pty(measurement: &mut Measurement) -> Result<bool, NotMeasured> {
    let (mut points, mut maxima) = (Vec::new(), Vec::new());
    let text = match Ptys::inspect() {
        Ptys::Free => String::new(),
        Ptys::MountFull { point, max } => {
            points.push(point.display().to_string());
            format!("{} is mounted with max={max}", point.display())
        }
        Ptys::KernelFull { max } => {
            maxima.push((max * 2).max(DEFAULT_PTYS).to_string());
            format!("kernel.pty.max is {max}")
        }
        Ptys::Refused(reason) => return Err(NotMeasured::Unmeasured(reason)),
    };
    let has_pty = text.is_empty();
    measurement.detail("limit", text);
    measurement.list("pts-option", points.iter().map(|_| format!("remount,max={MOST_PTYS}")));
    measurement.list("pts", points);
    measurement.list("pty-setting", maxima.iter().map(|max| format!("kernel.pty.max={max}")));
    Ok(has_pty)
}

/// Starts a private server, and a session in it: with the user's configuration where that starts no program, and
/// without it where that session does not run.
fn record_start(
    context: &ProbeContext,
    has_pty: bool,
    measurement: &mut Measurement,
) -> Result<(), NotMeasured> {
    let mut fifo = PaneFifo::create(context)?;
    let fifo_path = fifo.path().to_owned();
    let with_fifo =
        |command: Command| BusVariables::remove(command).env("LAUNCH_DOCTOR_FIFO", &fifo_path);
    let plain = PrivateTmuxServer::start(context, "plain", with_fifo)?;
    let mut configuration = TmuxConfiguration::parse(&plain)?;
    let mut value = match (&configuration.files[..], &configuration.errors[..]) {
        ([], _) => Configuration::None,
        (_, [_, ..]) => Configuration::Refused,
        _ if has_pty && configuration.starts_no_program() => Configuration::Accepted,
        _ => Configuration::NotExecuted,
    };
    let (mut ended, mut is_executed) = (None, false);
    let mut session = if has_pty { Session::Runs } else { Session::NoPty };
    if has_pty && matches!(value, Configuration::Accepted) {
        let server = PrivateTmuxServer::start(context, "configured", with_fifo)?;
        let process = server.pid().and_then(|pid| PidFd::of(pid).ok());
        configuration.execute(&server)?;
        is_executed = true;
        if !configuration.errors.is_empty() {
            value = Configuration::Refused;
        }
        let ends_server = configuration.lines.iter().any(ConfigurationLine::ends_server);
        let is_ended = ends_server && process.is_some_and(|it| it.wait(context.deadline()));
        ended =
            if is_ended { Some(SessionEnd::Server) } else { start_session(&server, &mut fifo)?.0 };
    }
    let has_ended = ended.is_some();
    if has_pty && (has_ended || !is_executed) {
        let (end, opened) = start_session(&plain, &mut fifo)?;
        measurement.add_evidence(SESSION.name(), &opened);
        match end {
            None if has_ended => value = Configuration::EndsSessions,
            None => {}
            Some(_) => {
                session = Session::ShellEnds;
                record_shell(context, &plain, measurement)?;
            }
        }
    }
    measurement.set(SESSION, session);
    measurement.set(CONFIGURATION, value);
    for run in &configuration.evidence {
        measurement.add_evidence(CONFIGURATION.name(), run);
    }
    record_configuration(&configuration, value, ended, measurement);
    Ok(())
}

/// How a session ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum SessionEnd {
    /// The whole server ended before it.
    Server,
    /// The command did not run.
    Command,
    /// The command ran, and the session ended once its client had left.
    Detached,
}

/// Starts a session, and returns how it ended; `None` if it runs on without a client.
fn start_session(
    server: &PrivateTmuxServer,
    fifo: &mut PaneFifo,
) -> Result<(Option<SessionEnd>, Output), NotMeasured> {
    let opened: [Pane; 1] = PaneBuilder::new(server.command()).pane(NAME, &[COMMAND]).run()?;
    let opened_by = opened[0].opened.clone();
    if opened[0].state(fifo)? == PaneState::Exited {
        return Ok((Some(SessionEnd::Command), opened_by));
    }
    let runs_on = runs_without_client(server)?;
    Ok(((!runs_on).then_some(SessionEnd::Detached), opened_by))
}

/// Returns whether the session runs on without a client. Each command is a client for a moment, and a server that ends
/// without one need not end between two of them: so it is also asked whether it will.
fn runs_without_client(server: &PrivateTmuxServer) -> Result<bool, NotMeasured> {
    for option in [["-sv", "exit-unattached"], ["-gv", "destroy-unattached"]] {
        let shown = server.command().arg("show-options").args(option).run()?;
        if !shown.success() || shown.stdout_text() == "on" {
            return Ok(false);
        }
    }
    Ok(server.command().args(["has-session", "-t", &format!("={NAME}")]).run()?.success())
}

/// Records the shell with which tmux starts commands, which runs none.
fn record_shell(
    context: &ProbeContext,
    server: &PrivateTmuxServer,
    measurement: &mut Measurement,
) -> Result<(), NotMeasured> {
    let shown = server.command().args(["show-options", "-gv", "default-shell"]).run()?;
    let shell = shown.stdout_text();
    let run = context.command(&shell).args(["-c", "true"]).run()?;
    if run.success() {
        return Err(NotMeasured::Unmeasured(format!(
            "{shell} runs commands, and a pane of a private tmux server ended at once"
        )));
    }
    measurement.add_evidence(SESSION.name(), &shown);
    measurement.add_evidence(SESSION.name(), &run);
    measurement.detail("shell", shell);
    Ok(())
}

/// Returns the lines that end a session. One that ends with its client may end before its command has run.
fn blamed(lines: &[ConfigurationLine], ended: Option<SessionEnd>) -> Vec<(PathBuf, usize)> {
    let with = |is_blamed: fn(&ConfigurationLine) -> bool| -> Vec<(PathBuf, usize)> {
        let found = lines.iter().filter(|line| is_blamed(line));
        found.map(|line| (line.file.clone(), line.number)).collect()
    };
    let shells = with(|line| line.sets("default-shell"));
    match ended {
        None => Vec::new(),
        Some(SessionEnd::Server) => with(ConfigurationLine::ends_server),
        Some(SessionEnd::Command) if !shells.is_empty() => shells,
        Some(SessionEnd::Command | SessionEnd::Detached) => {
            with(|line| line.sets("exit-unattached") || line.sets("destroy-unattached"))
        }
    }
}

fn record_configuration(
    configuration: &TmuxConfiguration,
    value: Configuration,
    ended: Option<SessionEnd>,
    measurement: &mut Measurement,
) {
    let lines = match value {
        Configuration::Refused => configuration.refused_lines(),
        Configuration::EndsSessions => blamed(&configuration.lines, ended),
        _ => Vec::new(),
    };
    let places = lines.iter().map(|(file, number)| format!("{}:{number}", file.display()));
    measurement.detail("lines", bounded_list(&places.collect::<Vec<_>>()));
    measurement.detail("error", bounded_list(&configuration.errors));
    let files: Vec<String> =
        configuration.files.iter().map(|file| file.display().to_string()).collect();
    measurement.detail("files", bounded_list(&files));
    let is_finding = matches!(value, Configuration::Refused | Configuration::EndsSessions);
    let has_edits = TmuxConfiguration::record_edits(&lines, measurement);
    measurement.list("look-file", files.into_iter().filter(|_| is_finding && !has_edits));
}
