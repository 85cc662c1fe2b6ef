//! Whether everything that a wrapped pane starts lives in the slice, whoever is served first: the
//! wrapper, or tmux, which wants to move the same process.

use std::ffi::OsString;
use std::fs::File;
use std::io::{self, Write};
use std::path::PathBuf;

use super::held_bus::HeldBus;
use super::pane::{Opening, Pane};
use super::pane_pipe::{PanePipe, open_pipe};
use super::spawn_scope::SpawnScopes;
use super::wrapper::Wrapper;
use crate::host::Cgroup;
use crate::sandbox::{Command, Completed, Sandbox, TmuxServer};
use crate::{Measurement, Unable};

/// What a pane runs: a child, and a process in a session of its own whose parent has ended. It
/// tells their process ids through the pipe `$1`, behind its name `$0`. Both live until the pipe
/// `$2` ends.
const TREE: &str = "(read -r end <\"$2\") & child=$!; \
                    detached=$(setsid sh -c 'read -r end <\"$0\"' \"$2\" >/dev/null & echo $!); \
                    echo \"$0 $child $detached\" >\"$1\"; read -r line";
/// Becomes the command behind it once something has been written to the pipe `$0`.
const GATE: &str = "read -r go <\"$0\"; exec \"$@\"";

pub fn measure(sandbox: &Sandbox) -> Result<Measurement, Unable> {
    if !sandbox.is_user() {
        return Err(Unable::Skipped("tmux asks only the user's manager for scopes".into()));
    }
    sandbox.require_manager()?;
    let slice = sandbox.unit_name("own", "slice");
    let wrapper = Wrapper::new(sandbox, &slice);
    let mut pipe = PanePipe::make(sandbox)?;
    let outside = Stage::start(sandbox, "outside", |tmux| tmux)?;
    let inside = Stage::start(sandbox, "inside", |tmux| tmux.behind(wrapper.around(&[""; 0])))?;

    let life_path = sandbox.dir().join("life");
    let life = open_pipe(&life_path)?;
    let tree = |name: &str| {
        let words = ["sh", "-c", TREE, name].map(OsString::from).into_iter();
        words.chain([pipe.path().into(), life_path.clone().into()]).collect::<Vec<_>>()
    };
    let unwrapped_gate = Gate::make(sandbox, "unwrapped-gate")?;
    let wrapped_gate = Gate::make(sandbox, "wrapped-gate")?;
    let [unwrapped, wrapped] = Opening::by(outside.server.command())
        .pane("unwrapped", &unwrapped_gate.around(&tree("unwrapped")))
        .pane("wrapped", &wrapped_gate.around(&wrapper.around(&tree("wrapped"))))
        .run()?;
    let mut scopes = SpawnScopes::list(sandbox)?;
    let mut trees = Vec::new();
    for (fact, gate, pane) in
        [("unwrapped", unwrapped_gate, unwrapped), ("tmux-first", wrapped_gate, wrapped)]
    {
        scopes.settled(sandbox, pane.pid)?;
        gate.open()?;
        trees.push((fact, cgroups_of_tree(&pane, &mut pipe)?, pane.opened));
    }
    drop(life);
    let late = [
        ("wrapper-first", outside.wrapper_first(&wrapper, &mut pipe)?),
        ("server-in-slice", inside.wrapper_first(&wrapper, &mut pipe)?),
    ];
    let mut scopes = SpawnScopes::list(sandbox)?;

    let mut measurement = Measurement::default();
    for (fact, cgroups, opened) in trees {
        measurement.fact_from(fact, word(&cgroups, &slice), &opened);
    }
    for (fact, (pid, opened)) in late {
        let cgroup = scopes.settled(sandbox, pid)?;
        measurement.fact_from(fact, word(&[cgroup], &slice), &opened);
    }
    measurement.summary = summary(&measurement);
    Ok(measurement)
}

fn summary(measurement: &Measurement) -> String {
    let told = |fact: &str| measurement.facts[fact].as_str();
    format!(
        "all that a wrapped pane had started was {} the slice; when the manager served the \
         wrapper before tmux, the pane was {} it",
        told("tmux-first"),
        told("wrapper-first")
    )
}

/// The word on the card for where processes live.
fn word(cgroups: &[Cgroup], slice: &str) -> &'static str {
    let is_inside = |cgroup: &Cgroup| cgroup.user_slices().contains(&slice);
    if cgroups.iter().all(is_inside) { "inside" } else { "outside" }
}

/// Where a pane and all that it has started live.
fn cgroups_of_tree(pane: &Pane, pipe: &mut PanePipe) -> Result<Vec<Cgroup>, Unable> {
    let others = pane.live(pipe)?;
    let others = others.split(' ').filter_map(|pid| pid.parse().ok());
    let cgroups: Vec<Cgroup> =
        std::iter::once(pane.pid).chain(others).map(Cgroup::of).collect::<Result<_, _>>()?;
    if cgroups.len() < 3 {
        return Err(Unable::Unmeasured("a pane did not start its processes".into()));
    }
    Ok(cgroups)
}

/// What a pane waits at before it does anything.
struct Gate {
    path: PathBuf,
    pipe: File,
}

impl Gate {
    fn make(sandbox: &Sandbox, label: &str) -> Result<Self, Unable> {
        let path = sandbox.dir().join(label);
        Ok(Self { pipe: open_pipe(&path)?, path })
    }

    /// The words of a pane that waits at it before it runs `words`.
    fn around(&self, words: &[OsString]) -> Vec<OsString> {
        let waiting = ["sh", "-c", GATE].map(OsString::from).into_iter();
        waiting.chain([self.path.clone().into()]).chain(words.iter().cloned()).collect()
    }

    fn open(&self) -> io::Result<()> {
        (&self.pipe).write_all(b"go\n")
    }
}

/// A private server that reaches the bus through a relay, which can hold it back.
struct Stage<'a> {
    server: TmuxServer<'a>,
    bus: HeldBus,
    late: &'static str,
}

impl<'a> Stage<'a> {
    fn start(
        sandbox: &'a Sandbox<'a>,
        label: &'static str,
        place: impl FnOnce(Command) -> Command,
    ) -> Result<Self, Unable> {
        let runtime_dir = PathBuf::from(std::env::var_os("XDG_RUNTIME_DIR").unwrap_or_default());
        let relay = sandbox.dir().join(format!("{label}-bus"));
        let bus = HeldBus::listen(relay, runtime_dir.join("bus"))?;
        let server = TmuxServer::start(sandbox, label, |tmux| {
            place(tmux.env("DBUS_SESSION_BUS_ADDRESS", bus.address()))
        })?;
        Ok(Self { server, bus, late: label })
    }

    /// Opens a wrapped pane, and has the manager serve its wrapper before tmux asks for the scope
    /// into which it wants to move the pane. Gives its process id, and the command that opened it.
    fn wrapper_first(
        &self,
        wrapper: &Wrapper,
        pipe: &mut PanePipe,
    ) -> Result<(u32, Completed), Unable> {
        self.bus.hold(self.server.pid());
        let words = wrapper.around(&Pane::living(self.late, pipe));
        let opening = self
            .server
            .command()
            .args(["new-session", "-d", "-P", "-F", "#{pane_pid}", "-s", self.late, "--"])
            .args(words)
            .start()?;
        // From then on the pane is in its scope.
        pipe.wait(self.late, None)?;
        self.bus.hold(None);
        let opened = opening.wait()?;
        let pid = opened.text().parse().map_err(|_| {
            Unable::Unmeasured(format!("tmux opened no pane: {}", opened.failure()))
        })?;
        Ok((pid, opened))
    }
}
