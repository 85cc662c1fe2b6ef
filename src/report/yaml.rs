use std::fmt::Write as _;

use crate::text::sanitize::is_hidden;

/// A YAML block of keys and values under construction. Every line is indented by two columns, as TAP wants its
/// diagnostics.
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

    /// Adds a list of texts, or nothing if it is empty.
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

    /// Adds names with texts, or nothing if there are none.
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

/// Quotes a text: the double-quoted style is the only one that can express every character (YAML 1.2.2, 7.3.1).
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
                let _ = match u32::from(c) {
                    code @ ..=0xffff => write!(quoted, "\\u{code:04x}"),
                    code => write!(quoted, "\\U{code:08x}"),
                };
            }
            c => quoted.push(c),
        }
    }
    quoted.push('"');
    quoted
}
