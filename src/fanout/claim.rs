use schemars::JsonSchema;
use serde::Serialize;

/// What a dispatcher says in its own lines that it launched: `spawned=6 skipped=0`.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, JsonSchema)]
pub struct Claim {
    pub spawned: Option<u32>,
    pub skipped: Option<u32>,
}

impl Claim {
    /// Reads it out of a line; `None` if the line claims nothing.
    pub fn parse(line: &str) -> Option<Self> {
        let claim = Self { spawned: number(line, "spawned="), skipped: number(line, "skipped=") };
        (claim != Self::default()).then_some(claim)
    }

    /// Takes over what a later line claims.
    #[must_use]
    pub fn updated(self, later: Self) -> Self {
        Self { spawned: later.spawned.or(self.spawned), skipped: later.skipped.or(self.skipped) }
    }
}

/// The number after a key that is a word of its own.
fn number(line: &str, key: &str) -> Option<u32> {
    line.match_indices(key).find_map(|(at, _)| {
        let before = line[..at].chars().next_back();
        if before.is_some_and(|c| c.is_alphanumeric() || matches!(c, '_' | '-')) {
            return None;
        }
        let rest = &line[at + key.len()..];
        let end = rest.find(|c: char| !c.is_ascii_digit()).unwrap_or(rest.len());
        rest[..end].parse().ok()
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn both_numbers_are_read_wherever_they_are_in_the_line() {
        let claim = Claim::parse("[bob] fan-out: spawned=4, skipped=2 (busy)").unwrap();
        assert_eq!(claim, Claim { spawned: Some(4), skipped: Some(2) });
        assert_eq!(Claim::parse("unspawned=4"), None);
        assert_eq!(Claim::parse("spawned=many skipped=99999999999999"), None);
        let later = Claim::parse("skipped=3").unwrap();
        assert_eq!(claim.updated(later), Claim { spawned: Some(4), skipped: Some(3) });
    }
}
