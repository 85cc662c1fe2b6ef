//! The command line and nothing else.

mod error;
mod format;

use std::ffi::OsString;
use std::path::PathBuf;
use std::time::Duration;

use clap::builder::{PossibleValuesParser, TypedValueParser};
use clap::{Args, Parser, Subcommand, ValueEnum};
use clap_complete::Shell;
use launch_probes::sandbox::Manager;

pub use self::error::{UsageError, is_for_monitoring};
pub use self::format::FormatArg;
use self::format::FormatParser;
use crate::exit::FailOn;
use crate::report::ColorChoice;

/// Finds out, live, whether this host really launches a fleet of agents: through systemd-run, tmux
/// and flock. Without a command it is `doctor check`.
#[derive(Debug, Parser)]
#[command(name = "doctor", version = concat!(env!("CARGO_PKG_VERSION"), " (", env!("DOCTOR_TARGET"), ")"))]
#[command(args_conflicts_with_subcommands = true, disable_help_subcommand = true)]
#[command(after_help = EXIT_STATUS)]
pub struct Cli {
    #[command(subcommand)]
    pub command: Option<Command>,
    /// The options of the command that stands for none.
    #[command(flatten)]
    pub options: CheckOptions,
}

const EXIT_STATUS: &str = "Exit status: 0 nothing at or above --fail-on, 1 findings, 2 wrong usage or \
     a report that could not be written, 3 something unmeasured, 4 nothing selected, 130 interrupted.";

/// What can be asked for.
#[derive(Debug, Subcommand)]
pub enum Command {
    /// Probe this host and report.
    Check {
        /// Probes or groups of probes; all by default.
        #[arg(value_name = "ID|GROUP")]
        names: Vec<String>,
        #[command(flatten)]
        options: CheckOptions,
    },
    /// Probe this host and fail on any change against what is recorded.
    Gate {
        /// Probes or groups of probes; all by default.
        #[arg(value_name = "ID|GROUP")]
        names: Vec<String>,
        /// Hold this host against a record of `doctor record`, instead of against the cards.
        #[arg(long, value_name = "FILE")]
        against: Option<PathBuf>,
        #[command(flatten)]
        examine: ExamineOptions,
        #[command(flatten)]
        report: ReportOptions,
    },
    /// Write what this host measures as a record.
    Record {
        /// Probes or groups of probes; all by default.
        #[arg(value_name = "ID|GROUP")]
        names: Vec<String>,
        /// Write the record to a file, and nothing to standard output.
        #[arg(short, long, value_name = "FILE")]
        output: Option<PathBuf>,
        #[command(flatten)]
        options: ExamineOptions,
    },
    /// Compare two records or JSON reports: host with host, or before with after.
    Diff {
        a: PathBuf,
        b: PathBuf,
        /// How to tell the result.
        #[arg(long, value_enum, default_value_t)]
        format: DiffFormat,
        #[command(flatten)]
        color: ColorOption,
    },
    /// Put records side by side, in Markdown: facts down, records across.
    Matrix {
        /// Files of `doctor record`.
        #[arg(required = true)]
        records: Vec<PathBuf>,
    },
    /// List the probes.
    List {
        /// Probes or groups of probes; all by default.
        #[arg(value_name = "ID|GROUP")]
        names: Vec<String>,
        #[command(flatten)]
        color: ColorOption,
    },
    /// Tell what is known about a failure mode: a runbook.
    Explain {
        /// The probe.
        id: String,
        /// How to tell it.
        #[arg(long, value_enum, default_value_t)]
        format: ExplainFormat,
        #[command(flatten)]
        color: ColorOption,
    },
    /// Write what a shell completes this command line by.
    Completions {
        /// The shell.
        shell: Shell,
    },
    /// Write a manual page.
    Man {
        /// The command to describe; `doctor` itself by default.
        command: Option<String>,
    },
}

