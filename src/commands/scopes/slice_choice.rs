use std::ffi::OsStr;

use launch_probes::host::{Access, SliceUnits, TransientUnits, UnitProperties};

use crate::commands::slice_unit::slice_unit;
use crate::scopes::nearest;

/// Which slices are examined.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum SliceChoice {
    /// This one, and those in it.
    Named(String),
    /// Every slice of the manager.
    All,
    /// Every slice that has a transient unit.
    WithTransientUnits,
}

/// Why no slice is examined.
#[derive(Debug, thiserror::Error)]
pub(super) enum SliceError {
    #[error("there is no slice {name}{}", hint(.nearest.as_deref()))]
    Missing { name: String, nearest: Option<String> },
    #[error(
        "no slice has a transient unit: --all shows every unit, --slice NAME the panes outside a slice"
    )]
    NoUnits,
    #[error("the {manager} manager has no cgroup {path} ({error}): it does not run")]
    Unreadable { manager: &'static str, path: String, error: std::io::Error },
}

fn hint(nearest: Option<&str>) -> String {
    nearest.map_or_else(String::new, |name| format!("; did you mean `{name}`?"))
}

impl SliceChoice {
    /// Takes it from the command line. A name that is empty is none.
    pub(super) fn new(slice: Option<&OsStr>, all: bool) -> Self {
        match slice.filter(|slice| !slice.is_empty()) {
            _ if all => Self::All,
            Some(slice) => Self::Named(slice_unit(&slice.to_string_lossy())),
            None => Self::WithTransientUnits,
        }
    }

    /// Selects slices. Empty if the named one is defined, and nothing runs in it.
    ///
    /// # Errors
    /// If there is no such slice.
    pub(super) fn select(
        &self,
        slices: Vec<SliceUnits>,
        transient: &TransientUnits,
        access: Access,
    ) -> Result<Vec<SliceUnits>, SliceError> {
        match self {
            Self::All => Ok(slices),
            Self::WithTransientUnits => {
                let has_launched = |slice: &SliceUnits| {
                    let mut units = slice.units.iter();
                    units.any(|unit| transient.contains(&unit.name) && is_launched(&unit.name))
                };
                let found: Vec<SliceUnits> = slices.into_iter().filter(has_launched).collect();
                if found.is_empty() { Err(SliceError::NoUnits) } else { Ok(found) }
            }
            Self::Named(name) => match slices.iter().find(|slice| slice.name == *name).cloned() {
                Some(named) => Ok(slices.into_iter().filter(|slice| slice.is_in(&named)).collect()),
                None if is_defined(name, access) => Ok(Vec::new()),
                None => {
                    let known = slices.into_iter().map(|slice| slice.name);
                    Err(SliceError::Missing { name: name.clone(), nearest: nearest(name, known) })
                }
            },
        }
    }
}

/// Returns whether a transient unit was launched as an agent may be, and neither by tmux for each pane, by logind for
/// a session, nor by a desktop for an application.
fn is_launched(unit: &str) -> bool {
    !["tmux-spawn-", "session-", "app-"].iter().any(|prefix| unit.starts_with(prefix))
}

/// Returns whether a slice without a cgroup has a unit file or a drop-in: systemd accepts any other name as well.
fn is_defined(name: &str, access: Access) -> bool {
    let properties = ["FragmentPath", "DropInPaths"];
    let read = UnitProperties::read(access.systemctl(), &[name.to_owned()], &properties);
    read.is_ok_and(|(units, _)| {
        properties.iter().any(|property| !units[0].get(property).is_empty())
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_gets_its_type_and_an_empty_one_is_none() {
        let choice = |slice: &str, all| SliceChoice::new(Some(OsStr::new(slice)), all);
        assert_eq!(choice("agents", false), SliceChoice::Named("agents.slice".into()));
        assert_eq!(choice("agents.slice", false), SliceChoice::Named("agents.slice".into()));
        assert_eq!(choice("agents", true), SliceChoice::All);
        assert_eq!(choice("", false), SliceChoice::WithTransientUnits);
        assert_eq!(SliceChoice::new(None, false), SliceChoice::WithTransientUnits);
    }

    #[test]
    fn scopes_that_tmux_and_logind_make_are_not_launched() {
        assert!(is_launched("run-u1.scope") && is_launched("gc.service"));
        assert!(!is_launched("tmux-spawn-1.scope") && !is_launched("session-3.scope"));
    }
}
