//! Transient scopes of the user's manager: whether they can be had, and how they behave.

mod availability;
#[path = "../lab/mod.rs"]
mod lab;
mod named_slice;
mod pins;
