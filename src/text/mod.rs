//! Text for people, shells and pages: hidden characters are escaped, lines are wrapped, words are quoted, templates
//! are expanded, pages are put together.

pub(crate) mod markdown;
pub(crate) mod page;
pub(crate) mod sanitize;
mod shell_quote;
pub(crate) mod shorten;
pub(crate) mod template;
pub(crate) mod wrap;

pub use sanitize::printable;
pub use shell_quote::quote;
pub use template::placeholders;
