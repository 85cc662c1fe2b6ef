//! `journalctl -o export` (systemd.io, "Journal Export Formats").

use memchr::memchr;

use super::JournalEntry;
use super::journal_entry::{Boots, EntryBuilder};

/// What is left to read, and at which line it begins.
pub(super) struct ExportReader<'a> {
    rest: &'a [u8],
    line: u64,
}

/// One step: an entry, or the line of something that is none.
pub(super) enum Step {
    Entry(Box<JournalEntry>),
    Bad(u64),
}

impl<'a> ExportReader<'a> {
    pub(super) fn new(bytes: &'a [u8]) -> Self {
        Self { rest: bytes, line: 1 }
    }

    /// Reads to the end of the next entry, which is an empty line or the end of the text.
    pub(super) fn next(&mut self, boots: &mut Boots) -> Option<Step> {
        let mut builder = EntryBuilder::default();
        let mut first_bad = None;
        let mut has_fields = false;
        while !self.rest.is_empty() {
            let number = self.line;
            let line = self.take_line();
            if line.is_empty() {
                if has_fields {
                    break;
                }
                continue;
            }
            has_fields = true;
            let is_read = match memchr(b'=', line) {
                Some(at) if is_field_name(&line[..at]) => {
                    builder.field(&line[..at], &line[at + 1..]);
                    true
                }
                None if is_field_name(line) => match self.take_sized() {
                    Some(value) => {
                        builder.field(line, value);
                        true
                    }
                    None => false,
                },
                _ => false,
            };
            if !is_read {
                first_bad = first_bad.or(Some(number));
            }
        }
        if !has_fields {
            return None;
        }
        let begun = self.line;
        Some(match (first_bad, builder.finish(boots)) {
            (None, Some(entry)) => Step::Entry(Box::new(entry)),
            (bad, _) => Step::Bad(bad.unwrap_or(begun.saturating_sub(1))),
        })
    }

    fn take_line(&mut self) -> &'a [u8] {
        let end = memchr(b'\n', self.rest).unwrap_or(self.rest.len());
        let line = &self.rest[..end];
        self.rest = self.rest.get(end + 1..).unwrap_or_default();
        self.line += 1;
        line
    }

    /// A value with its length in front: 64 bits, little endian.
    fn take_sized(&mut self) -> Option<&'a [u8]> {
        let (length, rest) = self.rest.split_first_chunk::<8>()?;
        let length = usize::try_from(u64::from_le_bytes(*length)).ok()?;
        if rest.get(length) != Some(&b'\n') {
            return None;
        }
        let value = &rest[..length];
        self.line += memchr::memchr_iter(b'\n', value).count() as u64 + 1;
        self.rest = &rest[length + 1..];
        Some(value)
    }
}

/// Whether it can be the name of a field: upper-case letters, digits and underscores.
pub(super) fn is_field_name(name: &[u8]) -> bool {
    let is_part = |byte: &u8| byte.is_ascii_uppercase() || byte.is_ascii_digit() || *byte == b'_';
    !name.is_empty() && name.len() <= 64 && name.iter().all(is_part)
}
