use std::ffi::{OsStr, OsString};
use std::os::unix::ffi::{OsStrExt, OsStringExt};

/// The suffix of a slice's name.
const SUFFIX: &[u8] = b".slice";
/// The other suffixes of units, which systemd-run leaves as they are (systemd.unit(5)).
const UNIT_SUFFIXES: [&str; 10] = [
    ".service",
    ".socket",
    ".device",
    ".mount",
    ".automount",
    ".swap",
    ".target",
    ".path",
    ".timer",
    ".scope",
];
/// How long a unit's name may be, in bytes (systemd.unit(5)).
const LONGEST_UNIT: usize = 255;
/// How long a suggested name may be, in bytes and without its suffix.
const LONGEST: usize = 200;

/// The unit that somebody means who names a slice: with `.slice` behind it, as systemd-run adds it.
pub fn unit(word: &OsStr) -> OsString {
    let mut unit = word.as_bytes().to_vec();
    if !unit.ends_with(SUFFIX) {
        unit.extend(SUFFIX);
    }
    OsString::from_vec(unit)
}

/// Whether systemd takes the word as it stands, or with `.slice` behind it: the letters and the
/// length of systemd.unit(5), and the dashes of systemd.slice(5).
pub fn is_well_formed(word: &OsStr) -> bool {
    let bytes = word.as_bytes();
    if UNIT_SUFFIXES.iter().any(|suffix| bytes.ends_with(suffix.as_bytes())) {
        return false;
    }
    let stem = bytes.strip_suffix(SUFFIX).unwrap_or(bytes);
    let is_letter = |byte: &u8| byte.is_ascii_alphanumeric() || b":-_.\\".contains(byte);
    let is_level = |level: &[u8]| !level.is_empty();
    stem.len() + SUFFIX.len() <= LONGEST_UNIT
        && stem.iter().all(is_letter)
        && (stem == b"-" || stem.split(|&byte| byte == b'-').all(is_level))
}

/// Whether what the word stands for is text. Where it is not, systemd since 252 describes the slice
/// with bytes that no D-Bus message may hold, and as long as the slice is active, nobody can list the
/// manager's units (lab: 252 to 262; `utf8_is_valid`, upstream src/basic/utf8.c).
pub fn is_text(word: &OsStr) -> bool {
    let is_character = |letter: char| {
        let code = u32::from(letter);
        code & 0xfffe != 0xfffe && !(0xfdd0..=0xfdef).contains(&code)
    };
    String::from_utf8(unescape(word.as_bytes())).is_ok_and(|text| text.chars().all(is_character))
}

/// Bytes in which each `\xNN` is the byte that it stands for in a unit's name (systemd.unit(5)).
fn unescape(name: &[u8]) -> Vec<u8> {
    let mut bytes = Vec::with_capacity(name.len());
    let mut rest = name;
    while let Some((&first, tail)) = rest.split_first() {
        let escaped = rest
            .strip_prefix(b"\\x")
            .and_then(|digits| std::str::from_utf8(digits.get(..2)?).ok())
            .and_then(|digits| u8::from_str_radix(digits, 16).ok());
        bytes.push(escaped.unwrap_or(first));
        rest = if escaped.is_some() { &rest[4..] } else { tail };
    }
    bytes
}

/// The word for people: control characters and bytes that are no text are written out.
pub fn printable(word: &OsStr) -> String {
    let mut text = String::new();
    for chunk in word.as_bytes().utf8_chunks() {
        for letter in chunk.valid().chars() {
            if letter.is_control() {
                text.extend(letter.escape_default());
            } else {
                text.push(letter);
            }
        }
        text.extend(chunk.invalid().iter().flat_map(|byte| byte.escape_ascii()).map(char::from));
    }
    text
}

/// A name like this one that systemd takes as it stands.
pub fn suggested(word: &OsStr) -> String {
    let bytes = word.as_bytes();
    let stem = UNIT_SUFFIXES
        .iter()
        .find_map(|suffix| bytes.strip_suffix(suffix.as_bytes()))
        .or_else(|| bytes.strip_suffix(SUFFIX))
        .unwrap_or(bytes);
    let letters = stem.iter().map(|&byte| match byte {
        b'0'..=b'9' | b'a'..=b'z' | b'A'..=b'Z' | b'-' => char::from(byte),
        _ => '_',
    });
    let text: String = letters.take(LONGEST).collect();
    // A dash stands between two levels, so that there is none at an end and no two in a row.
    let levels: Vec<&str> = text
        .split('-')
        .map(|level| level.trim_matches('_'))
        .filter(|level| !level.is_empty())
        .collect();
    let name = if levels.is_empty() { "agents".to_owned() } else { levels.join("-") };
    format!("{name}.slice")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_word_without_the_suffix_means_the_slice_of_that_name() {
        assert_eq!(unit(OsStr::new("agents")), "agents.slice");
        assert_eq!(unit(OsStr::new("agents.slice")), "agents.slice");
        assert_eq!(unit(OsStr::new("foo.service")), "foo.service.slice");
    }

    #[test]
    fn a_name_is_well_formed_if_systemd_takes_it_as_it_stands() {
        for word in ["agents", "agents.slice", "a-b.slice", "-", "-.slice", "a\\x20b", "_a:b.c"] {
            assert!(is_well_formed(OsStr::new(word)), "{word}");
        }
        for word in ["", "a b", "a--b", "-a", "a-.slice", "a/b", "foo.service", "a@b.slice"] {
            assert!(!is_well_formed(OsStr::new(word)), "{word}");
        }
        assert!(!is_well_formed(OsStr::new(&"a".repeat(250))));
        assert!(is_well_formed(OsStr::new(&"a".repeat(249))));
    }

    #[test]
    fn a_word_is_no_text_even_if_its_bytes_are_written_out() {
        for word in ["agents", "a b", "a\\x20b", "a\\x", "a\\xzz", "\u{fc}", "a\n"] {
            assert!(is_text(OsStr::new(word)), "{word}");
        }
        for word in [&b"a\xff"[..], b"a\\xff", b"\xed\xa0\x80", b"\\xef\\xbf\\xbe", b"\xef\xb7\x90"]
        {
            assert!(!is_text(OsStr::from_bytes(word)), "{word:?}");
        }
    }

    #[test]
    fn a_suggested_name_has_only_what_a_slice_may_have() {
        for (word, name) in [
            (&b"a b"[..], "a_b.slice"),
            (b"a--b.slice", "a-b.slice"),
            (b"-x", "x.slice"),
            (b"foo.service", "foo.slice"),
            (b"$(touch x)", "touch_x.slice"),
            (b"/srv/agents", "srv_agents.slice"),
            (b"a\xffb", "a_b.slice"),
            (b"a@b.slice", "a_b.slice"),
            (b"/", "agents.slice"),
            (b".slice", "agents.slice"),
        ] {
            assert_eq!(suggested(OsStr::from_bytes(word)), name);
        }
        assert_eq!(suggested(OsStr::new(&"a".repeat(300))).len(), LONGEST + 6);
    }

    #[test]
    fn nothing_in_a_name_reaches_the_terminal_as_a_control_character() {
        assert_eq!(
            printable(OsStr::from_bytes(b"a\x1b[1m\n\xff\xc3\xbc")),
            "a\\u{1b}[1m\\n\\xff\u{fc}"
        );
    }
}
