use std::fs::{self, File};
use std::io::{self, Read};
use std::path::{Path, PathBuf};

use super::Manager;

/// Where journald keeps journals on disk, and in memory.
const DIRECTORIES: [&str; 2] = ["/var/log/journal", "/run/log/journal"];

/// What every file of a journal begins with (systemd.io, "Journal File Format").
const SIGNATURE: &[u8; 8] = b"LPKSHHRH";
/// The bytes of the header that are read.
const HEADER: usize = 200;

/// The files of the journal that a manager writes to, by their headers.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct JournalFiles {
    /// How many there are that can be read.
    pub readable: usize,
    /// Some that are there and cannot be read.
    pub unreadable: Vec<PathBuf>,
    /// The oldest entry, in microseconds since 1970.
    pub oldest: Option<i64>,
    /// The number and the time of the newest entry.
    pub newest: Option<(u64, i64)>,
}

/// What the header of one file says.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct JournalHeader {
    pub entries: u64,
    pub last_sequence: u64,
    /// In microseconds since 1970.
    pub first: i64,
    pub last: i64,
}

impl JournalFiles {
    /// Looks at the files of the calling user's journal, or of the system's.
    pub fn inspect(manager: Manager, uid: u32) -> Self {
        let Some(machine) = machine_id() else { return Self::default() };
        let mut files = Self::default();
        for directory in DIRECTORIES {
            files.add_directory(&Path::new(directory).join(&machine), manager, uid);
        }
        files
    }

    /// Reports whether journald writes the system's journal to memory at present. It removes that directory
    /// when it has moved the journal to disk; users may not be allowed to read it.
    pub fn are_in_memory() -> bool {
        let Some(machine) = machine_id() else { return false };
        match fs::read_dir(Path::new(DIRECTORIES[1]).join(machine)) {
            Ok(entries) => entries.flatten().any(|entry| entry.file_name() == "system.journal"),
            Err(error) => error.kind() == io::ErrorKind::PermissionDenied,
        }
    }

    fn add_directory(&mut self, directory: &Path, manager: Manager, uid: u32) {
        let Ok(entries) = fs::read_dir(directory) else { return };
        for entry in entries.flatten() {
            let name = entry.file_name();
            if name.to_str().is_some_and(|name| belongs_to(name, manager, uid)) {
                self.add(&entry.path());
            }
        }
    }

    fn add(&mut self, path: &Path) {
        match read_header(path) {
            Ok(Some(header)) => {
                self.readable += 1;
                if header.entries == 0 {
                    return;
                }
                self.oldest = Some(self.oldest.map_or(header.first, |it| it.min(header.first)));
                let newest = (header.last_sequence, header.last);
                self.newest = Some(self.newest.map_or(newest, |it| it.max(newest)));
            }
            Ok(None) => {}
            Err(_) => self.unreadable.push(path.to_owned()),
        }
    }
}

impl JournalHeader {
    /// Reads the header; `None` if it is no journal.
    pub fn parse(bytes: &[u8]) -> Option<Self> {
        let number = |at: usize| {
            let field: [u8; 8] = bytes.get(at..at + 8)?.try_into().ok()?;
            Some(u64::from_le_bytes(field))
        };
        let time = |at| i64::try_from(number(at)?).ok();
        bytes.starts_with(SIGNATURE).then_some(())?;
        Some(Self {
            entries: number(152)?,
            last_sequence: number(160)?,
            first: time(184)?,
            last: time(192)?,
        })
    }
}

fn read_header(path: &Path) -> io::Result<Option<JournalHeader>> {
    let mut bytes = Vec::with_capacity(HEADER);
    File::open(path)?.take(HEADER as u64).read_to_end(&mut bytes)?;
    Ok(JournalHeader::parse(&bytes))
}

/// `user-1000.journal`, and what was rotated: `user-1000@ID-SEQ-TIME.journal`.
fn belongs_to(name: &str, manager: Manager, uid: u32) -> bool {
    let stem = match manager {
        Manager::User => format!("user-{uid}"),
        Manager::System => "system".to_owned(),
    };
    name.strip_prefix(&stem).is_some_and(|rest| {
        (rest == ".journal" || rest.starts_with('@')) && rest.ends_with(".journal")
    })
}

fn machine_id() -> Option<String> {
    let text = fs::read_to_string("/etc/machine-id").ok()?;
    let id = text.trim();
    (id.len() == 32 && id.bytes().all(|byte| byte.is_ascii_hexdigit())).then(|| id.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_files_of_a_user_are_known_by_their_names() {
        let is_own = |name| belongs_to(name, Manager::User, 1000);
        assert!(is_own("user-1000.journal"));
        assert!(is_own("user-1000@0005-01-02.journal"));
        assert!(!is_own("user-10001.journal"));
        assert!(!is_own("user-1000.journal~"));
        assert!(!is_own("system.journal"));
        assert!(belongs_to("system@1-2-3.journal", Manager::System, 0));
    }

    #[test]
    fn a_header_is_read_at_its_documented_places() {
        let mut bytes = vec![0; HEADER];
        bytes[..8].copy_from_slice(SIGNATURE);
        for (at, value) in [(152, 7u64), (160, 9), (184, 1_795_895_518_656_377), (192, 5)] {
            bytes[at..at + 8].copy_from_slice(&value.to_le_bytes());
        }
        let header = JournalHeader::parse(&bytes).unwrap();
        assert_eq!((header.entries, header.last_sequence), (7, 9));
        assert_eq!((header.first, header.last), (1_795_895_518_656_377, 5));
        assert_eq!(JournalHeader::parse(&bytes[..199]), None);
        assert_eq!(JournalHeader::parse(b"hello"), None);
    }
}
