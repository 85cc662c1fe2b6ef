use std::fmt;

/// A component's version, for comparison: `257.13-1~deb13u1` counts as 257.13, `3.5a` is between 3.5 and 3.6. What a
/// distribution appends does not count.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Version(Vec<u64>);

impl Version {
    /// Whether it names a release without a point release: 257, not 257.13.
    pub fn is_whole_release(&self) -> bool {
        self.0.len() == 1
    }

    /// Reads the first version in a text; `None` if there is no digit.
    pub fn parse(text: &str) -> Option<Self> {
        let start = text.find(|c: char| c.is_ascii_digit())?;
        let mut parts = Vec::new();
        let mut rest = &text[start..];
        loop {
            let end = rest.find(|c: char| !c.is_ascii_digit()).unwrap_or(rest.len());
            parts.push(rest[..end].parse().ok()?);
            rest = &rest[end..];
            match rest.strip_prefix('.') {
                Some(next) if next.starts_with(|c: char| c.is_ascii_digit()) => rest = next,
                _ => break,
            }
        }
        // A single letter is a patch release of tmux; `rc1` or `deb12` is not.
        let mut letters = rest.chars();
        if let Some(letter @ 'a'..='z') = letters.next()
            && !letters.next().is_some_and(|next| next.is_ascii_alphanumeric())
        {
            parts.push(u64::from(letter) - u64::from('a') + 1);
        }
        Some(Self(parts))
    }

    /// Returns its first number: 257 for systemd 257.13.
    pub fn major(&self) -> u64 {
        self.0[0]
    }

    /// Returns whether it is `other` or a later point release of it: 257.13 belongs to 257.
    pub fn belongs_to(&self, other: &Self) -> bool {
        self.0.starts_with(&other.0)
    }
}

impl fmt::Display for Version {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let parts: Vec<String> = self.0.iter().map(u64::to_string).collect();
        f.write_str(&parts.join("."))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn version(text: &str) -> Version {
        Version::parse(text).unwrap()
    }

    #[test]
    fn what_a_distribution_adds_does_not_count() {
        assert_eq!(version("257.13-1~deb13u1"), version("257.13"));
        assert_eq!(version("258~rc1-2"), version("258"));
        assert_eq!(version("next-3.6"), version("3.6"));
    }

    #[test]
    fn letters_of_tmux_are_patch_releases() {
        assert!(version("3.5") < version("3.5a"));
        assert!(version("3.5a") < version("3.5b"));
        assert!(version("3.5b") < version("3.6"));
    }

    #[test]
    fn point_releases_are_between_two_releases() {
        assert!(version("257.13") > version("257"));
        assert!(version("257.13") < version("258"));
        assert!(version("247.3").belongs_to(&version("247")));
        assert!(!version("24.7").belongs_to(&version("247")));
    }

    #[test]
    fn a_text_without_a_number_is_not_a_version() {
        assert_eq!(Version::parse("unknown"), None);
        assert_eq!(Version::parse("99999999999999999999999"), None);
    }
}
