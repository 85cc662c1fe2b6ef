use super::decode::{strip_terminal_codes, visible_segments};
use super::journal_entry::JournalEntry;

/// A line of a log, without what the collector of the log has put in front of the message.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct LogLine {
    /// The time, as the log writes it.
    pub at: Option<String>,
    /// The program by the journal's word, such as `systemd` in `host systemd[1]: …`.
    pub identifier: Option<String>,
    /// The unit that the entry is about, where the log says it.
    pub unit: Option<String>,
    /// What the program wrote.
    pub message: String,
}

impl LogLine {
    /// Returns a line that is a message and nothing else.
    pub fn of_message(message: &str) -> Self {
        Self { message: message.to_owned(), ..Self::default() }
    }

    /// Reads a raw line of any of the formats that logs come in: plain, journalctl's short formats,
    /// its JSON and export formats, syslog and dmesg, and the logs of GitHub, GitLab and Buildkite.
    /// A line that a terminal would have overwritten is several: each is given.
    pub fn read(raw: &[u8]) -> Vec<Self> {
        if let Some(entry) = JournalEntry::from_json(raw) {
            return vec![entry.into_line()];
        }
        visible_segments(raw)
            .into_iter()
            .map(|segment| Self::of_text(&strip_terminal_codes(&segment)))
            .filter(|line| !line.message.is_empty())
            .collect()
    }

    fn of_text(text: &str) -> Self {
        let text = text.strip_prefix("MESSAGE=").unwrap_or(text);
        let (at, rest) = split_timestamp(text);
        let rest = rest.strip_prefix("##[error]").unwrap_or(rest);
        if at.is_some()
            && let Some((identifier, message)) = split_identifier(rest)
        {
            return Self {
                at: at.map(str::to_owned),
                identifier: Some(identifier.to_owned()),
                unit: None,
                message: message.to_owned(),
            };
        }
        if let Some(message) = kernel_message(rest) {
            return Self {
                at: at.map(str::to_owned),
                identifier: Some("kernel".to_owned()),
                unit: None,
                message: message.to_owned(),
            };
        }
        Self { at: at.map(str::to_owned), identifier: None, unit: None, message: rest.to_owned() }
    }
}

/// The months as syslog writes them.
const MONTHS: [&str; 12] =
    ["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"];

/// Splits the time off a line: RFC 3339 as GitHub, Docker and `journalctl -o short-iso` write it, and
/// `Nov 28 19:00:01` of syslog.
fn split_timestamp(text: &str) -> (Option<&str>, &str) {
    let bytes = text.as_bytes();
    let is_digit = |at: usize| bytes.get(at).is_some_and(u8::is_ascii_digit);
    let is = |at: usize, byte: u8| bytes.get(at) == Some(&byte);
    let is_iso = is_digit(0) && is_digit(3) && is(4, b'-') && is(7, b'-') && is(13, b':');
    if is_iso && (is(10, b'T') || is(10, b' ')) {
        let end = text[11..].find(' ').map_or(text.len(), |at| at + 11);
        let rest = text[end..].strip_prefix(' ').unwrap_or("");
        return (Some(&text[..end]), strip_stream_marker(rest));
    }
    let is_syslog = MONTHS.iter().any(|month| text.starts_with(month))
        && is(3, b' ')
        && is(6, b' ')
        && is(9, b':')
        && is(12, b':');
    if is_syslog {
        // `short-precise` has microseconds.
        let end = text[13..].find(' ').map_or(text.len(), |at| at + 13);
        return (Some(&text[..end]), text[end..].strip_prefix(' ').unwrap_or(""));
    }
    (None, text)
}

/// GitLab marks the stream of a line after its time: `00O `, `01E `, with `+` for a continuation.
fn strip_stream_marker(text: &str) -> &str {
    let bytes = text.as_bytes();
    let is_marker = bytes.len() >= 4
        && bytes[0].is_ascii_hexdigit()
        && bytes[1].is_ascii_hexdigit()
        && matches!(bytes[2], b'O' | b'E')
        && matches!(bytes[3], b' ' | b'+');
    if is_marker { &text[4..] } else { text }
}

/// Splits `host identifier[pid]: ` off a message.
fn split_identifier(text: &str) -> Option<(&str, &str)> {
    let (_host, rest) = text.split_once(' ')?;
    let (tag, message) = rest.split_once(": ").or_else(|| Some((rest.strip_suffix(':')?, "")))?;
    let identifier = match tag.split_once('[') {
        Some((identifier, pid)) => {
            let pid = pid.strip_suffix(']')?;
            pid.bytes().all(|byte| byte.is_ascii_digit()).then_some(identifier)?
        }
        None => tag,
    };
    let is_identifier = !identifier.is_empty() && !identifier.contains(' ');
    is_identifier.then_some((identifier, message))
}

/// Splits `[12345.678901] ` off a line of dmesg.
fn kernel_message(text: &str) -> Option<&str> {
    let (time, message) = text.strip_prefix('[')?.split_once("] ")?;
    let time = time.trim_start();
    let is_time = time.contains('.') && time.bytes().all(|b| b.is_ascii_digit() || b == b'.');
    is_time.then_some(message)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(raw: &str) -> (Option<String>, Option<String>, String) {
        let line = LogLine::read(raw.as_bytes()).pop().unwrap();
        (line.at, line.identifier, line.message)
    }

    #[test]
    fn what_a_collector_puts_in_front_is_taken_off() {
        let message = "fatal: no";
        for (raw, at, identifier) in [
            ("fatal: no", None, None),
            ("fatal: no\r", None, None),
            ("2026-11-28T19:00:01.1234567Z fatal: no", Some("2026-11-28T19:00:01.1234567Z"), None),
            (
                "2026-11-28T19:00:01.123456Z 00O fatal: no",
                Some("2026-11-28T19:00:01.123456Z"),
                None,
            ),
            ("2026-11-28T19:00:01Z ##[error]fatal: no", Some("2026-11-28T19:00:01Z"), None),
            ("\u{1b}[31mfatal: no\u{1b}[0m", None, None),
            ("\u{1b}_bk;t=1700000000000\u{7}fatal: no", None, None),
            ("Nov 28 19:00:01 host agent[12]: fatal: no", Some("Nov 28 19:00:01"), Some("agent")),
            (
                "2026-11-28T19:00:01+0000 host agent[12]: fatal: no",
                Some("2026-11-28T19:00:01+0000"),
                Some("agent"),
            ),
            ("progress 10%\rfatal: no", None, None),
            ("MESSAGE=fatal: no", None, None),
        ] {
            let expected =
                (at.map(str::to_owned), identifier.map(str::to_owned), message.to_owned());
            assert_eq!(read(raw), expected, "{raw:?}");
        }
        let kernel = read("[12345.678901] Out of memory: Killed process 1 (a)");
        assert_eq!(kernel.1.as_deref(), Some("kernel"));
        assert!(kernel.2.starts_with("Out of memory"));
    }

    #[test]
    fn an_entry_of_the_journal_in_json_is_its_message() {
        let raw = r#"{"MESSAGE":"a.service: Failed with result 'exit-code'.","SYSLOG_IDENTIFIER":"systemd","USER_UNIT":"a.service","__REALTIME_TIMESTAMP":"1700000000000000"}"#;
        let line = LogLine::read(raw.as_bytes()).pop().unwrap();
        assert_eq!(line.identifier.as_deref(), Some("systemd"));
        assert_eq!(line.unit.as_deref(), Some("a.service"));
        assert!(line.message.starts_with("a.service: Failed"));
        assert!(line.at.is_some());
    }
}
