/// A pattern of unit names, as `systemctl` takes it: `*`, `?`, `[a-z]`, `[!a]`. A pattern without a
/// type is one of services.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct UnitPattern(String);

const TYPES: [&str; 4] = [".service", ".scope", ".slice", ".timer"];

impl UnitPattern {
    /// Makes a pattern.
    pub fn new(text: &str) -> Self {
        let is_typed = TYPES.iter().any(|kind| text.ends_with(kind)) || text.ends_with('*');
        Self(if is_typed { text.to_owned() } else { format!("{text}.service") })
    }

    /// Returns the pattern as it is matched.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// Whether a unit's name matches.
    pub fn matches(&self, name: &str) -> bool {
        let pattern: Vec<char> = self.0.chars().collect();
        let name: Vec<char> = name.chars().collect();
        let (mut p, mut n) = (0, 0);
        let mut star: Option<(usize, usize)> = None;
        while n < name.len() {
            match step(&pattern[p..], name[n]) {
                Some(0) => {
                    star = Some((p, n));
                    p += 1;
                }
                Some(length) => {
                    p += length;
                    n += 1;
                }
                None => match star {
                    // The last star takes one more character.
                    Some((at, taken)) => {
                        star = Some((at, taken + 1));
                        p = at + 1;
                        n = taken + 1;
                    }
                    None => return false,
                },
            }
        }
        pattern[p..].iter().all(|c| *c == '*')
    }
}

/// How many characters of the pattern a character uses up: 0 for a star; `None` if it does not match.
fn step(pattern: &[char], c: char) -> Option<usize> {
    match *pattern.first()? {
        '*' => Some(0),
        '?' => Some(1),
        '[' => match pattern.iter().skip(2).position(|end| *end == ']') {
            Some(end) => in_set(&pattern[1..end + 2], c).then_some(end + 3),
            None => (c == '[').then_some(1),
        },
        literal => (literal == c).then_some(1),
    }
}

fn in_set(set: &[char], c: char) -> bool {
    let (is_negated, set) = match set {
        ['!' | '^', rest @ ..] => (true, rest),
        _ => (false, set),
    };
    let mut is_member = false;
    let mut rest = set;
    while let [first, tail @ ..] = rest {
        rest = if let ['-', last, more @ ..] = tail {
            is_member |= (*first..=*last).contains(&c);
            more
        } else {
            is_member |= *first == c;
            tail
        };
    }
    is_member != is_negated
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn patterns_match_as_in_a_shell() {
        let matches = |pattern: &str, name: &str| UnitPattern::new(pattern).matches(name);
        assert!(matches("bob-fanout-*", "bob-fanout-code.service"));
        assert!(matches("bob-fanout-*.service", "bob-fanout-code.service"));
        assert!(!matches("bob-fanout-*.service", "bob-fanout-code.scope"));
        assert!(matches("a", "a.service"));
        assert!(matches("*a*b*.scope", "xxaybbz.scope"));
        assert!(matches("u[0-9].service", "u7.service"));
        assert!(!matches("u[!0-9].service", "u7.service"));
        assert!(matches("u?.service", "uü.service"));
        assert!(!matches("u?.service", "u.service"));
        assert!(matches("a[b.service", "a[b.service"));
    }
}
