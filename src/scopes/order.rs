use std::cmp::Reverse;

use super::Scope;

/// By what rows are sorted. Equal ones are sorted by name, so that two runs can be compared.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, clap::ValueEnum)]
pub enum SortKey {
    /// The agent, and then the unit
    #[default]
    Name,
    /// The oldest first
    Since,
    /// The most processor time in percent first
    Cpu,
    /// The most memory first
    Memory,
    /// The most tasks first
    Tasks,
}

/// Sorts rows.
pub fn sort(scopes: &mut [Scope], key: SortKey) {
    scopes.sort_by_cached_key(|scope| (scope.agent.clone(), scope.unit.clone(), scope.target()));
    match key {
        SortKey::Name => {}
        SortKey::Since => scopes.sort_by_key(|scope| (scope.since.is_none(), scope.since)),
        SortKey::Cpu => {
            let percent = |scope: &Scope| scope.cpu_percent.unwrap_or(-1.0);
            scopes.sort_by(|a, b| percent(b).total_cmp(&percent(a)));
        }
        SortKey::Memory => scopes.sort_by_key(|scope| Reverse(scope.memory_bytes)),
        SortKey::Tasks => scopes.sort_by_key(|scope| Reverse(scope.tasks)),
    }
}
