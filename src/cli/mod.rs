//! The command line and nothing else.

mod color;
mod diagnose;
mod error;
mod fanout;
mod format;
mod locks;
mod preview;
mod scopes;

use std::ffi::OsString;
use std::path::PathBuf;
use std::time::Duration;

use clap::builder::{PossibleValuesParser, TypedValueParser};
use clap::{Args, Parser, Subcommand, ValueEnum};
use clap_complete::Shell;
use jiff::SignedDuration;
use launch_probes::host::Manager;
use launch_probes::runner::CLEANUP_GRACE;

pub use self::color::{ColorChoice, ColorOption};
pub use self::diagnose::{DiagnoseFormat, DiagnoseOptions};
pub use self::error::UsageError;
pub use self::fanout::{FanoutFormatArg, FanoutOptions, TimeArg};
pub use self::format::FormatArg;
use self::format::FormatParser;
pub use self::locks::{LocksFormat, LocksOptions};
pub use self::preview::{PreviewFormat, PreviewOptions};
pub use self::scopes::{ScopesFormat, ScopesOptions};
use crate::exit::{Exit, FailOn};
use crate::judge::Kind;
use crate::report::Format;

/// Check whether this host launches agents reliably through systemd-run, tmux and flock
///
/// Without a command, `doctor` does the same as `doctor check`.
#[derive(Debug, Parser)]
#[command(name = "doctor", version = concat!(env!("CARGO_PKG_VERSION"), " (", env!("DOCTOR_TARGET"), ")"))]
#[command(args_conflicts_with_subcommands = true, disable_help_subcommand = true)]
#[command(after_help = exit_statuses())]
pub struct Cli {
    #[command(subcommand)]
    pub command: Option<Command>,
    /// The options of `doctor check`, where no command is given.
    #[command(flatten)]
    pub options: CheckOptions,
}

/// A command of `doctor`.
#[derive(Debug, Subcommand)]
pub enum Command {
    /// Check this host and report
    Check {
        /// Probes or groups to run [default: all]
        #[arg(value_name = "ID|GROUP")]
        names: Vec<String>,
        #[command(flatten)]
        options: CheckOptions,
    },
    /// Check this host and exit with 1 on any change from what is recorded
    Gate {
        /// Probes or groups to run [default: all]
        #[arg(value_name = "ID|GROUP")]
        names: Vec<String>,
        /// Compare with a file of `doctor record` instead of with the cards
        #[arg(long, value_name = "FILE")]
        against: Option<PathBuf>,
        /// Compare a file of `doctor record` with the cards, and measure nothing here
        #[arg(long, value_name = "FILE", conflicts_with = "against")]
        record: Option<PathBuf>,
        #[command(flatten)]
        examine: ExamineOptions,
        #[command(flatten)]
        report: ReportOptions,
    },
    /// Record what this host measures, to compare with later
    Record {
        /// Probes or groups to run [default: all]
        #[arg(value_name = "ID|GROUP")]
        names: Vec<String>,
        /// Write the record to a file instead of standard output
        #[arg(short, long, value_name = "FILE")]
        output: Option<PathBuf>,
        #[command(flatten)]
        options: ExamineOptions,
    },
    /// Compare two records or JSON reports
    Diff {
        /// The first record or JSON report
        a: PathBuf,
        /// The second record or JSON report
        b: PathBuf,
        /// Output format
        #[arg(long, value_enum, default_value_t)]
        format: DiffFormat,
        #[command(flatten)]
        color: ColorOption,
    },
    /// Show which units a fan-out ran, and whether they overlapped
    Fanout(FanoutOptions),
    /// Show what an upgrade of this host would change
    Preview(PreviewOptions),
    /// Print records side by side as a Markdown table
    Matrix {
        /// Files of `doctor record`
        #[arg(required = true)]
        records: Vec<PathBuf>,
    },
    /// Find known failure modes in a log, and the command that fixes each
    Diagnose(DiagnoseOptions),
    /// Show which unit of a slice is which agent, and which agents are in none
    Scopes(ScopesOptions),
    /// Show who holds a lock, who waits for it, and what is wrong with it
    Locks(LocksOptions),
    /// List the probes
    List {
        /// Probes or groups to list [default: all]
        #[arg(value_name = "ID|GROUP")]
        names: Vec<String>,
        #[command(flatten)]
        color: ColorOption,
    },
    /// Explain a probe's problem: symptom, fix, cause, and how to see it by hand
    Explain {
        /// The probe, a group, or a line of a log in quotes
        #[arg(value_name = "ID|GROUP|LINE")]
        id: String,
        /// Add the facts by version, when the fix can be dropped, and the sources
        #[arg(short, long)]
        verbose: bool,
        /// Output format; a Markdown page has everything
        #[arg(long, value_enum, default_value_t)]
        format: ExplainFormat,
        #[command(flatten)]
        color: ColorOption,
    },
    /// Generate shell completions
    Completions {
        /// The shell
        shell: Shell,
    },
    /// Generate a man page
    Man {
        /// The command to describe [default: doctor itself]
        command: Option<String>,
    },
}

/// The formats of `doctor diff`.
#[derive(Debug, Clone, Copy, Default, ValueEnum)]
pub enum DiffFormat {
    /// Text for people
    #[default]
    Human,
    /// One JSON document
    Json,
}

/// The formats of `doctor explain`.
#[derive(Debug, Clone, Copy, Default, ValueEnum)]
pub enum ExplainFormat {
    /// A runbook for people
    #[default]
    Human,
    /// A page of documentation
    Markdown,
}

