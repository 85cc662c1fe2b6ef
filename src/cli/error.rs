use std::fmt;
use std::io::Write;

use clap::error::{ContextKind, ContextValue, ErrorKind};

use crate::exit::Exit;

/// A command line that is wrong, or that asks for help or the version.
#[derive(Debug)]
pub struct UsageError(pub(super) clap::Error);

impl UsageError {
    /// Prints the help or the version, if the command line asks for it, and returns the exit status.
    pub fn show_help(&self) -> Option<Exit> {
        if !matches!(self.0.kind(), ErrorKind::DisplayHelp | ErrorKind::DisplayVersion) {
            return None;
        }
        let written = self.0.print().and_then(|()| std::io::stdout().flush());
        Some(if written.is_ok() { Exit::Success } else { Exit::Usage })
    }
}

impl fmt::Display for UsageError {
    /// Names what is wrong, in one line.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&in_one_line(&self.0))
    }
}

fn in_one_line(error: &clap::Error) -> String {
    // The first paragraph of clap's message names the mistake; lists and hints follow below.
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
            message.extend(["; did you mean `", &nearest, "`?"]);
        }
    }
    let valid = [ContextKind::ValidValue, ContextKind::ValidSubcommand];
    match valid.into_iter().find_map(|kind| error.get(kind)).map(words) {
        Some(names) if !names.is_empty() => {
            message.extend(["; possible values: ", &names]);
        }
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
