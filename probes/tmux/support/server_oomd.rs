use std::collections::{BTreeMap, BTreeSet};

use super::server_unit::ServerUnit;
use crate::exec::Output;
use crate::host::{Cgroup, OOMD_SETTINGS, UnitProperties};
use crate::sandbox::ProbeContext;

/// The units by whose setting systemd-oomd may kill the unit of a tmux server when memory or swap runs short.
#[derive(Default)]
pub(crate) struct OomdRisk {
    /// The server's own unit or a slice, of the user manager.
    pub(crate) user_units: Vec<String>,
    /// The user manager's own unit or a slice around it.
    pub(crate) system_units: Vec<String>,
    /// The server's unit, if it is at risk only by what is around it, and can be made the last one to be killed.
    pub(crate) avoidable: Option<String>,
    /// The commands that showed it.
    pub(crate) evidence: Vec<Output>,
}

/// A server and the units around it.
struct Surroundings<'a> {
    server: &'a ServerUnit,
    slices: Vec<String>,
    above: Vec<String>,
}

impl Surroundings<'_> {
    /// Returns those of a server in a unit of the user manager.
    fn of(server: &ServerUnit) -> Option<Surroundings<'_>> {
        let cgroup = Cgroup::of_pid(server.server.pid).ok()?;
        if !cgroup.is_below_user_manager() || server.unit.is_empty() {
            return None;
        }
        let slices: Vec<String> = cgroup.user_slices().into_iter().map(str::to_owned).collect();
        let is_above = |unit: &&str| *unit != server.unit && slices.iter().all(|it| it != unit);
        let above = ["-.slice"].into_iter().chain(cgroup.units().filter(is_above));
        let above = above.map(str::to_owned).collect();
        Some(Surroundings { server, slices, above })
    }
}

impl OomdRisk {
    /// Examines servers by one request to each manager.
    pub(crate) fn find_all(context: &ProbeContext, servers: &[ServerUnit]) -> Vec<Self> {
        let found: Vec<Surroundings> = servers.iter().filter_map(Surroundings::of).collect();
        let user = found.iter().flat_map(|it| it.slices.iter().chain([&it.server.unit]));
        let user = Units::read(context, "--user", user);
        let system = Units::read(context, "--system", found.iter().flat_map(|it| &it.above));
        found.iter().map(|it| Self::of(it, &user, &system)).collect()
    }

    fn of(around: &Surroundings, user: &Units, system: &Units) -> Self {
        let own = &around.server.unit;
        let user_units = user.killing(std::slice::from_ref(own));
        let mut risk = Self { user_units, ..Self::default() };
        let preference = user.of_unit.get(own).map_or("", |it| it.get("ManagedOOMPreference"));
        if !matches!(preference, "avoid" | "omit") {
            let (slices, above) = (user.killing(&around.slices), system.killing(&around.above));
            // systemd has the preference since 248.
            let is_around = !slices.is_empty() || !above.is_empty();
            if risk.user_units.is_empty() && is_around && !preference.is_empty() {
                risk.avoidable = Some(own.clone());
            }
            risk.user_units.extend(slices);
            risk.system_units = above;
        }
        if risk.is_set() {
            risk.evidence.extend(user.run.iter().chain(&system.run).cloned());
        }
        risk
    }

    /// Reports whether a unit is set to be killed.
    pub(crate) fn is_set(&self) -> bool {
        !(self.user_units.is_empty() && self.system_units.is_empty())
    }
}

/// The properties of units of one manager.
struct Units {
    of_unit: BTreeMap<String, UnitProperties>,
    run: Option<Output>,
}

impl Units {
    fn read<'a>(
        context: &ProbeContext,
        manager: &str,
        names: impl Iterator<Item = &'a String>,
    ) -> Self {
        let names: BTreeSet<String> = names.cloned().collect();
        let names: Vec<String> = names.into_iter().collect();
        let systemctl = context.command("systemctl").arg(manager);
        let nothing = Self { of_unit: BTreeMap::new(), run: None };
        if names.is_empty() {
            return nothing;
        }
        let properties = [&["Id", "ManagedOOMPreference"][..], &OOMD_SETTINGS].concat();
        UnitProperties::read(systemctl, &names, &properties).map_or(nothing, |(read, run)| Self {
            of_unit: std::iter::zip(names, read).collect(),
            run: Some(run),
        })
    }

    /// Returns those of some units from which systemd-oomd is to kill.
    fn killing(&self, names: &[String]) -> Vec<String> {
        let kills = |name: &&String| {
            self.of_unit.get(*name).is_some_and(UnitProperties::allows_oomd_to_kill)
        };
        names.iter().filter(kills).cloned().collect()
    }
}
