//! Launches units that wait for each other, and says how many were inside at the same moment.

use std::ffi::OsStr;
use std::fs::{self, File, OpenOptions};
use std::io;
use std::path::Path;
use std::time::{Duration, Instant, SystemTime};

use nix::sys::resource::{RLIM_INFINITY, Resource, getrlimit};
use nix::sys::stat::Mode;
use nix::unistd::mkfifo;

use crate::exec::{Child, CommandError};
use crate::host::{Cgroup, UnitProperties};
use crate::sandbox::{Measurement, NotMeasured, ProbeContext};

/// How many tasks a unit needs as it starts, as task-headroom reckons.
const TASKS_EACH: u64 = 10;
/// How long before its deadline a launch stops waiting for units, so that it can still report.
const RESERVE: Duration = Duration::from_millis(500);
/// How much of the units' lines is kept, in bytes.
const LINES_LIMIT: usize = 8 << 20;

/// Launches, and says so in the units' pipe if that was refused: one place to wait at. Its last
/// word is the unit's number.
const LAUNCH: &str = r#"
"$@" && exit
for number; do :; done
echo "refused $number" >"$0/lines"
exit 1
"#;

/// What a unit does: it opens the gate, says that it is inside, and waits until the gate is closed
/// at the other side. It is a file, because systemd-run rewrites `$` in the command line of a service.
const UNIT: &str = r#"
exec 3<"$1/gate" 4>"$1/lines" || exit 1
echo "in $2" >&4
read -r go <&3
echo "out $2" >&4
"#;

/// Launches `settings.agents` units at once. Its details are `runs` (a line a unit: number, begin and
/// end in microseconds since 1970, `-` for none), `inside` and `errors`.
pub(crate) fn measure(context: &ProbeContext) -> Result<Measurement, NotMeasured> {
    context.require_manager()?;
    let count = context.settings.agents;
    require_room(context, u64::from(count))?;
    let dir = context.dir().to_owned();
    let script = dir.join("unit.sh");
    fs::write(&script, UNIT)?;
    let gate = fifo(&dir, "gate")?;
    // Held open, so that the pipe never ends while units come and go.
    let _lines = fifo(&dir, "lines")?;
    let wait_until =
        context.deadline().saturating_duration_since(Instant::now()).saturating_sub(RESERVE);
    let mut lines = context
        .command("cat")
        .arg(dir.join("lines"))
        .capture_limit(LINES_LIMIT)
        .timeout(wait_until)
        .start()?;
    let mut launches = Vec::new();
    for number in 1..=count {
        let command = context
            .systemd_run()
            .args(["--quiet", "--collect"])
            .args(context.settings.slice.as_ref().map(|_| context.slice_option()))
            .arg(format!("--unit={}", context.unit_name(&format!("live{number}"), "service")))
            .args(["--", "sh"])
            .args([script.as_os_str(), dir.as_os_str()])
            .arg(number.to_string())
            .wrapped_in([OsStr::new("sh"), "-c".as_ref(), LAUNCH.as_ref(), dir.as_os_str()]);
        launches.push(command.start()?);
    }
    let mut runs = vec![(None, None); count as usize];
    let (mut read, mut inside, mut refused) = (0, 0, 0);
    while inside + refused < count {
        match lines.next_line(read) {
            Ok(Some(line)) => {
                read += 1;
                match note(&mut runs, &line, now()) {
                    Some(Mark::In) => inside += 1,
                    Some(Mark::Refused) => refused += 1,
                    Some(Mark::Out) | None => {}
                }
            }
            Ok(None) | Err(CommandError::Deadline { .. }) => break,
            Err(error) => return Err(error.into()),
        }
    }
    // The gate opens for all at once: it has no writer any more.
    drop(gate);
    let mut left = 0;
    while left < inside {
        match lines.next_line(read) {
            Ok(Some(line)) => {
                read += 1;
                left += u32::from(note(&mut runs, &line, now()) == Some(Mark::Out));
            }
            Ok(None) | Err(CommandError::Deadline { .. }) => break,
            Err(error) => return Err(error.into()),
        }
    }
    let mut errors = Vec::new();
    // A launch that has not answered yet is ended with this value.
    for launch in launches.into_iter().filter(Child::has_exited) {
        let output = launch.wait()?;
        if !output.success() {
            errors.push(output.error_summary().replace('\n', " "));
        }
    }
    let mut measurement = Measurement::default();
    measurement.detail("inside", inside.to_string());
    measurement.detail("errors", errors.join("\n"));
    measurement.detail("runs", table(&runs));
    Ok(measurement)
}

