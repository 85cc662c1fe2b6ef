use super::slice_name_syntax::{decodes_to_text, escape_for_display, is_well_formed, to_unit_name};
use crate::sandbox::{NotMeasured, ProbeContext};

/// The unit name of the slice that agents are to run in.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct AgentSlice(String);

impl AgentSlice {
    /// Returns the slice that `--slice` or `GC_AGENT_SLICE` names.
    ///
    /// # Errors
    /// Skipped if neither is given, no manager answers, or systemd does not accept the
    /// name unchanged.
    pub(crate) fn from_settings(context: &ProbeContext) -> Result<Self, NotMeasured> {
        let Some(name) = &context.settings.slice else {
            let reason = "no slice is named: pass --slice or set GC_AGENT_SLICE";
            return Err(NotMeasured::Skipped(reason.into()));
        };
        context.require_manager()?;
        match to_unit_name(name).into_string() {
            Ok(unit) if is_well_formed(name) && decodes_to_text(name) => Ok(Self(unit)),
            _ => Err(NotMeasured::Skipped(format!(
                "systemd does not accept `{}` unchanged as the name of a slice: see scope-availability",
                escape_for_display(name)
            ))),
        }
    }

    /// Returns its unit name, such as `agents.slice`.
    pub(crate) fn unit(&self) -> &str {
        &self.0
    }

    /// Returns the slices around it and itself, from the outermost: `a.slice`, `a-b.slice`
    /// (systemd.slice(5)), without the root slice.
    pub(crate) fn lineage(&self) -> Vec<String> {
        let stem = self.0.strip_suffix(".slice").unwrap_or(&self.0);
        let dashes = stem.match_indices('-').map(|(at, _)| at).filter(|&at| at > 0);
        dashes.chain([stem.len()]).map(|end| format!("{}.slice", &stem[..end])).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_dash_is_one_level() {
        let lineage = |name: &str| AgentSlice(name.into()).lineage();
        assert_eq!(lineage("a.slice"), ["a.slice"]);
        assert_eq!(lineage("a-b-c.slice"), ["a.slice", "a-b.slice", "a-b-c.slice"]);
        assert_eq!(lineage(r"a\x2db.slice"), [r"a\x2db.slice"]);
        assert_eq!(lineage("-.slice"), ["-.slice"]);
    }
}
