use super::{JournalEvent, Moment};

/// The fields that are read, for `--output-fields=`.
pub const FIELDS: [&str; 21] = [
    "MESSAGE",
    "MESSAGE_ID",
    "USER_UNIT",
    "USER_INVOCATION_ID",
    "UNIT",
    "INVOCATION_ID",
    "JOB_ID",
    "JOB_TYPE",
    "JOB_RESULT",
    "UNIT_RESULT",
    "EXIT_CODE",
    "EXIT_STATUS",
    "COMMAND",
    "EXECUTABLE",
    "N_DROPPED",
    "_SYSTEMD_USER_UNIT",
    "_SYSTEMD_UNIT",
    "_SYSTEMD_INVOCATION_ID",
    "SYSLOG_IDENTIFIER",
    "_SOURCE_REALTIME_TIMESTAMP",
    "_STREAM_ID",
];

/// How much earlier than journald a writer can have written: more is a clock that jumped meanwhile.
const SOURCE_LAG: i64 = 1_000_000;

/// One entry of a journal, as far as a fan-out needs it.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct JournalEntry {
    /// When the writer wrote it.
    pub at: Moment,
    /// Its number among all entries of that journald; `None` if the source does not say.
    pub sequence: Option<u64>,
    /// What happened, if it is an event of a manager's.
    pub event: Option<JournalEvent>,
    /// The unit that it is about.
    pub unit: Option<String>,
    /// The invocation that it is about; empty for a unit that was not started.
    pub invocation: Option<String>,
    pub job_id: Option<u64>,
    pub job_type: Option<String>,
    pub job_result: Option<String>,
    pub unit_result: Option<String>,
    pub exit_code: Option<String>,
    pub exit_status: Option<i32>,
    /// Which of the unit's commands has ended, such as `ExecStart`.
    pub command: Option<String>,
    pub executable: Option<String>,
    /// How many lines journald dropped.
    pub dropped: Option<u64>,
    pub message: String,
    /// The unit that wrote it.
    pub writer: Option<String>,
    pub writer_invocation: Option<String>,
    /// The pipe that it came through, which a unit and all that it starts share.
    pub stream: Option<String>,
    /// The program that wrote it, as it calls itself.
    pub identifier: Option<String>,
}

/// Collects the fields of one entry, in whatever format and order they come.
#[derive(Debug, Default)]
pub(super) struct EntryBuilder {
    entry: JournalEntry,
    realtime: Option<i64>,
    monotonic: Option<i64>,
    source_realtime: Option<i64>,
    boot: Option<String>,
    system_unit: Option<String>,
}

/// Names the boots of a journal by small numbers, in the order in which they appear.
#[derive(Debug, Default)]
pub(super) struct Boots(Vec<String>);

impl Boots {
    fn number(&mut self, id: &str) -> u32 {
        let found = self.0.iter().rposition(|known| known == id);
        let index = found.unwrap_or_else(|| {
            self.0.push(id.to_owned());
            self.0.len() - 1
        });
        u32::try_from(index).unwrap_or(u32::MAX)
    }
}

impl EntryBuilder {
    /// Whether a field is read at all.
    pub(super) fn wants(name: &[u8]) -> bool {
        matches!(
            name,
            b"__REALTIME_TIMESTAMP" | b"__MONOTONIC_TIMESTAMP" | b"__CURSOR" | b"_BOOT_ID"
        ) || FIELDS.iter().any(|field| field.as_bytes() == name)
    }

