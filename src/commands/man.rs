use anyhow::{Context, bail};
use clap::CommandFactory;
use clap_mangen::Man;
use clap_mangen::roff::{Roff, bold, roman};

use crate::cli::Cli;
use crate::exit::Exit;
use crate::sink;

/// The variables that are read from the environment.
const ENVIRONMENT: [(&str, &str); 3] = [
    ("GC_AGENT_SLICE", "slice in which the agents run, if --slice is not given"),
    ("NO_COLOR, CLICOLOR, CLICOLOR_FORCE", "whether --color auto uses colour"),
    ("GITHUB_STEP_SUMMARY", "file to which --format github appends a page"),
];

/// Writes the man page of `doctor` or of one of its commands.
///
/// # Errors
/// When there is no such command, or the page could not be written.
pub(super) fn run(command: Option<&str>) -> anyhow::Result<Exit> {
    let mut doctor = Cli::command().after_help(None::<&str>);
    doctor.build();
    let described = match command {
        None => doctor,
        Some(name) => match doctor.find_subcommand(name) {
            Some(found) => found.clone(),
            None => bail!("there is no command `{name}`; see `doctor --help`"),
        },
    };
    let page = Man::new(described)
        .source(concat!("doctor ", env!("CARGO_PKG_VERSION")))
        .manual("launch-doctor");
    let mut text = Vec::new();
    page.render(&mut text).context("cannot format the man page")?;
    let statuses = Exit::ALL.map(|exit| (exit.code().to_string(), exit.meaning()));
    let mut more = Roff::default();
    push_table(&mut more, "EXIT STATUS", statuses.iter().map(|(code, text)| (&**code, *text)));
    push_table(&mut more, "ENVIRONMENT", ENVIRONMENT);
    more.to_writer(&mut text).context("cannot format the man page")?;
    sink::write(&String::from_utf8(text)?, None)?;
    Ok(Exit::Success)
}

fn push_table<'a>(
    page: &mut Roff,
    heading: &str,
    rows: impl IntoIterator<Item = (&'a str, &'a str)>,
) {
    page.control("SH", [heading]);
    for (term, text) in rows {
        page.control("TP", []);
        page.text([bold(term)]);
        page.text([roman(text)]);
    }
}
