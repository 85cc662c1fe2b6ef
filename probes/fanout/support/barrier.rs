use std::ffi::OsString;
use std::fs::{self, File, OpenOptions};
use std::io::{self, Write};
use std::path::PathBuf;
use std::time::Duration;

use nix::sys::stat::Mode;
use nix::unistd::mkfifo;

use crate::exec::{Child, CommandError};
use crate::sandbox::{NotMeasured, ProbeContext};

/// How long the units wait for the last of them. A host that runs them concurrently needs a few
/// hundredths of a second.
const ARRIVAL_TIMEOUT: Duration = Duration::from_secs(3);

/// What a unit does: it reports that it runs, waits for the release, and counts the units that run
/// with it: those that have started, without those that have ended. It is a file, because
/// systemd-run expands `$` in the command line of a service.
const UNIT: &str = r#"
: >"$1/running.$2" && echo "$2" >"$1/arrivals" || exit 1
read -r go <"$1/release.$2" || exit 1
dir=$1 number=$2
set -- "$dir"/running.*
started=$#
set -- "$dir"/ended.*
echo $((started - $# + 1)) >>"$dir/seen"
: >"$dir/ended.$number"
"#;

/// A barrier at which units wait for each other, in the probe's directory.
pub(crate) struct Barrier {
    dir: PathBuf,
    script: PathBuf,
    arrivals: Child,
    /// Keeps the pipe of the arrivals from ending while units come and go.
    _arrivals_writer: File,
    /// Open for reading and writing, so that opening blocks on neither side.
    releases: Vec<File>,
}

impl Barrier {
    /// Creates a barrier for `count` units.
    ///
    /// # Errors
    /// When its files cannot be created, or `cat` cannot be started.
    pub(crate) fn new(context: &ProbeContext, count: u32) -> Result<Self, NotMeasured> {
        let dir = context.dir().to_owned();
        let script = dir.join("unit.sh");
        fs::write(&script, UNIT)?;
        let fifo = |name: String| {
            mkfifo(&dir.join(name), Mode::S_IRUSR | Mode::S_IWUSR).map_err(io::Error::from)
        };
        fifo("arrivals".into())?;
        let open = |name: &str| OpenOptions::new().read(true).write(true).open(dir.join(name));
        let arrivals_writer = open("arrivals")?;
        let releases = (1..=count)
            .map(|number| {
                let name = format!("release.{number}");
                fifo(name.clone())?;
                open(&name)
            })
            .collect::<Result<_, _>>()?;
        // Without any such file the shell would count the pattern itself.
        fs::write(dir.join("ended.0"), "")?;
        let arrivals =
            context.command("cat").arg(dir.join("arrivals")).timeout(ARRIVAL_TIMEOUT).start()?;
        Ok(Self { dir, script, arrivals, _arrivals_writer: arrivals_writer, releases })
    }

    /// Returns the command line of unit `number`.
    pub(crate) fn command(&self, number: u32) -> [OsString; 4] {
        [
            "sh".into(),
            self.script.clone().into(),
            self.dir.clone().into(),
            number.to_string().into(),
        ]
    }

    /// Waits until `count` units have arrived, 3 seconds at most.
    ///
    /// # Errors
    /// When the pipe cannot be read.
    pub(crate) fn wait_for_arrivals(&mut self, count: u32) -> Result<(), CommandError> {
        for number in 0..count as usize {
            match self.arrivals.next_line(number) {
                Ok(Some(_)) => {}
                Ok(None) | Err(CommandError::Deadline { .. }) => break,
                Err(error) => return Err(error),
            }
        }
        Ok(())
    }

    /// Releases all units, including those that arrive later.
    ///
    /// # Errors
    /// When a pipe cannot be written to.
    pub(crate) fn release(&mut self) -> io::Result<()> {
        self.releases.iter_mut().try_for_each(|release| release.write_all(b"go\n"))
    }

    /// Returns, for each unit that ran, how many units it saw running, itself included.
    fn seen(&self) -> io::Result<Vec<usize>> {
        match fs::read_to_string(self.dir.join("seen")) {
            Ok(text) => Ok(text.lines().filter_map(|line| line.trim().parse().ok()).collect()),
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(Vec::new()),
            Err(error) => Err(error),
        }
    }

    /// Returns how many units have run.
    ///
    /// # Errors
    /// When the units' counts cannot be read.
    pub(crate) fn ran(&self) -> io::Result<usize> {
        Ok(self.seen()?.len())
    }

    /// Returns the most units that one of them saw running, itself included.
    ///
    /// # Errors
    /// When the units' counts cannot be read.
    pub(crate) fn peak(&self) -> io::Result<usize> {
        Ok(self.seen()?.into_iter().max().unwrap_or(0))
    }
}
