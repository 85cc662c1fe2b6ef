use super::slice_word::{is_text, is_well_formed, printable, unit};
use crate::Unable;
use crate::sandbox::Sandbox;

/// The slice that agents are to run in, by the name that a manager has for it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AgentSlice(String);

impl AgentSlice {
    /// The one that was named.
    ///
    /// # Errors
    /// Skipped where none was named, no manager answers, or systemd does not take the name as it
    /// stands.
    pub fn named(sandbox: &Sandbox) -> Result<Self, Unable> {
        let Some(word) = &sandbox.settings.slice else {
            let reason = "no slice is named: there is neither --slice nor GC_AGENT_SLICE";
            return Err(Unable::Skipped(reason.into()));
        };
        sandbox.require_manager()?;
        match unit(word).into_string() {
            Ok(name) if is_well_formed(word) && is_text(word) => Ok(Self(name)),
            _ => Err(Unable::Skipped(format!(
                "systemd does not take `{}` as it stands for the name of a slice; see \
                 scope-availability",
                printable(word)
            ))),
        }
    }

    /// Its name, with the suffix.
    pub fn unit(&self) -> &str {
        &self.0
    }

    /// The slices in which it lies and itself, from the outermost: `a.slice`, `a-b.slice`
    /// (systemd.slice(5)). The root slice is not among them.
    pub fn lineage(&self) -> Vec<String> {
        let stem = self.0.strip_suffix(".slice").unwrap_or(&self.0);
        let dashes = stem.match_indices('-').map(|(at, _)| at).filter(|&at| at > 0);
        dashes.chain([stem.len()]).map(|end| format!("{}.slice", &stem[..end])).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_dash_is_a_level() {
        let lineage = |name: &str| AgentSlice(name.into()).lineage();
        assert_eq!(lineage("a.slice"), ["a.slice"]);
        assert_eq!(lineage("a-b-c.slice"), ["a.slice", "a-b.slice", "a-b-c.slice"]);
        assert_eq!(lineage(r"a\x2db.slice"), [r"a\x2db.slice"]);
        assert_eq!(lineage("-.slice"), ["-.slice"]);
    }
}
