//! Transient scopes of the user manager: whether they can be started, and how they behave.

mod availability;
mod behaviours;
mod causes;
mod named_slice;
mod stand_in;
mod user_bus;
