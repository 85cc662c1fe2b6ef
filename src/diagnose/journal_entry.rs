use serde_json::Value;

use super::LogLine;

/// An entry of the journal in JSON (systemd, ``docs/JOURNAL_EXPORT_FORMATS.md``).
pub(super) struct JournalEntry(Value);

impl JournalEntry {
    /// Reads a line of `journalctl -o json` or `-o json-seq`; `None` if it is none.
    pub(super) fn from_json(raw: &[u8]) -> Option<Self> {
        let raw = raw.strip_prefix(b"\x1e").unwrap_or(raw);
        if !raw.starts_with(b"{") {
            return None;
        }
        let value: Value = serde_json::from_slice(raw).ok()?;
        value.get("MESSAGE")?;
        Some(Self(value))
    }

    pub(super) fn into_line(self) -> LogLine {
        let unit = ["USER_UNIT", "UNIT", "_SYSTEMD_USER_UNIT", "_SYSTEMD_UNIT"];
        let microseconds = self
            .text("_SOURCE_REALTIME_TIMESTAMP")
            .or_else(|| self.text("__REALTIME_TIMESTAMP"))
            .and_then(|text| text.parse().ok());
        LogLine {
            at: microseconds
                .and_then(|it| jiff::Timestamp::from_microsecond(it).ok())
                .map(|it| it.to_string()),
            identifier: self.text("SYSLOG_IDENTIFIER").or_else(|| self.text("_COMM")),
            unit: unit.iter().find_map(|field| self.text(field)),
            message: self.text("MESSAGE").unwrap_or_default().trim_end().to_owned(),
        }
    }

    /// A field as text: a repeated one is an array of which the first counts, and what is not text an
    /// array of bytes.
    fn text(&self, field: &str) -> Option<String> {
        match self.0.get(field)? {
            Value::String(text) => Some(text.clone()),
            Value::Array(values) if values.iter().all(Value::is_u64) => {
                let byte = |value: &Value| u8::try_from(value.as_u64()?).ok();
                let bytes: Vec<u8> = values.iter().filter_map(byte).collect();
                Some(String::from_utf8_lossy(&bytes).into_owned())
            }
            Value::Array(values) => Some(values.first()?.as_str()?.to_owned()),
            _ => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn message(json: &str) -> Option<String> {
        Some(JournalEntry::from_json(json.as_bytes())?.into_line().message)
    }

    #[test]
    fn a_message_may_be_text_bytes_or_repeated() {
        assert_eq!(message(r#"{"MESSAGE":"a"}"#).as_deref(), Some("a"));
        assert_eq!(message(r#"{"MESSAGE":[27,97]}"#).as_deref(), Some("\u{1b}a"));
        assert_eq!(message(r#"{"MESSAGE":["a","b"]}"#).as_deref(), Some("a"));
        assert_eq!(message(r#"{"MESSAGE":null}"#).as_deref(), Some(""));
        assert_eq!(message(r#"{"other":"a"}"#), None);
        assert_eq!(message(r#"{"MESSAGE":"#), None);
    }
}
