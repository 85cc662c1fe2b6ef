//! One page without a script and without the network: lanes, a curve, locks, and a table.

mod axis;
mod curve;
mod fire_section;
mod lane;
mod lock_section;
mod page;
mod unit_table;

pub(super) use page::render;
