use std::fmt::Write as _;

use super::printable::is_hidden;

/// A YAML block of keys and values under construction, every line set in by two columns, as the
/// diagnostics of TAP are.
pub(super) struct Block(String);

impl Block {
    pub(super) fn new() -> Self {
        Self("  ---\n".into())
    }

    pub(super) fn text(&mut self, key: &str, value: &str) {
        let _ = writeln!(self.0, "  {key}: {}", scalar(value));
    }

    pub(super) fn number(&mut self, key: &str, value: f64) {
        let _ = writeln!(self.0, "  {key}: {value:.3}");
    }

    /// A list of texts; nothing if it is empty.
    pub(super) fn list(&mut self, key: &str, values: impl IntoIterator<Item = String>) {
        for (index, value) in values.into_iter().enumerate() {
            if index == 0 {
                let _ = writeln!(self.0, "  {key}:");
            }
            // The parser of `prove` takes `- "word: text"` for a map, quotes or not.
            let value = scalar(&value).replace(": ", "\\x3a ").replace(":\"", "\\x3a\"");
            let _ = writeln!(self.0, "    - {value}");
        }
    }

    /// Names with texts; nothing if there are none.
    pub(super) fn map<'a>(
        &mut self,
        key: &str,
        pairs: impl IntoIterator<Item = (&'a String, &'a String)>,
    ) {
        for (index, (name, value)) in pairs.into_iter().enumerate() {
            if index == 0 {
                let _ = writeln!(self.0, "  {key}:");
            }
            let _ = writeln!(self.0, "    {name}: {}", scalar(value));
        }
    }

    pub(super) fn end(mut self) -> String {
        self.0.push_str("  ...\n");
        self.0
    }
}

/// A text in double quotes: the one style of YAML that can hold every character (YAML 1.2.2, 7.3.1).
fn scalar(text: &str) -> String {
    let mut quoted = String::with_capacity(text.len() + 2);
    quoted.push('"');
    for c in text.chars() {
        match c {
            '"' => quoted.push_str("\\\""),
            '\\' => quoted.push_str("\\\\"),
            '\n' => quoted.push_str("\\n"),
            '\r' => quoted.push_str("\\r"),
            '\t' => quoted.push_str("\\t"),
            c if is_hidden(c) => {
                let _ = write!(quoted, "\\u{:04x}", u32::from(c));
            }
            c => quoted.push(c),
        }
    }
    quoted.push('"');
    quoted
}
