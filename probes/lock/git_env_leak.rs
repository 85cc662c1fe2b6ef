//! Whether the environment, or that of a tmux server, sends every git to one repository.

use std::env;

use crate::host::{AskedVariables, TmuxSocket, User, tmux_sockets};
use crate::sandbox::Sandbox;
use crate::{Measurement, Unable};

/// The variables, each with its fact for this environment and for the tmux servers'.
const VARIABLES: [(&str, &str, &str); 3] = [
    ("GIT_DIR", "git-dir", "tmux-git-dir"),
    ("GIT_WORK_TREE", "git-work-tree", "tmux-git-work-tree"),
    ("GIT_INDEX_FILE", "git-index-file", "tmux-git-index-file"),
];

pub fn measure(sandbox: &Sandbox) -> Result<Measurement, Unable> {
    let names = VARIABLES.map(|(name, ..)| name);
    let ask = |socket: TmuxSocket| {
        let asked = socket.ask(&names, sandbox.deadline()).ok()?;
        Some((socket, asked))
    };
    let asked: Vec<_> = tmux_sockets(User::current().uid)?.into_iter().filter_map(ask).collect();

    let mut measurement = Measurement::default();
    let mut leaks = Vec::new();
    for (name, fact, _) in VARIABLES {
        let is_set = env::var_os(name).is_some();
        // Only whether it is set: its value is nobody's business.
        let shown = sandbox.command("sh").args(["-c", &format!("echo ${{{name}+set}}")]).run()?;
        measurement.fact_from(fact, if is_set { "set" } else { "unset" }, &shown);
        leaks.extend(is_set.then(|| format!("{name} here")));
    }
    let mut told = 0;
    for (socket, asked) in asked {
        if tell(&socket, asked, &mut measurement, &mut leaks) {
            told += 1;
        }
    }
    let servers = match told {
        0 => "no tmux server told its own".to_owned(),
        1 => "one tmux server told its own".to_owned(),
        all => format!("{all} tmux servers told theirs"),
    };
    measurement.summary = if leaks.is_empty() {
        format!("none of {} is set in this environment; {servers}", names.join(", "))
    } else {
        format!("set: {}; {servers}", leaks.join(", "))
    };
    Ok(measurement)
}

/// Records what a server told; the worse of what two tell counts. Says whether it told anything: the
/// others are those of tmux-bus-env.
fn tell(
    socket: &TmuxSocket,
    asked: AskedVariables,
    measurement: &mut Measurement,
    leaks: &mut Vec<String>,
) -> bool {
    let Ok(variables) = asked.answer() else { return false };
    for ((name, _, fact), variable) in VARIABLES.into_iter().zip(variables) {
        if variable.value.is_some() {
            let path = socket.path.to_string_lossy();
            measurement.fact_from(fact, "set", &variable.told_by);
            leaks.push(format!("{name} in the tmux server at {path}"));
            measurement.detail(fact, path);
        } else if !measurement.facts.contains_key(fact) {
            measurement.fact_from(fact, "unset", &variable.told_by);
        }
    }
    true
}
