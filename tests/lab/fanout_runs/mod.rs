//! What `doctor fanout` says of fleets that ran, beside what their members say themselves.

mod fleet;
mod gaps;
mod live;
mod random_fleets;
