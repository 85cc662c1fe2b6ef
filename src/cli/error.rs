use std::ffi::OsString;
use std::fmt;
use std::io::Write;

use clap::error::{ContextKind, ContextValue, ErrorKind};

use crate::exit::Exit;

/// A command line that does not say what to do, or asks how to say it.
#[derive(Debug)]
pub struct UsageError(pub(super) clap::Error);

impl UsageError {
    /// Shows the help or the version, if that was asked for.
    pub fn show_help(&self) -> Option<Exit> {
        if !matches!(self.0.kind(), ErrorKind::DisplayHelp | ErrorKind::DisplayVersion) {
            return None;
        }
        let written = self.0.print().and_then(|()| std::io::stdout().flush());
        Some(if written.is_ok() { Exit::Fine } else { Exit::Usage })
    }
}

impl fmt::Display for UsageError {
    /// What is wrong, in one line.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&in_one_line(&self.0))
    }
}

/// Whether a monitoring system reads what becomes of a command line, however wrong that is.
pub fn is_for_monitoring(args: &[OsString]) -> bool {
    let follows = |pair: &[OsString]| pair[0] == "--format" && pair[1] == "nagios";
    args.iter().any(|arg| arg == "--format=nagios") || args.windows(2).any(follows)
}

fn in_one_line(error: &clap::Error) -> String {
    // The first paragraph of clap's message names what is wrong; lists and hints are added below.
    let rendered = error.render().to_string();
    let first = rendered.lines().next().unwrap_or_default();
    let mut message = first.trim_start_matches("error: ").to_owned();
    if message.ends_with(':') {
        let names = rendered.lines().skip(1).take_while(|line| !line.is_empty());
        message.extend(names.map(|line| format!(" {}", line.trim())));
    }
    for kind in
        [ContextKind::SuggestedArg, ContextKind::SuggestedSubcommand, ContextKind::SuggestedValue]
    {
        if let Some(nearest) = error.get(kind).map(words).filter(|words| !words.is_empty()) {
            message.push_str(&format!("; did you mean `{nearest}`?"));
        }
    }
    let valid = [ContextKind::ValidValue, ContextKind::ValidSubcommand];
    match valid.into_iter().find_map(|kind| error.get(kind)).map(words) {
        Some(names) if !names.is_empty() => message.push_str(&format!("; there is: {names}")),
        _ => message.push_str("; see `doctor --help`"),
    }
    message
}

fn words(value: &ContextValue) -> String {
    match value {
        ContextValue::String(word) => word.clone(),
        ContextValue::Strings(words) => words.join(", "),
        _ => String::new(),
    }
}
