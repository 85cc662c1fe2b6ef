use std::path::PathBuf;
use std::time::Duration;

use clap::{Args, ValueEnum};

use super::ColorOption;
use super::span;

/// What `doctor locks` examines, and how.
#[derive(Debug, Args)]
pub struct LocksOptions {
    /// Files to examine [default: the lock files of the repository and of the policy]
    #[arg(value_name = "PATH")]
    pub paths: Vec<PathBuf>,
    /// Git work tree whose lock files are examined, if no PATH is given [default: the working directory]
    #[arg(long, value_name = "DIR")]
    pub repo: Option<PathBuf>,
    /// Show each change with its time until Ctrl-C
    #[arg(long)]
    pub watch: bool,
    /// Watch for so long
    #[arg(long = "for", value_name = "SPAN", requires = "watch", value_parser = span)]
    pub watch_for: Option<Duration>,
    /// Longest wait for a lock that is no finding
    #[arg(long, value_name = "SPAN", default_value = "60s", value_parser = span)]
    pub patience: Duration,
    /// Output format
    #[arg(long, value_enum, default_value_t)]
    pub format: LocksFormat,
    /// Policy file [default: ./doctor.toml, or else /etc/doctor.toml]
    #[arg(long, value_name = "FILE")]
    pub config: Option<PathBuf>,
    #[command(flatten)]
    pub color: ColorOption,
}

/// The formats of `doctor locks`.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, ValueEnum)]
pub enum LocksFormat {
    /// For people
    #[default]
    Human,
    /// For programs: one document; with --watch a line for each change
    Json,
}
