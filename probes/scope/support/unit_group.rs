use std::collections::BTreeMap;
use std::fmt;

/// The characters that separate the parts of a unit's name.
const SEPARATORS: [char; 5] = ['-', '_', '@', ':', '.'];

/// Units whose names have the same prefix.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct UnitGroup {
    prefix: String,
    names: Vec<String>,
}

impl UnitGroup {
    /// Groups units by prefix, the largest group first.
    pub(crate) fn of(names: impl Iterator<Item = String>) -> Vec<Self> {
        let mut groups: BTreeMap<String, Vec<String>> = BTreeMap::new();
        for name in names {
            groups.entry(prefix(&name).to_owned()).or_default().push(name);
        }
        let mut groups: Vec<Self> =
            groups.into_iter().map(|(prefix, names)| Self { prefix, names }).collect();
        groups.sort_by_key(|group| std::cmp::Reverse(group.names.len()));
        groups
    }

    /// Returns the number of its units; at least one.
    pub(crate) fn len(&self) -> usize {
        self.names.len()
    }

    /// Returns whether its pattern matches a name.
    pub(crate) fn matches(&self, name: &str) -> bool {
        match &self.names[..] {
            [only] => only == name,
            _ => name.starts_with(&self.prefix),
        }
    }

    /// Returns a pattern for systemctl that matches all of them. A backslash has a meaning of its
    /// own in a pattern (fnmatch(3)), so `?` replaces it; a single name needs no pattern.
    pub(crate) fn pattern(&self) -> String {
        match &self.names[..] {
            [name] => name.clone(),
            _ => format!("{}*", self.prefix.replace('\\', "?")),
        }
    }
}

impl fmt::Display for UnitGroup {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.names[..] {
            [name] => f.write_str(name),
            names => write!(f, "{}* ({})", self.prefix, names.len()),
        }
    }
}

/// Returns what a unit's name has in common with those launched together with it: everything before
/// the first part that contains a digit, or before the last part, or else the whole name.
fn prefix(name: &str) -> &str {
    let stem = name.rsplit_once('.').map_or(name, |(stem, _)| stem);
    let starts: Vec<usize> =
        [0].into_iter().chain(stem.match_indices(SEPARATORS).map(|(at, _)| at + 1)).collect();
    let has_digit = |start: &&usize| {
        let part = stem[**start..].split(SEPARATORS).next().unwrap_or_default();
        part.contains(|letter: char| letter.is_ascii_digit())
    };
    let end = match starts.iter().find(has_digit).or(starts.last()) {
        // In a name such as `agent12` the first part contains the number.
        Some(0) => stem.find(|letter: char| letter.is_ascii_digit()).unwrap_or(0),
        Some(start) => *start,
        None => 0,
    };
    if end == 0 { name } else { &stem[..end] }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn units_launched_together_have_the_same_prefix() {
        for (name, expected) in [
            ("bob-fanout-code.service", "bob-fanout-"),
            ("run-r0a1b2.scope", "run-"),
            ("run-p12-i13.service", "run-"),
            ("agent12.service", "agent"),
            ("agent@code-1.service", "agent@code-"),
            ("lone.service", "lone.service"),
            ("12.service", "12.service"),
            (r"odd\x20name:1.service", r"odd\x"),
            ("ä-ö.service", "ä-"),
            ("garbage", "garbage"),
        ] {
            assert_eq!(prefix(name), expected, "{name}");
        }
    }

    #[test]
    fn the_largest_group_comes_first_and_has_a_pattern_for_systemctl() {
        let names = ["lone.service", r"a\x20-1.service", r"a\x20-2.service"].map(str::to_owned);
        let groups = UnitGroup::of(names.into_iter());
        assert_eq!(groups.len(), 2);
        assert_eq!((groups[0].pattern().as_str(), groups[0].len()), ("a?x*", 2));
        assert_eq!(groups[0].to_string(), r"a\x* (2)");
        assert_eq!(groups[1].pattern(), "lone.service");
        assert!(groups[0].matches(r"a\x20-timer.service") && !groups[0].matches("lone.service"));
        assert!(groups[1].matches("lone.service") && !groups[1].matches("lone.timer"));
        assert_eq!(groups[1].to_string(), "lone.service");
    }
}
