use std::path::PathBuf;

use clap::{Args, ValueEnum};
use launch_probes::host::Manager;

use super::{ColorOption, manager};

/// To which versions `doctor preview` looks ahead, and from where.
#[derive(Debug, Args)]
pub struct PreviewOptions {
    /// Look ahead to this version of systemd
    #[arg(long, value_name = "VERSION")]
    pub systemd: Option<String>,
    /// Look ahead to this version of tmux
    #[arg(long, value_name = "VERSION")]
    pub tmux: Option<String>,
    /// Look ahead to this version of git
    #[arg(long, value_name = "VERSION")]
    pub git: Option<String>,
    /// Look ahead to this version of util-linux
    #[arg(long, value_name = "VERSION")]
    pub util_linux: Option<String>,
    /// Start from the versions of a record instead of this host's
    #[arg(long, value_name = "RECORD")]
    pub from: Option<PathBuf>,
    /// Manager that launches the agents
    #[arg(long, value_name = "MANAGER", default_value = "user", value_parser = manager())]
    pub manager: Manager,
    /// Output format
    #[arg(long, value_enum, default_value_t)]
    pub format: PreviewFormat,
    #[command(flatten)]
    pub color: ColorOption,
}

/// The format of a preview.
#[derive(Debug, Clone, Copy, Default, ValueEnum)]
pub enum PreviewFormat {
    /// For people
    #[default]
    Human,
    /// For programs: one document
    Json,
    /// For a ticket
    Markdown,
}
