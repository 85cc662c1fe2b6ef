use std::fs::{self, File};
use std::io::{self, ErrorKind, Read};
use std::os::unix::fs::FileTypeExt;
use std::path::Path;
use std::process::{Child, Command, Stdio};

use anyhow::{Context, bail};
use launch_probes::exec::set_up_environment;
use memchr::{memchr, memrchr};

use crate::diagnose::{Analysis, InputFormat};

/// How much is read at once, in bytes.
const CHUNK: usize = 1 << 20;
/// The longest line that is looked at, in bytes. The rest of a longer one is skipped.
const LONGEST_LINE: usize = 1 << 20;

/// The fields of an entry that are asked for.
const FIELDS: &str = "MESSAGE,SYSLOG_IDENTIFIER,_COMM,UNIT,USER_UNIT,_SYSTEMD_UNIT,\
                          _SYSTEMD_USER_UNIT,_SOURCE_REALTIME_TIMESTAMP";

/// Opens a log.
///
/// # Errors
/// When it cannot be opened, or is neither a file nor a pipe.
pub(super) fn open(path: &Path) -> anyhow::Result<File> {
    let shown = path.display();
    let metadata = fs::metadata(path).with_context(|| format!("cannot read {shown}"))?;
    let kind = metadata.file_type();
    if kind.is_dir() {
        bail!("cannot read {shown}: it is a directory; name the files in it");
    }
    if kind.is_socket() || kind.is_block_device() {
        bail!("cannot read {shown}: it is neither a file nor a pipe");
    }
    File::open(path).with_context(|| format!("cannot read {shown}"))
}

/// Starts `journalctl` for all that this user may read since a moment.
///
/// # Errors
/// When it cannot be started.
pub(super) fn journal(since: &str) -> anyhow::Result<Child> {
    let since =
        if since.starts_with(|c: char| c.is_ascii_digit()) && !since.contains([' ', '-', ':']) {
            format!("-{since}")
        } else {
            since.to_owned()
        };
    let mut journalctl = Command::new("journalctl");
    set_up_environment(&mut journalctl);
    journalctl
        .args(["--quiet", "--all", "--output=json", "--no-pager"])
        .arg(format!("--output-fields={FIELDS}"))
        .arg(format!("--since={since}"))
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .context("cannot start journalctl")
}

/// Reads an input to its end into an analysis, in whole lines as they come. `on_found` is called
/// with each failure mode that is found for the first time.
///
/// # Errors
/// When it is not text, or nothing of it can be read.
pub(super) fn read(
    name: &str,
    mut reader: impl Read,
    analysis: &mut Analysis,
    on_found: &mut impl FnMut(&Analysis, usize) -> anyhow::Result<()>,
) -> anyhow::Result<()> {
    let mut buffer = vec![0; CHUNK];
    let mut filled = 0;
    let mut incomplete = None;
    let mut is_first = true;
    let mut is_skipping = false;
    loop {
        let read = match reader.read(&mut buffer[filled..]) {
            Ok(0) => break,
            Ok(read) => read,
            Err(error) if error.kind() == ErrorKind::Interrupted => continue,
            Err(error) if is_first => {
                return Err(error).with_context(|| format!("cannot read {name}"));
            }
            Err(error) => {
                incomplete = Some(format!("cannot read on: {error}"));
                break;
            }
        };
        if is_first {
            let format = InputFormat::detect(&buffer[..filled + read])
                .map_err(|why| anyhow::anyhow!("cannot read {name}: {why}"))?;
            analysis.begin_input(name, format);
            is_first = false;
        }
        filled += read;
        if is_skipping {
            let Some(end) = memchr(b'\n', &buffer[..filled]) else {
                analysis.skip(filled);
                filled = 0;
                continue;
            };
            analysis.skip(end + 1);
            buffer.copy_within(end + 1..filled, 0);
            filled -= end + 1;
            is_skipping = false;
        }
        let whole = memrchr(b'\n', &buffer[..filled]).map_or(0, |at| at + 1);
        for index in analysis.feed(&buffer[..whole]) {
            on_found(analysis, index)?;
        }
        buffer.copy_within(whole..filled, 0);
        filled -= whole;
        if filled >= LONGEST_LINE.min(buffer.len()) {
            for index in analysis.feed(&buffer[..filled]) {
                on_found(analysis, index)?;
            }
            incomplete = Some(format!(
                "a line is longer than {} KiB, and what follows there was skipped",
                LONGEST_LINE >> 10
            ));
            filled = 0;
            is_skipping = true;
        }
    }
    if is_first {
        analysis.begin_input(name, InputFormat::Text);
    }
    for index in analysis.feed(&buffer[..filled]) {
        on_found(analysis, index)?;
    }
    if incomplete.is_none()
        && filled > 0
        && buffer.starts_with(b"{")
        && !buffer[..filled].ends_with(b"}")
    {
        incomplete = Some("its last entry is cut".to_owned());
    }
    for index in analysis.end_input(incomplete) {
        on_found(analysis, index)?;
    }
    Ok(())
}

/// Ends `journalctl`, and returns what it wrote to standard error if it failed.
///
/// # Errors
/// When it failed.
pub(super) fn end_journal(mut child: Child) -> anyhow::Result<()> {
    let mut errors = String::new();
    if let Some(mut stderr) = child.stderr.take() {
        stderr.read_to_string(&mut errors).or_else(|error| match error.kind() {
            io::ErrorKind::InvalidData => Ok(0),
            _ => Err(error),
        })?;
    }
    let status = child.wait().context("journalctl cannot be waited for")?;
    if !status.success() {
        bail!("journalctl failed: {}", errors.trim());
    }
    Ok(())
}
