//! Whether everything that a wrapped pane starts lives in the slice, whoever is served first: the
//! wrapper, or tmux, which wants to move the same process.

use std::ffi::OsString;
use std::fs;
use std::path::{Path, PathBuf};

use nix::sys::stat::Mode;
use nix::unistd::mkfifo;

use super::held_bus::HeldBus;
use super::pane::{LivePane, Pane};
use super::spawn_scope::settled_cgroup;
use super::wrapper::Wrapper;
use crate::host::Cgroup;
use crate::sandbox::{Command, Completed, Sandbox, TmuxServer};
use crate::{Measurement, Unable};

/// What a pane runs: a child, and a process in a session of its own whose parent has ended. It
/// writes their process ids to the file `$1` and tells on the channel `$0` that it lives.
const TREE: &str = "tmux wait-for for-ever & echo $! >\"$1\"; \
                    (setsid tmux wait-for for-ever & echo $! >>\"$1\"); \
                    tmux wait-for -S \"$0\"; exec cat";
/// Becomes the command behind it once something has been written to the pipe `$0`.
const GATE: &str = "read -r go <\"$0\"; exec \"$@\"";
/// Tells through the pipe `$0` that it runs.
const UP: &str = "echo up >\"$0\"; exec cat";

pub fn measure(sandbox: &Sandbox) -> Result<Measurement, Unable> {
    if !sandbox.is_user() {
        return Err(Unable::Skipped("tmux asks only the user's manager for scopes".into()));
    }
    sandbox.require_manager()?;
    let slice = sandbox.unit_name("own", "slice");
    let wrapper = Wrapper::new(sandbox, &slice);
    let outside = Stage::start(sandbox, "outside", |tmux| tmux)?;
    let inside = Stage::start(sandbox, "inside", |tmux| tmux.behind(wrapper.around(&[""; 0])))?;

    let mut measurement = Measurement::default();
    let mut tell = |fact, (cgroups, run): (Vec<Cgroup>, Completed)| {
        measurement.fact_from(fact, word(&cgroups, &slice), &run);
    };
    tell("unwrapped", outside.tree("unwrapped", None)?);
    tell("tmux-first", outside.tree("wrapped", Some(&wrapper))?);
    tell("wrapper-first", outside.wrapper_first(&wrapper)?);
    tell("server-in-slice", inside.wrapper_first(&wrapper)?);
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

/// A private server that reaches the bus through a relay, which can hold it back.
struct Stage<'a> {
    sandbox: &'a Sandbox<'a>,
    server: TmuxServer<'a>,
    bus: HeldBus,
    label: &'static str,
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
        Pane::watch(&server)?;
        Ok(Self { sandbox, server, bus, label })
    }

    /// Where the processes of a pane live. tmux has moved the pane before it does anything.
    fn tree(
        &self,
        name: &'static str,
        wrapper: Option<&Wrapper>,
    ) -> Result<(Vec<Cgroup>, Completed), Unable> {
        let gate = self.pipe("gate", name)?;
        let pids = self.sandbox.dir().join(format!("{name}-pids"));
        let mut words: Vec<OsString> = ["sh", "-c", GATE].map(OsString::from).into();
        words.push(gate.clone().into());
        let tree =
            [OsString::from("sh"), "-c".into(), TREE.into(), name.into(), pids.clone().into()];
        words.extend(wrapper.map_or(tree.to_vec(), |wrapper| wrapper.around(&tree)));
        let pane = Pane::open(&self.server, name, &words, |tmux| tmux)?;
        settled_cgroup(self.sandbox, pane.pid()?)?;
        self.sandbox.command("tee").arg(&gate).run()?;

        let LivePane { pid, opened, .. } = pane.live()?;
        let others = fs::read_to_string(&pids)?;
        let others = others.lines().filter_map(|line| line.parse().ok());
        let cgroups: Vec<Cgroup> =
            std::iter::once(pid).chain(others).map(Cgroup::of).collect::<Result<_, _>>()?;
        if cgroups.len() < 3 {
            return Err(Unable::Unmeasured("a pane did not start its processes".into()));
        }
        Ok((cgroups, opened))
    }

    /// Where a wrapped pane lives if the manager has served its wrapper before tmux asks for the
    /// scope into which it wants to move the pane.
    fn wrapper_first(&self, wrapper: &Wrapper) -> Result<(Vec<Cgroup>, Completed), Unable> {
        let first = Pane::open(&self.server, "first", &Pane::living("first"), |tmux| tmux)?;
        self.bus.hold(Some(first.live()?.server_pid));
        let up = self.pipe("up", self.label)?;
        let words = ["sh".into(), "-c".into(), UP.into(), OsString::from(&up)];
        let opening = self
            .server
            .command()
            .args(["new-session", "-d", "-P", "-F", "#{pane_pid}", "-s", "late", "--"])
            .args(wrapper.around(&words))
            .start()?;
        // It ends when the pane has written to the pipe: from then on the pane is in its scope.
        self.sandbox.command("cat").arg(&up).run()?;
        self.bus.hold(None);
        let opened = opening.wait()?;
        let pid = opened
            .text()
            .parse()
            .map_err(|_| Unable::Unmeasured(format!("tmux opened no pane: {}", opened.errors())))?;
        Ok((vec![settled_cgroup(self.sandbox, pid)?], opened))
    }

    fn pipe(&self, purpose: &str, name: &str) -> Result<PathBuf, Unable> {
        let path = self.sandbox.dir().join(format!("{name}-{purpose}"));
        make_pipe(&path)?;
        Ok(path)
    }
}

fn make_pipe(path: &Path) -> Result<(), Unable> {
    mkfifo(path, Mode::S_IRUSR | Mode::S_IWUSR).map_err(|error| {
        Unable::Unmeasured(format!("{} could not be made: {error}", path.display()))
    })
}
