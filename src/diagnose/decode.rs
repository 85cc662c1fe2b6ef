/// The most that is looked at of one line, in bytes.
const LONGEST_LINE: usize = 64 << 10;

/// Splits a raw line at carriage returns, as a terminal overwrites it, drops NUL bytes, and makes text
/// of it. What is not UTF-8 becomes U+FFFD.
pub fn visible_segments(raw: &[u8]) -> Vec<String> {
    let raw = &raw[..raw.len().min(LONGEST_LINE)];
    raw.split(|&byte| byte == b'\r')
        .filter(|segment| !segment.is_empty())
        .map(|segment| {
            if segment.contains(&0) {
                let without: Vec<u8> = segment.iter().copied().filter(|byte| *byte != 0).collect();
                String::from_utf8_lossy(&without).into_owned()
            } else {
                String::from_utf8_lossy(segment).into_owned()
            }
        })
        .collect()
}

/// Removes what a terminal obeys and does not show: CSI, OSC and APC sequences (ECMA-48), and the markers
/// of GitLab's and Buildkite's logs, which are such sequences.
pub(super) fn strip_terminal_codes(text: &str) -> String {
    if !text.contains('\u{1b}') {
        return text.trim_end().to_owned();
    }
    let mut shown = String::with_capacity(text.len());
    let mut chars = text.chars();
    while let Some(c) = chars.next() {
        if c != '\u{1b}' {
            shown.push(c);
            continue;
        }
        match chars.next() {
            // CSI: parameters, then a final byte.
            Some('[') => while chars.next().is_some_and(|c| !('\u{40}'..='\u{7e}').contains(&c)) {},
            // OSC, DCS, APC, PM: until BEL or ST.
            Some(']' | 'P' | '_' | '^') => {
                let mut last = ' ';
                for c in chars.by_ref() {
                    if c == '\u{7}' || (last == '\u{1b}' && c == '\\') {
                        break;
                    }
                    last = c;
                }
            }
            _ => {}
        }
    }
    shown.trim_end().to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_terminal_obeys_is_not_text() {
        assert_eq!(strip_terminal_codes("\u{1b}[1;31mred\u{1b}[0m "), "red");
        assert_eq!(strip_terminal_codes("\u{1b}]8;;http://a\u{1b}\\link\u{1b}]8;;\u{7}"), "link");
        assert_eq!(strip_terminal_codes("section_end\u{1b}[0K"), "section_end");
        assert_eq!(strip_terminal_codes("\u{1b}"), "");
    }

    #[test]
    fn a_line_is_cut_where_a_terminal_would_overwrite_it() {
        assert_eq!(visible_segments(b"a\rb\r"), ["a", "b"]);
        assert_eq!(visible_segments(b"a\0b"), ["ab"]);
        assert_eq!(visible_segments(b"\xff"), ["\u{fffd}"]);
        assert_eq!(visible_segments(&vec![b'x'; 1 << 20])[0].len(), LONGEST_LINE);
    }
}
