use std::ffi::{OsStr, OsString};
use std::os::unix::ffi::{OsStrExt, OsStringExt};

/// The suffix of a slice's unit name.
const SUFFIX: &[u8] = b".slice";
/// The suffixes of other units, which systemd-run does not replace (systemd.unit(5)).
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
/// The maximum length of a unit's name, in bytes (systemd.unit(5)).
const MAX_UNIT_NAME: usize = 255;
/// The maximum length of a suggested name without its suffix, in bytes.
const MAX_SUGGESTION: usize = 200;

/// Returns the unit that a slice's name denotes: systemd-run appends `.slice` where it is
/// missing.
pub(crate) fn to_unit_name(word: &OsStr) -> OsString {
    let mut unit = word.as_bytes().to_vec();
    if !unit.ends_with(SUFFIX) {
        unit.extend(SUFFIX);
    }
    OsString::from_vec(unit)
}

/// Returns whether systemd accepts the name unchanged, with or without `.slice`: the characters and
/// the length of systemd.unit(5), and the dashes of systemd.slice(5).
pub(crate) fn is_well_formed(word: &OsStr) -> bool {
    let bytes = word.as_bytes();
    if UNIT_SUFFIXES.iter().any(|suffix| bytes.ends_with(suffix.as_bytes())) {
        return false;
    }
    let stem = bytes.strip_suffix(SUFFIX).unwrap_or(bytes);
    let is_letter = |byte: &u8| byte.is_ascii_alphanumeric() || b":-_.\\".contains(byte);
    let is_level = |level: &[u8]| !level.is_empty();
    stem.len() + SUFFIX.len() <= MAX_UNIT_NAME
        && stem.iter().all(is_letter)
        && (stem == b"-" || stem.split(|&byte| byte == b'-').all(is_level))
}

/// Returns whether the bytes that the name encodes are valid text. Where they are not, systemd 252
/// and later give the slice a description that no D-Bus message may contain: as long as the slice
/// is active, no client can list the manager's units (measured on 252 to 262; systemd,
/// src/basic/utf8.c, `utf8_is_valid`).
pub(crate) fn decodes_to_text(word: &OsStr) -> bool {
    let is_character = |letter: char| {
        let code = u32::from(letter);
        code & 0xfffe != 0xfffe && !(0xfdd0..=0xfdef).contains(&code)
    };
    String::from_utf8(unescape(word.as_bytes())).is_ok_and(|text| text.chars().all(is_character))
}

/// Decodes each `\xNN` to the byte that it encodes in a unit's name (systemd.unit(5)).
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

/// Returns the name for display: control characters and invalid UTF-8 are escaped.
pub(crate) fn escape_for_display(word: &OsStr) -> String {
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

/// Returns a similar name that systemd accepts unchanged.
pub(crate) fn suggest(word: &OsStr) -> String {
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
    let text: String = letters.take(MAX_SUGGESTION).collect();
    // A dash separates two levels: none at either end, and no two in a row.
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
    fn a_name_without_the_suffix_gets_it() {
        assert_eq!(to_unit_name(OsStr::new("agents")), "agents.slice");
        assert_eq!(to_unit_name(OsStr::new("agents.slice")), "agents.slice");
        assert_eq!(to_unit_name(OsStr::new("foo.service")), "foo.service.slice");
    }

    #[test]
    fn a_name_is_well_formed_if_systemd_accepts_it_unchanged() {
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
    fn escaped_bytes_are_decoded_before_they_are_checked() {
        for word in ["agents", "a b", "a\\x20b", "a\\x", "a\\xzz", "\u{fc}", "a\n"] {
            assert!(decodes_to_text(OsStr::new(word)), "{word}");
        }
        for word in [&b"a\xff"[..], b"a\\xff", b"\xed\xa0\x80", b"\\xef\\xbf\\xbe", b"\xef\xb7\x90"]
        {
            assert!(!decodes_to_text(OsStr::from_bytes(word)), "{word:?}");
        }
    }

    #[test]
    fn a_suggested_name_is_one_that_systemd_accepts() {
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
            let suggestion = suggest(OsStr::from_bytes(word));
            assert_eq!(suggestion, name);
            assert!(is_well_formed(OsStr::new(&suggestion)));
        }
        assert_eq!(suggest(OsStr::new(&"a".repeat(300))).len(), MAX_SUGGESTION + 6);
    }

    #[test]
    fn a_control_character_in_a_name_is_escaped_for_display() {
        assert_eq!(
            escape_for_display(OsStr::from_bytes(b"a\x1b[1m\n\xff\xc3\xbc")),
            "a\\u{1b}[1m\\n\\xff\u{fc}"
        );
    }
}
