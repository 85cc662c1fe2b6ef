use memchr::memchr_iter;
use memchr::memmem::Finder;

use super::JournalEntry;
use super::journal_entry::Boots;
use super::journal_export::{ExportReader, Step, is_field_name};
use super::journal_json::parse_line;

/// Above this share of bad records a source is incomplete: one in ten.
pub(super) const BAD_SHARE: u64 = 10;

/// The separator in front of each entry of `json-seq` (RFC 7464).
const RECORD_SEPARATOR: u8 = 0x1e;

/// What a line of JSON must hold to be of interest: a unit that it is about, a claim, a launcher's
/// message, or a message that is not plain text. Nearly all lines of a busy journal have none.
const NEEDLES: [&[u8]; 8] = [
    b"\"USER_UNIT\"",
    b"\"UNIT\"",
    b"spawned=",
    b"skipped=",
    b"Failed to ",
    b"nvironment",
    b"Unknown assignment",
    b"\"MESSAGE\":[",
];

/// A journal that was read.
#[derive(Debug, Default)]
pub struct Journal {
    /// Its entries, in the order of the source: those that can concern a fan-out.
    pub entries: Vec<JournalEntry>,
    /// How many others there are.
    pub others: u64,
    /// What could not be read.
    pub bad: BadRecords,
}

/// Records that could not be read.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct BadRecords {
    pub count: u64,
    /// The line of the first one, counted from 1.
    pub first_line: Option<u64>,
}

/// What was given is no journal, or no lock history.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{name} is not {expected}: line {line} cannot be read, and no line before or after it")]
pub struct NotALog {
    pub name: String,
    pub expected: &'static str,
    pub line: u64,
}

impl BadRecords {
    pub(super) fn add(&mut self, line: u64) {
        self.count += 1;
        self.first_line = self.first_line.or(Some(line));
    }

    /// Whether it is more than one in ten.
    pub fn are_many(self, good: usize) -> bool {
        self.count * BAD_SHARE > self.count + good as u64
    }
}

impl Journal {
    /// Reads a journal in one of the formats `json`, `json-seq` and `export`, which is recognised
    /// by its first character. `name` names it in errors.
    ///
    /// # Errors
    /// When it has text, and not a single entry.
    pub fn parse(bytes: &[u8], name: &str) -> Result<Self, NotALog> {
        let mut journal = Self::default();
        let mut boots = Boots::default();
        let first_line = bytes.split(|byte| *byte == b'\n').find(|line| !line.is_empty());
        let is_export = first_line.is_some_and(|line| {
            let name = line.split(|byte| *byte == b'=').next().unwrap_or_default();
            is_field_name(name)
        });
        if is_export {
            let mut reader = ExportReader::new(bytes);
            while let Some(step) = reader.next(&mut boots) {
                match step {
                    Step::Entry(entry) => journal.entries.push(*entry),
                    Step::Bad(line) => journal.bad.add(line),
                }
            }
        } else {
            journal.read_lines(bytes, &mut boots);
        }
        match journal.bad.first_line {
            Some(line) if journal.entries.is_empty() && journal.others == 0 => Err(NotALog {
                name: name.to_owned(),
                expected: "a journal in the format json, json-seq or export",
                line,
            }),
            _ => {
                // Entries of several files are shown by the wall clock, which can jump.
                journal.entries.sort_by_key(|entry| entry.at);
                Ok(journal)
            }
        }
    }

    fn read_lines(&mut self, bytes: &[u8], boots: &mut Boots) {
        let needles = NEEDLES.map(Finder::new);
        let mut begin = 0;
        let ends = memchr_iter(b'\n', bytes).chain([bytes.len()]);
        for (index, end) in ends.enumerate() {
            let line = bytes.get(begin..end).unwrap_or_default();
            begin = end + 1;
            let line = line.strip_prefix(&[RECORD_SEPARATOR]).unwrap_or(line).trim_ascii();
            if line.is_empty() {
                continue;
            }
            let is_whole = line.starts_with(b"{\"") && line.ends_with(b"}");
            if is_whole && !needles.iter().any(|needle| needle.find(line).is_some()) {
                self.others += 1;
                continue;
            }
            match parse_line(line, boots) {
                Some(entry) => self.entries.push(entry),
                None => self.bad.add(index as u64 + 1),
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const LINE: &str = r#"{"__REALTIME_TIMESTAMP":"5","__MONOTONIC_TIMESTAMP":"2","MESSAGE":"m","USER_UNIT":"a.service"}"#;

    fn parse(text: &[u8]) -> Journal {
        Journal::parse(text, "FILE").unwrap()
    }

    #[test]
    fn the_three_formats_give_the_same_entries() {
        let json = parse(format!("{LINE}\n{LINE}\n").as_bytes());
        let seq = parse(format!("\u{1e}{LINE}\n\u{1e}{LINE}\n").as_bytes());
        let entry = "__REALTIME_TIMESTAMP=5\n__MONOTONIC_TIMESTAMP=2\nUSER_UNIT=a.service\n";
        let mut export = format!("{entry}MESSAGE=m\n\n{entry}MESSAGE\n").into_bytes();
        export.extend([1, 0, 0, 0, 0, 0, 0, 0, b'm', b'\n', b'\n']);
        assert_eq!(json.entries.len(), 2);
        assert_eq!(json.entries, seq.entries);
        assert_eq!(json.entries, parse(&export).entries);
    }

    #[test]
    fn bytes_null_and_repeated_fields_are_read() {
        let message = |value: &str| {
            let line = format!(r#"{{"__REALTIME_TIMESTAMP":"5","UNIT":"a","MESSAGE":{value}}}"#);
            parse(line.as_bytes()).entries[0].message.clone()
        };
        assert_eq!(message("[27,91,109]"), "\u{1b}[m");
        assert_eq!(message("null"), "");
        assert_eq!(message(r#"["a","b"]"#), "b");
        assert_eq!(message(r"[[97],null,[98,99]]"), "bc");
    }

    #[test]
    fn a_bad_record_is_counted_and_what_has_none_good_is_no_journal() {
        let journal = parse(format!("{LINE}\nx\n{LINE}\n{{\n").as_bytes());
        assert_eq!(journal.bad, BadRecords { count: 2, first_line: Some(2) });
        assert!(journal.bad.are_many(2) && !journal.bad.are_many(18));
        assert_eq!(Journal::parse(b"\nhello\n", "FILE").unwrap_err().line, 2);
        assert!(parse(b"").entries.is_empty());
    }

    #[test]
    fn a_length_beyond_the_end_of_an_export_is_a_bad_record() {
        let mut text =
            b"__REALTIME_TIMESTAMP=5\nMESSAGE=x\n\n__REALTIME_TIMESTAMP=5\nMESSAGE\n".to_vec();
        text.extend([255; 8]);
        let journal = parse(&text);
        assert_eq!((journal.entries.len(), journal.bad.first_line), (1, Some(5)));
    }
}