    /// Takes a field. What a number should be and is not, is left out.
    pub(super) fn field(&mut self, name: &[u8], value: &[u8]) {
        let text = || String::from_utf8_lossy(value).into_owned();
        let entry = &mut self.entry;
        match name {
            b"__REALTIME_TIMESTAMP" => self.realtime = number(value),
            b"__MONOTONIC_TIMESTAMP" => self.monotonic = number(value),
            b"_SOURCE_REALTIME_TIMESTAMP" => self.source_realtime = number(value),
            b"_BOOT_ID" => self.boot = Some(text()),
            b"__CURSOR" => entry.sequence = sequence_in(value),
            b"MESSAGE" => entry.message = text(),
            b"MESSAGE_ID" => entry.event = JournalEvent::from_message_id(&text()),
            b"USER_UNIT" | b"UNIT" => entry.unit = Some(text()),
            b"USER_INVOCATION_ID" | b"INVOCATION_ID" => entry.invocation = Some(text()),
            b"JOB_ID" => entry.job_id = number(value),
            b"JOB_TYPE" => entry.job_type = Some(text()),
            b"JOB_RESULT" => entry.job_result = Some(text()),
            b"UNIT_RESULT" => entry.unit_result = Some(text()),
            b"EXIT_CODE" => entry.exit_code = Some(text()),
            b"EXIT_STATUS" => entry.exit_status = number(value),
            b"COMMAND" => entry.command = Some(text()),
            b"EXECUTABLE" => entry.executable = Some(text()),
            b"N_DROPPED" => entry.dropped = number(value),
            b"_SYSTEMD_USER_UNIT" => entry.writer = Some(text()),
            b"_SYSTEMD_UNIT" => self.system_unit = Some(text()),
            b"_SYSTEMD_INVOCATION_ID" => entry.writer_invocation = Some(text()),
            b"_STREAM_ID" => entry.stream = Some(text()),
            b"SYSLOG_IDENTIFIER" => entry.identifier = Some(text()),
            _ => {}
        }
    }

    /// Puts the entry together; `None` without a time.
    pub(super) fn finish(self, boots: &mut Boots) -> Option<JournalEntry> {
        let mut entry = self.entry;
        let realtime = self.realtime.or(self.source_realtime)?;
        let boot = boots.number(self.boot.as_deref().unwrap_or_default());
        // The writer's own time is the better one, and it has no monotonic twin.
        let lag = self.source_realtime.map_or(0, |source| realtime.saturating_sub(source));
        let lag = if (0..=SOURCE_LAG).contains(&lag) { lag } else { 0 };
        let monotonic = self.monotonic.unwrap_or(realtime);
        entry.at = Moment {
            boot,
            monotonic: monotonic.saturating_sub(lag),
            realtime: realtime.saturating_sub(lag),
        };
        if entry.writer.is_none() {
            entry.writer = self.system_unit;
        }
        Some(entry)
    }
}

fn number<T: std::str::FromStr>(value: &[u8]) -> Option<T> {
    str::from_utf8(value).ok()?.parse().ok()
}

/// Reads the sequence number out of a cursor, where it is hexadecimal (`i=`; systemd,
/// src/libsystemd/sd-journal/sd-journal.c, `sd_journal_get_cursor`).
fn sequence_in(cursor: &[u8]) -> Option<u64> {
    let cursor = str::from_utf8(cursor).ok()?;
    let digits = cursor.split(';').find_map(|part| part.strip_prefix("i="))?;
    u64::from_str_radix(digits, 16).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_writers_time_is_taken_by_both_clocks_unless_the_clock_jumped_meanwhile() {
        let at = |source: &[u8]| {
            let mut builder = EntryBuilder::default();
            builder.field(b"__REALTIME_TIMESTAMP", b"5000000");
            builder.field(b"__MONOTONIC_TIMESTAMP", b"900000");
            builder.field(b"_SOURCE_REALTIME_TIMESTAMP", source);
            builder.finish(&mut Boots::default()).unwrap().at
        };
        assert_eq!(at(b"4998000"), Moment { boot: 0, monotonic: 898_000, realtime: 4_998_000 });
        assert_eq!(at(b"1"), Moment { boot: 0, monotonic: 900_000, realtime: 5_000_000 });
        assert_eq!(at(b"x"), at(b"5000000"));
    }

    #[test]
    fn the_sequence_number_is_in_the_cursor_of_every_release() {
        assert_eq!(sequence_in(b"s=1396;i=33;b=9c;m=90;t=66;x=66"), Some(0x33));
        assert_eq!(sequence_in(b"s=1;i=zz"), None);
    }
}
