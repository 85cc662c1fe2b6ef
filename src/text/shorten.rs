/// Cuts the middle out of a text of more than `limit` characters. What remains is `limit` characters long.
pub(crate) fn shorten(text: &str, limit: usize) -> String {
    let count = text.chars().count();
    if count <= limit || limit < 4 {
        return text.to_owned();
    }
    // The end of a command line says more than its middle: there are the program and its arguments.
    let kept = limit - 3;
    let head: String = text.chars().take(kept - kept / 2).collect();
    let tail: String = text.chars().skip(count - kept / 2).collect();
    format!("{head} … {tail}")
}

/// Shortens each part of a text in backticks that has more than `limit` characters: it is a command line.
pub(crate) fn shorten_commands(text: &str, limit: usize) -> String {
    let parts: Vec<&str> = text.split('`').collect();
    if parts.len().is_multiple_of(2) {
        return text.to_owned();
    }
    let parts = parts.into_iter().enumerate().map(|(index, part)| match index % 2 {
        0 => part.to_owned(),
        _ => shorten(part, limit),
    });
    parts.collect::<Vec<_>>().join("`")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_middle_of_a_long_text_is_cut_out() {
        assert_eq!(shorten("abcdefghij", 10), "abcdefghij");
        assert_eq!(shorten("abcdefghijk", 10), "abcd … ijk");
        assert_eq!(shorten("äöüäöüäöü", 8), "äöü … öü");
    }

    #[test]
    fn only_command_lines_are_shortened() {
        let command = format!("systemd-run {} true", "x".repeat(90));
        let text = format!("`{command}` was still running after 5.0 s");
        let short = shorten_commands(&text, 40);
        assert!(
            short.starts_with("`systemd-run xxx")
                && short.ends_with("x true` was still running after 5.0 s")
        );
        assert_eq!(short.split('`').nth(1).unwrap().chars().count(), 40);
        assert_eq!(shorten_commands("a ` bcdefghi", 4), "a ` bcdefghi");
    }
}
