use std::path::PathBuf;

use clap::{Args, ValueEnum};

use super::ColorOption;

/// What `doctor diagnose` reads, and how.
#[derive(Debug, Args)]
pub struct DiagnoseOptions {
    /// Log files; - or nothing reads standard input
    #[arg(value_name = "FILE")]
    pub files: Vec<PathBuf>,
    /// Read the journal instead
    #[arg(long, conflicts_with = "files")]
    pub journal: bool,
    /// Start this far back in the journal, as in 30m, 1h or 2026-11-28 19:00
    #[arg(long, value_name = "WHEN", default_value = "1h", requires = "journal")]
    pub since: String,
    /// Run the probes of what was found, to see whether it is still so on this host
    #[arg(long)]
    pub confirm: bool,
    /// Show the lines that look like failures and are not known
    #[arg(long)]
    pub all: bool,
    /// Find messages also within a line and where they are quoted
    #[arg(long)]
    pub loose: bool,
    /// Output format
    #[arg(long, value_enum, default_value_t)]
    pub format: DiagnoseFormat,
    #[command(flatten)]
    pub color: ColorOption,
}

/// The format of a diagnosis.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, ValueEnum)]
pub enum DiagnoseFormat {
    /// For people
    #[default]
    Human,
    /// For programs: one document
    Json,
    /// For programs: a line each, as soon as it is found
    Ndjson,
    /// For GitHub Actions: annotations
    Github,
    /// For a ticket
    Markdown,
}
