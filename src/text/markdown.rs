//! Text as Markdown shows it (`CommonMark` 0.31.2, and the tables of GitHub Flavored Markdown).

use super::sanitize::{one_line, printable};

/// Escapes a text, in one line, so that nothing in it is markup but pairs of backticks, which the cards' texts
/// use for code.
pub(crate) fn inline(text: &str) -> String {
    let text = one_line(text);
    let parts: Vec<&str> = text.split('`').collect();
    if parts.len().is_multiple_of(2) {
        return escape(&text);
    }
    parts
        .into_iter()
        .enumerate()
        .map(|(index, part)| match index % 2 {
            0 => escape(part),
            _ if part.is_empty() => "\\`\\`".into(),
            _ => code_span(part),
        })
        .collect()
}

/// Returns a code span (`CommonMark`, 6.1). Its fence is longer than any in the text; bars are escaped, because a
/// table splits its cells first.
pub(crate) fn code_span(text: &str) -> String {
    let text = one_line(text);
    let fence = "`".repeat(longest_fence(&text) + 1);
    let pad = if text.starts_with('`') || text.ends_with('`') { " " } else { "" };
    format!("{fence}{pad}{}{pad}{fence}", text.replace('|', "\\|"))
}

/// Returns a fenced block (`CommonMark`, 4.5). Its fence is longer than any in the text.
pub(crate) fn code_block(language: &str, body: &str) -> String {
    let fence = "`".repeat(longest_fence(body).max(2) + 1);
    format!("{fence}{language}\n{}\n{fence}\n", printable(body))
}

fn longest_fence(text: &str) -> usize {
    text.split(|c| c != '`').map(str::len).max().unwrap_or(0)
}

fn escape(text: &str) -> String {
    let mut escaped = String::with_capacity(text.len());
    for (index, c) in text.char_indices() {
        let is_markup = match c {
            // Inside a word, an underscore is one (CommonMark, 6.2).
            '_' => !is_inside_word(text, index),
            c => "\\`*[]<>|~&$".contains(c),
        };
        if is_markup {
            escaped.push('\\');
        }
        escaped.push(c);
    }
    escaped
}

fn is_inside_word(text: &str, index: usize) -> bool {
    let before = text[..index].chars().next_back();
    let after = text[index + 1..].chars().next();
    before.is_some_and(char::is_alphanumeric) && after.is_some_and(char::is_alphanumeric)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_pairs_of_backticks_are_markup() {
        assert_eq!(inline("a `b|c` <d> _e_ f_g"), r"a `b\|c` \<d\> \_e\_ f_g");
        assert_eq!(inline("a ` b"), r"a \` b");
        assert_eq!(inline("a `` b"), r"a \`\` b");
    }

    #[test]
    fn a_fence_is_longer_than_any_in_the_text() {
        assert_eq!(code_span("a `` b"), "```a `` b```");
        assert_eq!(code_block("sh", "```"), "````sh\n```\n````\n");
    }
}
