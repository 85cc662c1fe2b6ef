//! Histories of locks, in the format that gptme-runloops writes (utils/lock.py, `_log_history`):
//! `epoch_s|ACQUIRED or RELEASED|pid|lock|script|description`; older lines have five fields.
//! ACQUIRED is written with the lock held, and RELEASED before it is given up.

use std::collections::HashMap;
use std::hash::{BuildHasherDefault, Hasher};

use memchr::{memchr, memchr_iter};

use super::journal::{BadRecords, NotALog};

/// What was read out of one or more histories.
#[derive(Debug, Clone, Default)]
pub struct LockHistory {
    /// The names of the locks.
    pub locks: Vec<String>,
    /// What scripts and descriptions say, each once.
    pub labels: Vec<String>,
    /// Every acquisition, in order.
    pub acquisitions: Vec<Acquisition>,
    pub bad: BadRecords,
    /// A release that no acquisition precedes: the history begins later than the lock was taken.
    pub orphan_releases: u64,
    /// By how many seconds the clock went back, if it did.
    pub clock_went_back: Option<i64>,
}

/// A time for which a process held a lock, in seconds since 1970.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Acquisition {
    /// The index of its name.
    pub lock: u32,
    /// The index of the history.
    pub file: u16,
    pub pid: u64,
    pub acquired: i64,
    /// When it was released; `None` if no line says so.
    pub released: Option<i64>,
    /// The index of what its script and its description say, for the unit that it belongs to.
    pub label: u32,
    /// The places of both lines in the order of all.
    pub(super) acquired_at: u32,
    pub(super) released_at: Option<u32>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Action {
    Acquired,
    Released,
}

struct Line<'a> {
    epoch: i64,
    action: Action,
    pid: u64,
    lock: &'a [u8],
    label: &'a [u8],
    file: u16,
}

/// FNV-1a: the keys are short and come from the operator's own files.
#[derive(Default)]
struct Fnv(u64);

impl Hasher for Fnv {
    fn finish(&self) -> u64 {
        self.0
    }

    fn write(&mut self, bytes: &[u8]) {
        for byte in bytes {
            self.0 = (self.0 ^ u64::from(*byte)).wrapping_mul(0x0100_0000_01b3);
        }
    }
}

type FastMap<K, V> = HashMap<K, V, BuildHasherDefault<Fnv>>;

impl LockHistory {
    /// Reads histories; each has a name for errors.
    ///
    /// # Errors
    /// When one of them has text, and not a single line of a history.
    pub fn parse(files: &[(&str, &[u8])]) -> Result<Self, NotALog> {
        let mut history = Self::default();
        let mut lines = Vec::new();
        for (index, (name, bytes)) in files.iter().enumerate() {
            let before = lines.len();
            let file = u16::try_from(index).unwrap_or(u16::MAX);
            let mut bad = BadRecords::default();
            read_lines(bytes, file, &mut lines, &mut bad);
            match bad.first_line {
                Some(line) if lines.len() == before => {
                    let expected = "a lock history (epoch|ACQUIRED|pid|lock|script|description)";
                    return Err(NotALog { name: (*name).to_owned(), expected, line });
                }
                _ => {
                    history.bad.count += bad.count;
                    history.bad.first_line = history.bad.first_line.or(bad.first_line);
                }
            }
            let back = lines[before..].windows(2).map(|it| it[0].epoch - it[1].epoch).max();
            history.clock_went_back = history.clock_went_back.max(back.filter(|back| *back > 1));
        }
        // The lines of one second keep the order of the file.
        if !lines.is_sorted_by_key(|line| line.epoch) {
            lines.sort_by_key(|line| line.epoch);
        }
        history.pair(&lines);
        Ok(history)
    }

    /// Finds the release of each acquisition.
    fn pair(&mut self, lines: &[Line<'_>]) {
        let mut names: FastMap<&[u8], u32> = FastMap::default();
        let mut labels: FastMap<&[u8], u32> = FastMap::default();
        let mut open: FastMap<(u32, u64), usize> = FastMap::default();
        self.acquisitions.reserve(lines.len() / 2);
        for (place, line) in lines.iter().enumerate() {
            let place = u32::try_from(place).unwrap_or(u32::MAX);
            let lock = index_of(&mut names, &mut self.locks, line.lock);
            match line.action {
                Action::Acquired => {
                    open.insert((lock, line.pid), self.acquisitions.len());
                    self.acquisitions.push(Acquisition {
                        lock,
                        file: line.file,
                        pid: line.pid,
                        acquired: line.epoch,
                        released: None,
                        label: index_of(&mut labels, &mut self.labels, line.label),
                        acquired_at: place,
                        released_at: None,
                    });
                }
                Action::Released => match open.remove(&(lock, line.pid)) {
                    Some(index) => {
                        let acquisition = &mut self.acquisitions[index];
                        acquisition.released = Some(line.epoch);
                        acquisition.released_at = Some(place);
                    }
                    None => self.orphan_releases += 1,
                },
            }
        }
    }

    /// How many good lines there were, at least.
    pub fn good_lines(&self) -> usize {
        let released = self.acquisitions.iter().filter(|it| it.released.is_some()).count();
        self.acquisitions.len() + released
    }
}

/// The index of a text among those that are kept once.
fn index_of<'a>(
    known: &mut FastMap<&'a [u8], u32>,
    texts: &mut Vec<String>,
    text: &'a [u8],
) -> u32 {
    *known.entry(text).or_insert_with(|| {
        texts.push(String::from_utf8_lossy(text).into_owned());
        u32::try_from(texts.len() - 1).unwrap_or(u32::MAX)
    })
}

fn read_lines<'a>(bytes: &'a [u8], file: u16, lines: &mut Vec<Line<'a>>, bad: &mut BadRecords) {
    let mut begin = 0;
    for (index, end) in memchr_iter(b'\n', bytes).chain([bytes.len()]).enumerate() {
        let text = bytes.get(begin..end).unwrap_or_default();
        begin = end + 1;
        if text.trim_ascii().is_empty() {
            continue;
        }
        match parse_line(text, file) {
            Some(line) => lines.push(line),
            None => bad.add(index as u64 + 1),
        }
    }
}

fn parse_line(text: &[u8], file: u16) -> Option<Line<'_>> {
    let text = text.strip_suffix(b"\r").unwrap_or(text);
    let (epoch, rest) = field(text)?;
    let (action, rest) = field(rest)?;
    let (pid, rest) = field(rest)?;
    let (lock, label) = field(rest)?;
    // Some writers have fractions of a second.
    let whole = memchr(b'.', epoch).map_or(epoch, |dot| &epoch[..dot]);
    let action = match action {
        b"ACQUIRED" => Action::Acquired,
        b"RELEASED" => Action::Released,
        _ => return None,
    };
    let epoch = i64::try_from(digits(whole)?).ok()?;
    (!lock.is_empty()).then_some(Line { epoch, action, pid: digits(pid)?, lock, label, file })
}

fn field(text: &[u8]) -> Option<(&[u8], &[u8])> {
    let end = memchr(b'|', text)?;
    Some((&text[..end], &text[end + 1..]))
}

/// A number of at most 18 digits.
fn digits(text: &[u8]) -> Option<u64> {
    if text.is_empty() || text.len() > 18 {
        return None;
    }
    text.iter().try_fold(0, |number, byte| {
        byte.is_ascii_digit().then(|| number * 10 + u64::from(byte - b'0'))
    })
}
