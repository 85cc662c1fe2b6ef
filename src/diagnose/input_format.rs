use schemars::JsonSchema;
use serde::Serialize;

/// The format of an input, by how it begins.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum InputFormat {
    /// Lines of text, whatever a collector puts in front of them.
    #[default]
    Text,
    /// `journalctl -o json` or `-o json-seq`.
    JournalJson,
    /// `journalctl -o export`.
    JournalExport,
}

/// Why an input is not read.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum Unreadable {
    #[error("it is compressed; unpack it first: {0} FILE | doctor diagnose")]
    Compressed(&'static str),
    #[error(
        "it is a journal file; read it first: journalctl --file FILE -o json | doctor diagnose"
    )]
    JournalFile,
    #[error("it is UTF-16; convert it first: iconv -f UTF-16 -t UTF-8 FILE | doctor diagnose")]
    Utf16,
}

/// Magic numbers of files that hold a log in another form (file(1)).
const MAGIC: [(&[u8], Unreadable); 8] = [
    (b"\x1f\x8b", Unreadable::Compressed("zcat")),
    (b"\x28\xb5\x2f\xfd", Unreadable::Compressed("zstdcat")),
    (b"\xfd7zXZ\0", Unreadable::Compressed("xzcat")),
    (b"BZh", Unreadable::Compressed("bzcat")),
    (b"\x04\x22\x4d\x18", Unreadable::Compressed("lz4cat")),
    (b"LPKSHHRH", Unreadable::JournalFile),
    (b"\xff\xfe", Unreadable::Utf16),
    (b"\xfe\xff", Unreadable::Utf16),
];

impl InputFormat {
    /// Returns the format of an input, by its first bytes.
    ///
    /// # Errors
    /// When it is not text; the message says what to do.
    pub fn detect(head: &[u8]) -> Result<Self, Unreadable> {
        if let Some((_, why)) = MAGIC.iter().find(|(magic, _)| head.starts_with(magic)) {
            return Err(*why);
        }
        let head = head.trim_ascii_start();
        let json = head.strip_prefix(b"\x1e").unwrap_or(head);
        Ok(if json.starts_with(b"{\"") {
            Self::JournalJson
        } else if head.starts_with(b"__CURSOR=") {
            Self::JournalExport
        } else {
            Self::Text
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_input_is_known_by_how_it_begins() {
        assert_eq!(InputFormat::detect(b""), Ok(InputFormat::Text));
        assert_eq!(InputFormat::detect(b"a\n"), Ok(InputFormat::Text));
        assert_eq!(InputFormat::detect(b"{\"MESSAGE\""), Ok(InputFormat::JournalJson));
        assert_eq!(InputFormat::detect(b"\x1e{\"MESSAGE\""), Ok(InputFormat::JournalJson));
        assert_eq!(InputFormat::detect(b"__CURSOR=s"), Ok(InputFormat::JournalExport));
        assert_eq!(InputFormat::detect(b"\x1f\x8b\x08"), Err(Unreadable::Compressed("zcat")));
    }
}
