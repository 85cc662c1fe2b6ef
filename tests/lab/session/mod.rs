//! Tests of the session group: lingering, and what ends at a logout.

mod linger;
mod logind_settings;
mod logout;
mod logout_policy;
