use std::borrow::Cow;

/// A text in which only line breaks and tabs are left of what is not seen: other control characters,
/// line separators and marks that reorder text stand as `\u{1b}`.
///
/// What a command wrote to standard error is anybody's, and goes to terminals, logs and pages.
pub fn printable(text: &str) -> Cow<'_, str> {
    replaced(text, |c| is_hidden(c) && c != '\n' && c != '\t')
}

/// The same in one line, with every run of white space as a single space.
pub(crate) fn one_line(text: &str) -> String {
    let words = text.split_whitespace().collect::<Vec<_>>().join(" ");
    replaced(&words, is_hidden).into_owned()
}

/// Whether a person who looks at it does not see it.
pub(crate) fn is_hidden(c: char) -> bool {
    c.is_control()
        || matches!(c, '\u{200e}' | '\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2066}'..='\u{2069}')
        || matches!(c, '\u{feff}' | '\u{fffe}' | '\u{ffff}')
}

fn replaced(text: &str, is_wrong: impl Fn(char) -> bool) -> Cow<'_, str> {
    if !text.contains(&is_wrong) {
        return Cow::Borrowed(text);
    }
    let mut shown = String::with_capacity(text.len() + 8);
    for c in text.chars() {
        if is_wrong(c) {
            shown.extend(c.escape_unicode());
        } else {
            shown.push(c);
        }
    }
    Cow::Owned(shown)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_not_seen_is_shown() {
        assert_eq!(printable("a\tb\nc"), "a\tb\nc");
        assert_eq!(printable("\u{1b}[31mred\r\n"), "\\u{1b}[31mred\\u{d}\n");
        assert_eq!(printable("a\u{202e}b"), "a\\u{202e}b");
        assert_eq!(printable("ü 🦀 \u{fffd}"), "ü 🦀 \u{fffd}");
    }

    #[test]
    fn a_line_has_no_break() {
        assert_eq!(one_line(" a\r\n  b\u{2028}c\td\0 "), "a b c d\\u{0}");
    }
}
