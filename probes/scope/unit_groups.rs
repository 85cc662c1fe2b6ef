use std::collections::BTreeMap;
use std::fmt;

/// Between the parts of a unit's name.
const SEPARATORS: [char; 5] = ['-', '_', '@', ':', '.'];

/// Units whose names begin alike.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct UnitGroup {
    prefix: String,
    names: Vec<String>,
}

impl UnitGroup {
    /// Sorts units into groups, the largest first.
    pub fn of(names: impl Iterator<Item = String>) -> Vec<Self> {
        let mut groups: BTreeMap<String, Vec<String>> = BTreeMap::new();
        for name in names {
            groups.entry(prefix(&name).to_owned()).or_default().push(name);
        }
        let mut groups: Vec<Self> =
            groups.into_iter().map(|(prefix, names)| Self { prefix, names }).collect();
        groups.sort_by_key(|group| std::cmp::Reverse(group.names.len()));
        groups
    }

    /// How many units are in it; at least one.
    pub fn len(&self) -> usize {
        self.names.len()
    }

    /// A pattern that systemctl takes for all of them. In a pattern a backslash would be read
    /// (fnmatch(3)); a name by itself is taken as it is.
    pub fn pattern(&self) -> String {
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

/// What a unit's name has in common with those that were launched with it: everything before the
/// first part with a digit, or before the last part, or else the whole name.
fn prefix(name: &str) -> &str {
    let stem = name.rsplit_once('.').map_or(name, |(stem, _)| stem);
    let starts: Vec<usize> =
        [0].into_iter().chain(stem.match_indices(SEPARATORS).map(|(at, _)| at + 1)).collect();
    let has_digit = |start: &&usize| {
        let part = stem[**start..].split(SEPARATORS).next().unwrap_or_default();
        part.contains(|letter: char| letter.is_ascii_digit())
    };
    let end = match starts.iter().find(has_digit).or(starts.last()) {
        // A name such as `agent12` has its number in its first part.
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
    fn a_group_is_what_was_launched_together() {
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
    fn the_largest_group_comes_first_and_is_named_by_a_pattern() {
        let names = ["lone.service", r"a\x20-1.service", r"a\x20-2.service"].map(str::to_owned);
        let groups = UnitGroup::of(names.into_iter());
        assert_eq!(groups.len(), 2);
        assert_eq!((groups[0].pattern().as_str(), groups[0].len()), ("a?x*", 2));
        assert_eq!(groups[0].to_string(), r"a\x* (2)");
        assert_eq!(groups[1].pattern(), "lone.service");
        assert_eq!(groups[1].to_string(), "lone.service");
    }
}
