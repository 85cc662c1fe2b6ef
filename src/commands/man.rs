use anyhow::{Context, bail};
use clap::CommandFactory;
use clap_mangen::Man;
use clap_mangen::roff::{Roff, bold, roman};

use super::output;
use crate::cli::Cli;
use crate::exit::Exit;

/// What the exit status says; docs/exit-status.md tells more.
const STATUS: [(&str, &str); 6] = [
    ("0", "nothing at or above --fail-on"),
    ("1", "findings; in `doctor gate`, any change"),
    ("2", "the command line or the configuration is wrong, or a report could not be written"),
    ("3", "no findings, but something is unmeasured"),
    ("4", "nothing was selected"),
    ("130", "interrupted"),
];

/// What is read from the environment.
const ENVIRONMENT: [(&str, &str); 3] = [
    ("GC_AGENT_SLICE", "the slice that agents are to run in, where --slice does not name it"),
    ("NO_COLOR, CLICOLOR, CLICOLOR_FORCE", "whether --color auto uses colour"),
    ("GITHUB_STEP_SUMMARY", "the file to whose end --format github adds a page"),
];

/// Writes the manual page of `doctor` or of one of its commands.
///
/// # Errors
/// When there is no such command, or it could not be written.
pub fn run(command: Option<&str>) -> anyhow::Result<Exit> {
    let mut doctor = Cli::command().after_help(None::<&str>);
    doctor.build();
    let described = match command {
        None => doctor,
        Some(name) => match doctor.find_subcommand(name) {
            Some(found) => found.clone(),
            None => bail!("there is no command `{name}` to describe"),
        },
    };
    let page = Man::new(described)
        .source(concat!("doctor ", env!("CARGO_PKG_VERSION")))
        .manual("launch-doctor");
    let mut text = Vec::new();
    page.render(&mut text).context("cannot render the manual page")?;
    let mut more = Roff::default();
    push_table(&mut more, "EXIT STATUS", &STATUS);
    push_table(&mut more, "ENVIRONMENT", &ENVIRONMENT);
    more.to_writer(&mut text).context("cannot render the manual page")?;
    output::write(&String::from_utf8(text)?, None)?;
    Ok(Exit::Fine)
}

fn push_table(page: &mut Roff, heading: &str, rows: &[(&str, &str)]) {
    page.control("SH", [heading]);
    for (term, text) in rows {
        page.control("TP", []);
        page.text([bold(*term)]);
        page.text([roman(*text)]);
    }
}
