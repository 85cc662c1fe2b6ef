//! Measures whether all processes of a wrapped pane are in the slice, in both orders in which the
//! manager can serve the wrapper and tmux, which want to move the same process.

use std::ffi::OsString;
use std::fs::File;
use std::io::{self, Write};
use std::path::PathBuf;

use super::support::bus_proxy::PausableBusProxy;
use super::support::pane::{Pane, PaneBuilder};
use super::support::pane_fifo::{PaneFifo, create_fifo};
use super::support::spawn_scope::SpawnScopes;
use super::support::wrapper::Wrapper;
use crate::exec::{Command, Output};
use crate::fact_values;
use crate::host::Cgroup;
use crate::sandbox::{Fact, FactDecl, Measurement, NotMeasured};
use crate::sandbox::{PrivateTmuxServer, ProbeContext};

const UNWRAPPED: Fact<TreePlace> = Fact::new("unwrapped");
const TMUX_FIRST: Fact<TreePlace> = Fact::new("tmux-first");
const WRAPPER_FIRST: Fact<TreePlace> = Fact::new("wrapper-first");
const SERVER_IN_SLICE: Fact<TreePlace> = Fact::new("server-in-slice");
const REQUESTED_BY: Fact<Requester> = Fact::new("requested-by");
pub(crate) const FACTS: &[FactDecl] = &[
    UNWRAPPED.decl(),
    TMUX_FIRST.decl(),
    WRAPPER_FIRST.decl(),
    SERVER_IN_SLICE.decl(),
    REQUESTED_BY.decl(),
];

fact_values! {
    /// Whether all processes of a pane are in the slice.
    pub(crate) enum TreePlace {
        Inside = "inside",
        Outside = "outside",
    }
}

fact_values! {
    /// The process that requests the scope of a pane.
    enum Requester {
        None = "none",
        Server = "server",
        Pane = "pane",
    }
}

/// The script of a pane: it starts a child, and a process in a session of its own whose parent
/// exits. It reports their process ids through the FIFO `$1`, after its name `$0`. Both run until
/// the FIFO `$2` is closed.
const PROCESS_TREE: &str = "(read -r end <\"$2\") & child=$!; \
                    detached=$(setsid sh -c 'read -r end <\"$0\"' \"$2\" >/dev/null & echo $!); \
                    echo \"$0 $child $detached\" >\"$1\"; read -r line";
/// Waits for a line from the FIFO `$0`, and then executes its words.
const WAIT_THEN_EXEC: &str = "read -r go <\"$0\"; exec \"$@\"";

pub(crate) fn measure(context: &ProbeContext) -> Result<Measurement, NotMeasured> {
    if !context.is_user() {
        return Err(NotMeasured::Skipped("tmux asks only the user's manager for scopes".into()));
    }
    context.require_manager()?;
    let slice = context.unit_name("own", "slice");
    let wrapper = Wrapper::new(context, &slice);
    let mut fifo = PaneFifo::create(context)?;
    let outside = ProxiedServer::start(context, "outside", |tmux| tmux)?;
    let inside =
        ProxiedServer::start(context, "inside", |tmux| tmux.wrapped_in(wrapper.wrap(&[""; 0])))?;

    let keep_alive_path = context.dir().join("keep-alive");
    let keep_alive = create_fifo(&keep_alive_path)?;
    let tree = |name: &str| {
        let words = ["sh", "-c", PROCESS_TREE, name].map(OsString::from).into_iter();
        words.chain([fifo.path().into(), keep_alive_path.clone().into()]).collect::<Vec<_>>()
    };
    let unwrapped_gate = StartGate::create(context, "unwrapped-gate")?;
    let wrapped_gate = StartGate::create(context, "wrapped-gate")?;
    let [unwrapped_pane, wrapped_pane] = PaneBuilder::new(outside.server.command())
        .pane("unwrapped", &unwrapped_gate.delay(&tree("unwrapped")))
        .pane("wrapped", &wrapped_gate.delay(&wrapper.wrap(&tree("wrapped"))))
        .run()?;
    let mut scopes = SpawnScopes::list(context)?;
    let (mut trees, mut pids) = (Vec::new(), Vec::new());
    for (fact, gate, pane) in
        [(UNWRAPPED, unwrapped_gate, unwrapped_pane), (TMUX_FIRST, wrapped_gate, wrapped_pane)]
    {
        scopes.wait_until_moved(context, pane.pid)?;
        gate.open()?;
        trees.push((fact, tree_cgroups(&pane, &mut fifo)?, pane.opened));
        pids.push(pane.pid);
    }
    drop(keep_alive);
    let requester = outside.requester(&pids)?;
    let moved_late = [
        (WRAPPER_FIRST, outside.open_wrapper_first(&wrapper, &mut fifo)?),
        (SERVER_IN_SLICE, inside.open_wrapper_first(&wrapper, &mut fifo)?),
    ];
    let mut scopes = SpawnScopes::list(context)?;

    let mut measurement = Measurement::default();
    for (fact, cgroups, opened) in trees {
        measurement.set_from(fact, classify(&cgroups, &slice), &opened);
    }
    measurement.set_from(REQUESTED_BY, requester, &scopes.listed);
    for (fact, (pid, opened)) in moved_late {
        let cgroup = scopes.wait_until_moved(context, pid)?;
        measurement.set_from(fact, classify(&[cgroup], &slice), &opened);
    }
    Ok(measurement)
}

