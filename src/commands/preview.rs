use std::path::Path;
use std::time::{Duration, Instant};

use anyhow::{Context, bail};
use launch_probes::host::{Component, Manager, Versions, host_name};

use crate::cli::{PreviewFormat, PreviewOptions};
use crate::config::{read_record, set_color};
use crate::exit::Exit;
use crate::judge::{Catalogue, Entry, Platform, Preview, Version};
use crate::report::preview;
use crate::sink;

/// How long the programs may take to print their versions.
const VERSION_TIMEOUT: Duration = Duration::from_secs(5);

/// Shows what an upgrade changes, by the cards.
///
/// # Errors
/// When no version is named, one is no version, the record cannot be used, or the result could not
/// be written.
pub(super) fn run(options: &PreviewOptions) -> anyhow::Result<Exit> {
    set_color(options.color.color, sink::is_terminal());
    let (name, from, manager) = match &options.from {
        Some(path) => recorded(path)?,
        None => (
            host_name().unwrap_or_else(|| "this host".into()),
            Versions::query(Instant::now() + VERSION_TIMEOUT).wait(),
            options.manager,
        ),
    };
    let to = changed(&from, options)?;
    let catalogue = Catalogue::select(&[], &[])?;
    let cards = catalogue.entries().iter().map(|Entry { card, .. }| card);
    let preview = Preview::between(
        cards,
        Platform { versions: &from, manager },
        Platform { versions: &to, manager },
    );
    let text = match options.format {
        PreviewFormat::Human => preview::human(&preview, &name, sink::width()),
        PreviewFormat::Json => preview::json(&preview),
        PreviewFormat::Markdown => preview::markdown(&preview, &name),
    };
    sink::write(&text, None)?;
    Ok(if preview.changes.is_empty() { Exit::Success } else { Exit::Findings })
}

/// Reads the versions of a record, and its manager.
fn recorded(path: &Path) -> anyhow::Result<(String, Versions, Manager)> {
    let record = read_record(path)?;
    let name = path.file_stem().unwrap_or_default().to_string_lossy().into_owned();
    Ok((name, record.versions(), record.manager))
}

/// Returns the versions with those that are asked for in place of those of today.
fn changed(from: &Versions, options: &PreviewOptions) -> anyhow::Result<Versions> {
    let asked = [
        (Component::Systemd, &options.systemd),
        (Component::Tmux, &options.tmux),
        (Component::Git, &options.git),
        (Component::UtilLinux, &options.util_linux),
    ];
    if asked.iter().all(|(_, version)| version.is_none()) {
        bail!("name a version to look ahead to, as in `doctor preview --systemd 258`");
    }
    let mut versions = Vec::new();
    for (component, version) in asked {
        let before = from.get(component);
        if let Some(version) = version {
            Version::parse(version)
                .with_context(|| format!("`{version}` is not a version of {}", component.name()))?;
            versions.push((component, version.clone()));
        } else if let Some(before) = before {
            versions.push((component, before.to_owned()));
        }
    }
    Ok(versions.into_iter().collect())
}
