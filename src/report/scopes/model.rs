use schemars::JsonSchema;
use serde::Serialize;

use crate::exit::Exit;
use crate::report::Host;
use crate::report::model::Doctor;
use crate::scopes::{Scope, Scopes, Slice};

/// Everything that `doctor scopes` says. Keys are only ever added.
#[derive(Debug, Serialize, JsonSchema)]
pub struct ScopesReport {
    /// The version of this layout.
    #[schemars(extend("const" = 1))]
    pub schema: u32,
    /// The program that wrote it.
    pub doctor: Doctor,
    /// The host that was examined.
    pub host: Host,
    /// The slices that were examined, each before those in it.
    pub slices: Vec<Slice>,
    /// Their units, and the panes that are in none of them.
    pub scopes: Vec<Scope>,
    /// What could not be read, a sentence for each.
    pub incomplete: Vec<String>,
    /// The exit status that follows.
    pub exit: Exit,
}

impl ScopesReport {
    /// Creates the report of a host.
    pub fn new(host: Host, scopes: Scopes) -> Self {
        Self {
            schema: 1,
            doctor: Doctor { version: env!("CARGO_PKG_VERSION") },
            host,
            exit: scopes.exit(),
            slices: scopes.slices,
            scopes: scopes.scopes,
            incomplete: scopes.incomplete,
        }
    }
}