/// How a comparison is told.
#[derive(Debug, Clone, Copy, Default, ValueEnum)]
pub enum DiffFormat {
    /// For people.
    #[default]
    Human,
    /// For programs: one document.
    Json,
}

/// How a card is told.
#[derive(Debug, Clone, Copy, Default, ValueEnum)]
pub enum ExplainFormat {
    /// A runbook for people.
    #[default]
    Human,
    /// A page of documentation.
    Markdown,
}

/// The option that every command which writes for people has.
#[derive(Debug, Args)]
pub struct ColorOption {
    /// When to use colour; NO_COLOR, CLICOLOR and CLICOLOR_FORCE count for `auto`.
    #[arg(long, value_enum, default_value_t, value_name = "WHEN")]
    pub color: ColorChoice,
}

/// What is examined, and within which bounds.
#[derive(Debug, Args)]
pub struct ExamineOptions {
    /// Leave out a probe or a group of probes.
    #[arg(long, value_name = "ID|GROUP", value_delimiter = ',')]
    pub skip: Vec<String>,
    /// How long one probe may take, in seconds.
    #[arg(long, value_name = "SECONDS", default_value = "10", value_parser = seconds)]
    pub timeout: Duration,
    /// How many probes run at the same time; by default two a processor.
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u16).range(1..=256))]
    pub jobs: Option<u16>,
    /// The slice that agents are to run in.
    #[arg(long, value_name = "NAME", env = "GC_AGENT_SLICE", hide_env_values = true)]
    pub slice: Option<OsString>,
    /// How many agents are launched at once; 6 by default.
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(1..=100_000))]
    pub fleet: Option<u32>,
    /// The work tree that agents share.
    #[arg(long, value_name = "DIR")]
    pub repo: Option<PathBuf>,
    /// The manager that launches the agents.
    #[arg(long, value_name = "MANAGER", default_value = "user", value_parser = manager())]
    pub manager: Manager,
    /// Run probes, too, that disturb the manager.
    #[arg(long)]
    pub deep: bool,
    /// The policy; by default doctor.toml here, or else /etc/doctor.toml.
    #[arg(long, value_name = "FILE")]
    pub config: Option<PathBuf>,
    /// Try a probe again that gave no answer, this many times.
    #[arg(long, value_name = "N", default_value_t = 0, value_parser = clap::value_parser!(u16).range(0..=100))]
    pub retries: u16,
}

/// What `doctor check` examines and how it tells.
#[derive(Debug, Args)]
pub struct CheckOptions {
    #[command(flatten)]
    pub examine: ExamineOptions,
    #[command(flatten)]
    pub report: ReportOptions,
    /// The least verdict that makes the exit status 1.
    #[arg(long, value_enum, default_value_t, value_name = "LEVEL")]
    pub fail_on: FailOn,
}

/// In which formats a run is told, and where.
#[derive(Debug, Args)]
pub struct ReportOptions {
    /// How to tell the result, and into which file; `human` by default. May be given several times.
    #[arg(long, value_name = "FORMAT[=FILE]", value_parser = FormatParser)]
    pub format: Vec<FormatArg>,
    /// Write the report to a file, and nothing to standard output.
    #[arg(long, value_name = "FILE")]
    pub output: Option<PathBuf>,
    #[command(flatten)]
    pub color: ColorOption,
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

fn manager() -> impl TypedValueParser<Value = Manager> {
    PossibleValuesParser::new(["user", "system"]).map(|name| match name.as_str() {
        "system" => Manager::System,
        _ => Manager::User,
    })
}

/// A positive number of seconds, such as `0.5`.
fn seconds(text: &str) -> Result<Duration, String> {
    text.parse()
        .ok()
        .filter(|seconds| *seconds > 0.0 && *seconds <= 3600.0)
        .and_then(|seconds| Duration::try_from_secs_f64(seconds).ok())
        .ok_or_else(|| "a number of seconds above 0 and up to 3600 was expected".into())
}
