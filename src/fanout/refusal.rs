/// What a dispatcher's own line says of a launch that was refused.
///
/// Every message was seen on the releases named; where they differ, each wording has its line.
const MESSAGES: [(&str, &str); 7] = [
    // 247 to 262.
    ("Invalid environment block", "env-block-spaces"),
    // 252 to 262, for a name that no variable can have.
    ("Cannot assign environment variable ", "setenv-fidelity"),
    // 252 to 262, and 247.
    ("was already loaded or has a fragment file", "unit-name-taken"),
    (" already exists.", "unit-name-taken"),
    // 257 and 262, and 247 to 254.
    ("Failed to connect to user scope bus", "bus-address"),
    ("Failed to connect to bus: ", "bus-address"),
    // 247 to 262.
    (".slice failed to load properly", "slice-name"),
];

/// Messages after which nothing was launched and which have no failure mode of their own.
const UNNAMED: [&str; 4] = [
    "Failed to start transient service unit: ",
    "Failed to start transient scope unit: ",
    "Failed to find executable ",
    "Unknown assignment: ",
];

/// A launch that was refused, by the line that says so.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Refusal<'a> {
    /// The failure mode's id, for `doctor explain`; `None` if it is none that is known.
    pub failure_mode: Option<&'static str>,
    /// The message without the colours around it.
    pub message: &'a str,
    /// The unit, if the message names it.
    pub unit: Option<&'a str>,
}

impl<'a> Refusal<'a> {
    /// Recognises a line of a dispatcher's own output that says that a launch was refused.
    pub fn recognise(line: &'a str) -> Option<Self> {
        let message = without_colours(line);
        let known = MESSAGES.iter().find(|(text, _)| message.contains(text));
        let is_refusal = UNNAMED.iter().any(|text| message.starts_with(text))
            || known.is_some_and(|(text, _)| message.starts_with(text));
        is_refusal.then(|| Self {
            failure_mode: known.map(|(_, id)| *id),
            message,
            unit: unit_in(message),
        })
    }
}

/// systemd 247 colours what it logs even where that is not a terminal.
fn without_colours(line: &str) -> &str {
    let line = line.trim();
    let line = match line.strip_prefix("\u{1b}[") {
        Some(rest) => rest.split_once('m').map_or(line, |(_, text)| text),
        None => line,
    };
    line.split('\u{1b}').next().unwrap_or(line).trim_end()
}

/// `Unit NAME already exists`, and not the slice of a unit.
fn unit_in(message: &str) -> Option<&str> {
    let (_, rest) = message.split_once(" unit: Unit ")?;
    let name = rest.split_ascii_whitespace().next()?;
    (name.ends_with(".service") || name.ends_with(".scope")).then_some(name)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn mode(line: &str) -> Option<&'static str> {
        Refusal::recognise(line).expect("a refusal").failure_mode
    }

    #[test]
    fn each_measured_message_names_its_failure_mode() {
        let block = "Failed to start transient service unit: Invalid environment block.";
        assert_eq!(mode(block), Some("env-block-spaces"));
        let coloured = format!("\u{1b}[0;1;31m{block}\u{1b}[0m");
        assert_eq!(Refusal::recognise(&coloured), Refusal::recognise(block));
        let taken = "Failed to start transient scope unit: Unit a.scope already exists.";
        assert_eq!(mode(taken), Some("unit-name-taken"));
        assert_eq!(Refusal::recognise(taken).unwrap().unit, Some("a.scope"));
        assert_eq!(
            mode(
                "Failed to start transient service unit: Unit a.service was already loaded or has a fragment file."
            ),
            Some("unit-name-taken")
        );
        for bus in [
            "Failed to connect to bus: No medium found",
            "Failed to connect to user scope bus via local transport: No such file or directory",
        ] {
            assert_eq!(mode(bus), Some("bus-address"));
        }
        let slice = "Failed to start transient service unit: Unit a--b.slice failed to load properly, please adjust/correct and reload service manager: Invalid argument";
        assert_eq!(mode(slice), Some("slice-name"));
        assert_eq!(Refusal::recognise(slice).unwrap().unit, None);
        assert_eq!(mode("Failed to find executable /x: No such file or directory"), None);
    }

    #[test]
    fn what_only_quotes_a_message_is_no_refusal() {
        for line in
            ["", "spawned=6 skipped=0", "see: Invalid environment block", "a already exists."]
        {
            assert_eq!(Refusal::recognise(line), None, "{line}");
        }
    }
}
