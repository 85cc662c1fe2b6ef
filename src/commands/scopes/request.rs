use std::time::{Duration, Instant};

use anyhow::Context;
use launch_probes::host::{Access, Manager, User, Versions};

use super::reader;
use super::slice_choice::{SliceChoice, SliceError};
use crate::cli::{ScopesFormat, ScopesOptions};
use crate::commands::host::read_host;
use crate::config::set_color;
use crate::exit::Exit;
use crate::report::scopes::{HumanOptions, ScopesReport, human, json, ndjson, prometheus};
use crate::scopes::{Filter, analyse};
use crate::sink::{self, Sink};

/// How long tmux, and in doubt a manager, may take to answer.
const TIMEOUT: Duration = Duration::from_secs(5);

/// Shows which unit is which agent.
///
/// # Errors
/// When the report could not be written.
pub(crate) fn run(options: &ScopesOptions) -> anyhow::Result<Exit> {
    let sink = options.output.as_deref().map_or(Sink::Stdout, Sink::from_path);
    sink.ensure_writable()?;
    set_color(options.color.color, sink.is_terminal());
    let access = Access { manager: options.manager, deadline: Instant::now() + TIMEOUT };
    let needs_host = matches!(options.format, ScopesFormat::Json | ScopesFormat::Ndjson);
    let versions = needs_host.then(|| Versions::query(access.deadline));
    let choice = SliceChoice::new(options.slice.as_deref(), options.all);
    let reading = match reader::read(access, &User::current(), &choice, options) {
        Ok(reading) => reading,
        Err(error) => return Ok(explain(error, options.manager)),
    };
    let mut scopes = analyse(reading);
    let filter = Filter {
        names: options.names.clone(),
        orphans: options.orphans,
        older: options.older,
        sort: options.sort,
    };
    if let Err(error) = filter.apply(&mut scopes) {
        sink::note(&error.to_string());
        for sentence in &scopes.incomplete {
            sink::note(sentence);
        }
        return Ok(Exit::NothingSelected);
    }
    let exit = scopes.exit();
    let text = match options.format {
        ScopesFormat::Human => human(
            &scopes,
            HumanOptions {
                tree: options.tree,
                is_selection: !options.names.is_empty() || options.orphans,
                width: sink::width(),
            },
        ),
        ScopesFormat::Prometheus => prometheus(&scopes),
        ScopesFormat::Json | ScopesFormat::Ndjson => {
            let versions = versions.context("the versions are asked for with these formats")?;
            let host = read_host(&versions.wait(), options.manager);
            let report = ScopesReport::new(host, scopes);
            if options.format == ScopesFormat::Json { json(&report) } else { ndjson(&report) }
        }
    };
    sink.write(&text)?;
    Ok(exit)
}

/// Says why no slice was examined.
fn explain(error: SliceError, manager: Manager) -> Exit {
    sink::note(&error.to_string());
    match error {
        SliceError::Missing { .. } | SliceError::NoUnits => Exit::NothingSelected,
        SliceError::Unreadable { .. } => {
            sink::note(&format!("doctor check {} says more", check_of(manager)));
            Exit::Unmeasured
        }
    }
}

fn check_of(manager: Manager) -> &'static str {
    match manager {
        Manager::User => "scope-availability",
        Manager::System => "scope-availability --manager system",
    }
}
