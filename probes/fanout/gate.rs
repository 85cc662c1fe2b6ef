use std::ffi::OsString;
use std::fs::{self, File, OpenOptions};
use std::io::{self, Write};
use std::path::PathBuf;
use std::time::Duration;

use nix::sys::stat::Mode;
use nix::unistd::mkfifo;

use crate::Unable;
use crate::sandbox::{CommandError, Running, Sandbox};

/// How long units may keep the last of them waiting. A host that runs them side by side needs a
/// few hundredths of a second.
const PATIENCE: Duration = Duration::from_secs(3);

/// What a unit does: it says that it runs, waits to be let go, and counts who runs beside it: all
/// that came, without those that have ended. It is a file, because systemd-run rewrites `$` in the
/// command line of a service.
const UNIT: &str = r#"
: >"$1/running.$2" && echo "$2" >"$1/arrivals" || exit 1
read -r go <"$1/gate.$2" || exit 1
dir=$1 number=$2
set -- "$dir"/running.*
came=$#
set -- "$dir"/ended.*
echo $((came - $# + 1)) >>"$dir/seen"
: >"$dir/ended.$number"
"#;

/// A gate at which units wait for each other, in the probe's directory.
pub struct Gate {
    dir: PathBuf,
    script: PathBuf,
    arrivals: Running,
    /// With this the pipe of the arrivals never ends while units come and go.
    _held_open: File,
    /// Held open for reading and writing, so that nobody waits for the other side to come.
    gates: Vec<File>,
}

impl Gate {
    /// Makes a gate for `count` units.
    ///
    /// # Errors
    /// When its files cannot be made, or `cat` cannot be started.
    pub fn new(sandbox: &Sandbox, count: u32) -> Result<Self, Unable> {
        let dir = sandbox.dir().to_owned();
        let script = dir.join("unit.sh");
        fs::write(&script, UNIT)?;
        let fifo = |name: String| {
            mkfifo(&dir.join(name), Mode::S_IRUSR | Mode::S_IWUSR).map_err(io::Error::from)
        };
        fifo("arrivals".into())?;
        let open = |name: &str| OpenOptions::new().read(true).write(true).open(dir.join(name));
        let held_open = open("arrivals")?;
        let gates = (1..=count)
            .map(|number| {
                let name = format!("gate.{number}");
                fifo(name.clone())?;
                open(&name)
            })
            .collect::<Result<_, _>>()?;
        // Without a single one the shell would count the pattern itself.
        fs::write(dir.join("ended.0"), "")?;
        let arrivals = sandbox.command("cat").arg(dir.join("arrivals")).within(PATIENCE).start()?;
        Ok(Self { dir, script, arrivals, _held_open: held_open, gates })
    }

    /// The words of the command of unit `number`.
    pub fn command(&self, number: u32) -> [OsString; 4] {
        [
            "sh".into(),
            self.script.clone().into(),
            self.dir.clone().into(),
            number.to_string().into(),
        ]
    }

    /// Waits until `count` units have come, or no more come in time.
    ///
    /// # Errors
    /// When the pipe cannot be read.
    pub fn await_arrivals(&mut self, count: u32) -> Result<(), CommandError> {
        for number in 0..count as usize {
            match self.arrivals.next_line(number) {
                Ok(Some(_)) => {}
                Ok(None) | Err(CommandError::Deadline { .. }) => break,
                Err(error) => return Err(error),
            }
        }
        Ok(())
    }

    /// Lets all units go, those too that come later.
    ///
    /// # Errors
    /// When a pipe cannot be written to.
    pub fn open(&mut self) -> io::Result<()> {
        self.gates.iter_mut().try_for_each(|gate| gate.write_all(b"go\n"))
    }

    /// What each unit saw that ran: how many were running, itself among them.
    ///
    /// # Errors
    /// When that cannot be read.
    fn seen(&self) -> io::Result<Vec<usize>> {
        match fs::read_to_string(self.dir.join("seen")) {
            Ok(text) => Ok(text.lines().filter_map(|line| line.trim().parse().ok()).collect()),
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(Vec::new()),
            Err(error) => Err(error),
        }
    }

    /// How many units have run.
    ///
    /// # Errors
    /// When what they saw cannot be read.
    pub fn ran(&self) -> io::Result<usize> {
        Ok(self.seen()?.len())
    }

    /// The most units that one of them saw running, itself among them.
    ///
    /// # Errors
    /// When what they saw cannot be read.
    pub fn peak(&self) -> io::Result<usize> {
        Ok(self.seen()?.into_iter().max().unwrap_or(0))
    }
}