fn classify(cgroups: &[Cgroup], slice: &str) -> TreePlace {
    let is_inside = |cgroup: &Cgroup| cgroup.user_slices().contains(&slice);
    if cgroups.iter().all(is_inside) { TreePlace::Inside } else { TreePlace::Outside }
}

/// Returns the cgroups of a pane's process and of the two that it starts.
fn tree_cgroups(pane: &Pane, fifo: &mut PaneFifo) -> Result<Vec<Cgroup>, NotMeasured> {
    let others = pane.require_alive(fifo)?;
    let others = others.split(' ').filter_map(|pid| pid.parse().ok());
    let cgroups: Vec<Cgroup> =
        std::iter::once(pane.pid).chain(others).map(Cgroup::of_pid).collect::<Result<_, _>>()?;
    if cgroups.len() < 3 {
        return Err(NotMeasured::Unmeasured("a pane did not start its processes".into()));
    }
    Ok(cgroups)
}

/// Delays the command of a pane until it is opened.
struct StartGate {
    path: PathBuf,
    fifo: File,
}

impl StartGate {
    fn create(context: &ProbeContext, label: &str) -> Result<Self, NotMeasured> {
        let path = context.dir().join(label);
        Ok(Self { fifo: create_fifo(&path)?, path })
    }

    /// Returns the command of a pane that waits for the gate before it runs `words`.
    fn delay(&self, words: &[OsString]) -> Vec<OsString> {
        let waiting = ["sh", "-c", WAIT_THEN_EXEC].map(OsString::from).into_iter();
        waiting.chain([self.path.clone().into()]).chain(words.iter().cloned()).collect()
    }

    fn open(&self) -> io::Result<()> {
        (&self.fifo).write_all(b"go\n")
    }
}

/// A private server that reaches the bus through a proxy, which can pause it.
struct ProxiedServer<'a> {
    server: PrivateTmuxServer<'a>,
    bus: PausableBusProxy,
    session: &'static str,
}

impl<'a> ProxiedServer<'a> {
    fn start(
        context: &'a ProbeContext<'a>,
        label: &'static str,
        place: impl FnOnce(Command) -> Command,
    ) -> Result<Self, NotMeasured> {
        let runtime_dir = PathBuf::from(std::env::var_os("XDG_RUNTIME_DIR").unwrap_or_default());
        let proxy = context.dir().join(format!("{label}-bus"));
        let bus = PausableBusProxy::listen(proxy, runtime_dir.join("bus"))?;
        let server = PrivateTmuxServer::start(context, label, |tmux| {
            place(tmux.env("DBUS_SESSION_BUS_ADDRESS", bus.address()))
        })?;
        Ok(Self { server, bus, session: label })
    }

    /// Says which process has asked the bus for the scopes of these panes.
    fn requester(&self, panes: &[u32]) -> Result<Requester, NotMeasured> {
        Ok(if self.bus.has_client(self.pid()?) {
            Requester::Server
        } else if panes.iter().any(|pane| self.bus.has_client(*pane)) {
            Requester::Pane
        } else {
            Requester::None
        })
    }

    fn pid(&self) -> Result<u32, NotMeasured> {
        let ended = || NotMeasured::Unmeasured("a private tmux server has exited".into());
        self.server.pid().ok_or_else(ended)
    }

    /// Opens a wrapped pane and makes the manager serve its wrapper before the request of tmux to
    /// move the pane. Returns the pane's process id, and the command that opened it.
    fn open_wrapper_first(
        &self,
        wrapper: &Wrapper,
        fifo: &mut PaneFifo,
    ) -> Result<(u32, Output), NotMeasured> {
        self.bus.pause(self.pid()?);
        let words = wrapper.wrap(&Pane::heartbeat_command(self.session, fifo));
        let opening = self
            .server
            .command()
            .args(["new-session", "-d", "-P", "-F", "#{pane_pid}", "-s", self.session, "--"])
            .args(words)
            .start()?;
        // A wrapped command runs only after its process is in its scope.
        fifo.wait_report(self.session, None)?;
        self.bus.resume();
        let opened = opening.wait()?;
        let pid = opened.stdout_text().parse().map_err(|_| {
            NotMeasured::Unmeasured(format!("tmux opened no pane: {}", opened.error_summary()))
        })?;
        Ok((pid, opened))
    }
}
