use std::ffi::OsString;
use std::path::PathBuf;
use std::time::Duration;

use clap::{Args, ValueEnum};
use launch_probes::host::Manager;

use super::{ColorOption, manager, span};
use crate::scopes::SortKey;

/// What `doctor scopes` shows, and how.
#[derive(Debug, Args)]
pub struct ScopesOptions {
    /// Show only these units, processes, panes or sessions [default: all]
    #[arg(value_name = "NAME|PID|PANE|SESSION")]
    pub names: Vec<String>,
    /// Slice to show, with the slices in it [default: every slice with transient units]
    #[arg(long, value_name = "NAME", env = "GC_AGENT_SLICE", hide_env_values = true)]
    pub slice: Option<OsString>,
    /// Show every slice of the manager, whatever --slice says
    #[arg(long)]
    pub all: bool,
    /// Show only scopes without a pane whose launcher has ended
    #[arg(long)]
    pub orphans: bool,
    /// Show only what is at least this old, as in 2h
    #[arg(long, value_name = "SPAN", value_parser = span)]
    pub older: Option<Duration>,
    /// Sort by a column
    #[arg(long, value_enum, default_value_t, value_name = "COLUMN")]
    pub sort: SortKey,
    /// Measure processor time over this long, as in 500ms, instead of the average since the start
    #[arg(long, value_name = "SPAN", value_parser = sample)]
    pub sample: Option<Duration>,
    /// Show the processes of each unit as a tree
    #[arg(long)]
    pub tree: bool,
    /// Show full command lines, which can hold keys
    #[arg(long)]
    pub args: bool,
    /// Service manager that launches the agents
    #[arg(long, value_name = "MANAGER", default_value = "user", value_parser = manager())]
    pub manager: Manager,
    /// Output format
    #[arg(long, value_enum, default_value_t)]
    pub format: ScopesFormat,
    /// Write the report to a file instead of standard output
    #[arg(long, value_name = "FILE")]
    pub output: Option<PathBuf>,
    #[command(flatten)]
    pub color: ColorOption,
}

/// The formats of `doctor scopes`.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, ValueEnum)]
pub enum ScopesFormat {
    /// Text for people
    #[default]
    Human,
    /// One JSON document
    Json,
    /// A line of JSON for the run, each slice, each row and the end
    Ndjson,
    /// A file for `node_exporter`'s textfile collector
    Prometheus,
}

/// Reads a span of at most a minute.
fn sample(text: &str) -> Result<Duration, String> {
    let span = span(text)?;
    if span > Duration::from_secs(60) {
        return Err("a sample of at most 60s was expected".into());
    }
    Ok(span)
}
