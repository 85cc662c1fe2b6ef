//! What a log shows, one file a format.

mod github;
mod human;
mod json;
mod markdown;
mod ndjson;
mod schema;

use crate::diagnose::Diagnosis;

pub use github::github;
pub use human::{found, human};
pub use json::json;
pub use markdown::markdown;
pub use ndjson::{line, ndjson};
pub use schema::schema;

/// Returns a number with a comma at each thousand.
fn grouped(number: u64) -> String {
    let digits = number.to_string();
    let mut text = String::with_capacity(digits.len() + digits.len() / 3);
    for (index, digit) in digits.chars().enumerate() {
        if index > 0 && (digits.len() - index).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    text
}

/// Returns what was read, as `18,204 lines of build.log`.
fn what_was_read(diagnosis: &Diagnosis) -> String {
    let lines: u64 = diagnosis.inputs.iter().map(|input| input.lines).sum();
    let count = if lines == 1 { "1 line".to_owned() } else { format!("{} lines", grouped(lines)) };
    let of = match diagnosis.inputs.as_slice() {
        [input] => name(&input.name).to_owned(),
        inputs => format!("{} inputs", inputs.len()),
    };
    format!("{count} of {of}")
}

/// Returns an input's name for people.
fn name(name: &str) -> &str {
    match name {
        "-" => "standard input",
        "journal" => "the journal",
        name => name,
    }
}

/// Returns how often something was found.
fn times(count: u64) -> String {
    match count {
        1 => "once".to_owned(),
        2 => "twice".to_owned(),
        count => format!("{} times", grouped(count)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn thousands_are_grouped() {
        for (number, text) in [(0, "0"), (999, "999"), (1000, "1,000"), (1_234_567, "1,234,567")] {
            assert_eq!(grouped(number), text);
        }
    }
}
