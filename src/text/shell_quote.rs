use std::fmt::Write as _;

use super::sanitize::is_hidden;

/// Returns a word as bash, zsh and ksh read it back, in one line: plain where it can be, in single quotes where
/// not, and in `$'…'` where it has characters that are not seen, or that a terminal acts on when they are pasted.
pub fn quote(word: &str) -> String {
    let is_plain = |c: char| c.is_ascii_alphanumeric() || "%+,-./:=@_^".contains(c);
    if word.contains(is_hidden) {
        let mut quoted = String::from("$'");
        for c in word.chars() {
            match c {
                '\n' => quoted.push_str("\\n"),
                '\t' => quoted.push_str("\\t"),
                '\r' => quoted.push_str("\\r"),
                '\\' => quoted.push_str(r"\\"),
                '\'' => quoted.push_str(r"\'"),
                c if is_hidden(c) => {
                    let mut bytes = [0; 4];
                    for byte in c.encode_utf8(&mut bytes).bytes() {
                        let _ = write!(quoted, "\\{byte:03o}");
                    }
                }
                c => quoted.push(c),
            }
        }
        quoted.push('\'');
        quoted
    } else if !word.is_empty() && word.chars().all(is_plain) {
        word.to_owned()
    } else {
        format!("'{}'", word.replace('\'', r"'\''"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_words_that_the_shell_would_change_are_quoted() {
        assert_eq!(quote("--slice=a-b.slice"), "--slice=a-b.slice");
        assert_eq!(quote(""), "''");
        assert_eq!(quote("a b"), "'a b'");
        assert_eq!(quote("$X"), "'$X'");
        assert_eq!(quote("~"), "'~'");
    }

    #[test]
    fn a_word_with_hidden_characters_is_one_line_and_the_same_word() {
        assert_eq!(quote("a\nb"), r"$'a\nb'");
        assert_eq!(quote("\u{1b}it's \\"), r"$'\033it\'s \\'");
        assert_eq!(quote("\u{85}1"), r"$'\302\2051'");
        assert_eq!(quote("a\u{200b}b"), r"$'a\342\200\213b'");
        for word in ["a\nb", "\u{1b}it's \\", "\u{85}1", "\t\r\u{7f}", "a\u{200b}\u{202e}b"] {
            let script = format!("printf %s {}", quote(word));
            let output = std::process::Command::new("bash").args(["-c", &script]).output().unwrap();
            assert_eq!(String::from_utf8_lossy(&output.stdout), word);
        }
    }
}
