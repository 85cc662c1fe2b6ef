use std::borrow::Cow;

/// Replaces every character that a reader does not see, except line breaks and tabs, by its escape: `\u{1b}`.
///
/// Anyone may have written what a command printed on standard error, and reports show it on terminals, in logs
/// and on pages.
pub fn printable(text: &str) -> Cow<'_, str> {
    escape_chars(text, |c| is_hidden(c) && c != '\n' && c != '\t')
}

/// Does the same, and joins the lines: every run of white space becomes a single space.
pub(crate) fn one_line(text: &str) -> String {
    let words = text.split_whitespace().collect::<Vec<_>>().join(" ");
    escape_chars(&words, is_hidden).into_owned()
}

/// Returns whether a reader does not see a character, or sees others in another order because of it: control
/// characters, line separators, and what Unicode calls `Default_Ignorable_Code_Point` (DerivedCoreProperties.txt)
/// and `Bidi_Control` (PropList.txt).
pub(crate) fn is_hidden(c: char) -> bool {
    c.is_control() || is_default_ignorable(c) || is_separator_or_noncharacter(c)
}

fn is_default_ignorable(c: char) -> bool {
    matches!(
        c,
        '\u{ad}'
            | '\u{34f}'
            | '\u{61c}'
            | '\u{115f}'..='\u{1160}'
            | '\u{17b4}'..='\u{17b5}'
            | '\u{180b}'..='\u{180f}'
            | '\u{200b}'..='\u{200f}'
            | '\u{202a}'..='\u{202e}'
            | '\u{2060}'..='\u{206f}'
            | '\u{3164}'
            | '\u{fe00}'..='\u{fe0f}'
            | '\u{feff}'
            | '\u{ffa0}'
            | '\u{fff0}'..='\u{fff8}'
            | '\u{1bca0}'..='\u{1bca3}'
            | '\u{1d173}'..='\u{1d17a}'
            | '\u{e0000}'..='\u{e0fff}'
    )
}

fn is_separator_or_noncharacter(c: char) -> bool {
    matches!(c, '\u{2028}' | '\u{2029}' | '\u{fff9}'..='\u{fffb}' | '\u{fffe}' | '\u{ffff}')
}

fn escape_chars(text: &str, is_wrong: impl Fn(char) -> bool) -> Cow<'_, str> {
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
    fn hidden_characters_are_escaped() {
        assert_eq!(printable("a\tb\nc"), "a\tb\nc");
        assert_eq!(printable("\u{1b}[31mred\r\n"), "\\u{1b}[31mred\\u{d}\n");
        assert_eq!(printable("a\u{202e}b"), "a\\u{202e}b");
        assert_eq!(printable("ü 🦀 \u{fffd}"), "ü 🦀 \u{fffd}");
    }

    #[test]
    fn ignorable_and_reordering_characters_are_hidden() {
        let hidden = "\u{ad}\u{61c}\u{180e}\u{200b}\u{200c}\u{200d}\u{200e}\u{200f}\u{202a}\u{2060}\u{2066}\u{2069}\
                      \u{206f}\u{3164}\u{fe0f}\u{feff}\u{fffb}\u{1d173}\u{e0001}\u{e007f}";
        for c in hidden.chars() {
            assert!(is_hidden(c), "{}", c.escape_unicode());
            let shown = one_line(&format!("a{c}b"));
            assert_eq!(shown, format!("a{}b", c.escape_unicode()));
        }
        for c in " aé中🦀‐–…".chars() {
            assert!(!is_hidden(c), "{c}");
        }
    }

    #[test]
    fn one_line_has_no_break() {
        assert_eq!(one_line(" a\r\n  b\u{2028}c\td\0 "), "a b c d\\u{0}");
    }
}