fn fifo(dir: &Path, name: &str) -> io::Result<File> {
    let path = dir.join(name);
    mkfifo(&path, Mode::S_IRUSR | Mode::S_IWUSR)?;
    OpenOptions::new().read(true).write(true).open(path)
}

/// What a line of the pipe says of a unit.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Mark {
    In,
    Out,
    Refused,
}

/// Notes when a unit came or left.
fn note(runs: &mut [(Option<i64>, Option<i64>)], line: &str, at: i64) -> Option<Mark> {
    let (kind, number) = line.split_once(' ')?;
    let index = number.trim().parse::<usize>().ok()?.checked_sub(1)?;
    let run = runs.get_mut(index)?;
    match kind {
        "in" => {
            run.0 = Some(at);
            Some(Mark::In)
        }
        "out" => {
            run.1 = Some(at);
            Some(Mark::Out)
        }
        _ => Some(Mark::Refused),
    }
}

fn table(runs: &[(Option<i64>, Option<i64>)]) -> String {
    let show = |it: Option<i64>| it.map_or_else(|| "-".into(), |it| it.to_string());
    let rows = runs
        .iter()
        .enumerate()
        .map(|(index, (begin, end))| format!("{} {} {}", index + 1, show(*begin), show(*end)));
    rows.collect::<Vec<_>>().join("\n")
}

fn now() -> i64 {
    let since = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default();
    i64::try_from(since.as_micros()).unwrap_or(i64::MAX)
}

/// Refuses a launch for which the host has no room: the units would not start, and neither would
/// what else the user runs.
fn require_room(context: &ProbeContext, count: u64) -> Result<(), NotMeasured> {
    let need = count.saturating_mul(TASKS_EACH);
    let manager = UnitProperties::read(context.systemctl(), &[], &["ControlGroup"]);
    let path = manager.map(|(manager, _)| manager[0].get("ControlGroup").to_owned());
    for cgroup in path.into_iter().flat_map(|path| Cgroup::from_path(&path).lineage()) {
        if let Some(most) = cgroup.number("pids.max")
            && let Some(now) = cgroup.number("pids.current")
        {
            require(most.saturating_sub(now), need, cgroup.units().last().unwrap_or("the root"))?;
        }
    }
    let (soft, _) = getrlimit(Resource::RLIMIT_NPROC).map_err(io::Error::from)?;
    if context.is_user() && soft != RLIM_INFINITY && !nix::unistd::geteuid().is_root() {
        require(soft, need, "the limit on processes (ulimit -u)")?;
    }
    let load = fs::read_to_string("/proc/loadavg").unwrap_or_default();
    let tasks =
        load.split_ascii_whitespace().nth(3).and_then(|it| it.split_once('/')?.1.parse().ok());
    for setting in ["threads-max", "pid_max"] {
        let most = fs::read_to_string(format!("/proc/sys/kernel/{setting}")).ok();
        let most = most.and_then(|text| text.trim().parse::<u64>().ok());
        if let (Some(most), Some(tasks)) = (most, tasks) {
            require(most.saturating_sub(tasks), need, &format!("kernel.{setting}"))?;
        }
    }
    Ok(())
}

fn require(room: u64, need: u64, name: &str) -> Result<(), NotMeasured> {
    if room >= need {
        return Ok(());
    }
    Err(NotMeasured::Skipped(format!(
        "{name} lets in {room} more tasks, and these units need {need}: see doctor explain task-headroom"
    )))
}