/// What is examined, and within which bounds.
#[derive(Debug, Args)]
pub struct ExamineOptions {
    /// Skip a probe or group
    #[arg(long, value_name = "ID|GROUP", value_delimiter = ',')]
    pub skip: Vec<String>,
    /// Run only probes of one kind
    #[arg(long, value_enum, value_name = "KIND")]
    pub kind: Option<KindOption>,
    /// Time limit of the whole run, in seconds [default: 30, or 9 with --format nagios]
    #[arg(long, value_name = "SECONDS", value_parser = deadline)]
    pub deadline: Option<Duration>,
    /// Time limit of one probe, in seconds
    #[arg(long, value_name = "SECONDS", default_value = "10", value_parser = seconds)]
    pub timeout: Duration,
    /// Number of probes to run at the same time [default: 2 per processor]
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u16).range(1..=256))]
    pub jobs: Option<u16>,
    /// Slice in which the agents run
    #[arg(long, value_name = "NAME", env = "GC_AGENT_SLICE", hide_env_values = true)]
    pub slice: Option<OsString>,
    /// Number of agents to launch at once [default: 6]
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(1..=100_000))]
    pub fleet: Option<u32>,
    /// Git work tree that the agents share
    #[arg(long, value_name = "DIR")]
    pub repo: Option<PathBuf>,
    /// Lock file that the agents share; can be given several times
    #[arg(long, value_name = "PATH")]
    pub lock: Vec<PathBuf>,
    /// Service manager that launches the agents
    #[arg(long, value_name = "MANAGER", default_value = "user", value_parser = manager())]
    pub manager: Manager,
    /// Policy file [default: ./doctor.toml, or else /etc/doctor.toml]
    #[arg(long, value_name = "FILE")]
    pub config: Option<PathBuf>,
    /// Retry a probe that could not be measured, up to N times
    #[arg(long, value_name = "N", default_value_t = 0, value_parser = clap::value_parser!(u16).range(0..=100))]
    pub retries: u16,
}

/// A kind of probe.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum KindOption {
    /// How this host is set up
    Check,
    /// How systemd, tmux, git and flock behave
    Behaviour,
}

impl From<KindOption> for Kind {
    fn from(kind: KindOption) -> Self {
        match kind {
            KindOption::Check => Self::Check,
            KindOption::Behaviour => Self::Pin,
        }
    }
}

/// What `doctor check` examines and reports.
#[derive(Debug, Args)]
pub struct CheckOptions {
    #[command(flatten)]
    pub examine: ExamineOptions,
    #[command(flatten)]
    pub report: ReportOptions,
    /// Lowest severity that makes doctor exit with 1
    #[arg(long, value_enum, default_value_t, value_name = "LEVEL")]
    pub fail_on: FailOn,
}

/// The formats of a report, and where it is written.
#[derive(Debug, Args)]
pub struct ReportOptions {
    /// Output format, and the file to write it to; can be given several times [default: human]
    #[arg(long, value_name = "FORMAT[=FILE]", value_parser = FormatParser)]
    pub format: Vec<FormatArg>,
    /// Write the report to a file instead of standard output
    #[arg(long, value_name = "FILE")]
    pub output: Option<PathBuf>,
    /// Show every probe with what it measured; -vv adds the commands that measured it
    #[arg(short, long, action = clap::ArgAction::Count)]
    pub verbose: u8,
    #[command(flatten)]
    pub color: ColorOption,
}

impl ReportOptions {
    /// Reports whether Nagios reads one of the reports.
    #[must_use]
    pub fn has_nagios(&self) -> bool {
        self.format.iter().any(|format| format.format == Format::Nagios)
    }
}

impl Cli {
    /// Reads the command line.
    ///
    /// # Errors
    /// When it is wrong, or asks for help or the version.
    pub fn from_args(args: &[OsString]) -> Result<Self, UsageError> {
        Self::try_parse_from(args).map_err(UsageError)
    }
}

fn exit_statuses() -> String {
    let rows = Exit::ALL.map(|exit| format!("  {:<3}  {}\n", exit.code(), exit.meaning()));
    format!("Exit status:\n{}", rows.concat())
}

fn manager() -> impl TypedValueParser<Value = Manager> {
    PossibleValuesParser::new(["user", "system"]).map(|name| match name.as_str() {
        "system" => Manager::System,
        _ => Manager::User,
    })
}

/// Reads a time limit of a run, which has to leave time for clean-up.
fn deadline(text: &str) -> Result<Duration, String> {
    let deadline = seconds(text)?;
    if deadline < CLEANUP_GRACE {
        let grace = CLEANUP_GRACE.as_secs();
        return Err(format!("clean-up may take {grace} s, so the deadline is at least {grace}"));
    }
    Ok(deadline)
}

/// Reads a positive number of seconds, such as `0.5`.
fn seconds(text: &str) -> Result<Duration, String> {
    text.parse()
        .ok()
        .filter(|seconds| *seconds > 0.0 && *seconds <= 3600.0)
        .and_then(|seconds| Duration::try_from_secs_f64(seconds).ok())
        .ok_or_else(|| "give a number of seconds above 0 and up to 3600".into())
}

/// A positive span such as `30m`, at most a year.
fn span(text: &str) -> Result<Duration, String> {
    const YEAR: i64 = 366 * 86_400;
    let span = text.parse::<SignedDuration>().map_err(|_| "a span such as 30m was expected")?;
    let is_sane = span.is_positive() && span.as_secs() <= YEAR;
    Duration::try_from(span)
        .ok()
        .filter(|_| is_sane)
        .ok_or_else(|| "a span above 0 and up to a year was expected".into())
}
