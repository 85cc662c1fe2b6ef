//! Who holds which lock, one file a format.

mod human;
mod json;
mod schema;

pub use human::{event, human};
pub use json::{event_line, json};
pub use schema::schema;
