use std::collections::BTreeMap;

use memchr::{memchr, memchr_iter, memrchr};

use super::failure_words::looks_like_failure;
use super::finding::{Diagnosis, DiagnosisFinding, DiagnosisInput, MatchedLine, UnknownLine};
use super::proximity::{Pending, Proximity};
use super::quoted_text::QuotedText;
use super::{InputFormat, LogLine, Matcher};
use crate::exit::Exit;
use crate::judge::Card;
use crate::text::quote;
use crate::text::template::expand;

/// How many unknown lines are kept.
const UNKNOWN_LIMIT: usize = 1000;
/// How many characters of a message are kept.
const TEXT_LIMIT: usize = 400;

/// How an analysis treats what it reads.
#[derive(Debug, Clone, Copy, Default)]
pub struct Options {
    /// Whether a message counts wherever it is in a line, and also where it is quoted.
    pub is_loose: bool,
}

/// Reads logs block by block, and gathers what they show.
pub struct Analysis<'a> {
    matcher: &'a Matcher,
    cards: BTreeMap<&'a str, &'a Card>,
    options: Options,
    inputs: Vec<DiagnosisInput>,
    findings: Vec<DiagnosisFinding>,
    unknown: Vec<UnknownLine>,
    unknown_count: u64,
    quoted: QuotedText,
    proximity: Proximity,
}

impl<'a> Analysis<'a> {
    /// Begins an analysis by the signatures of these cards.
    pub fn new(
        matcher: &'a Matcher,
        cards: impl IntoIterator<Item = &'a Card>,
        options: Options,
    ) -> Self {
        Self {
            matcher,
            cards: cards.into_iter().map(|card| (card.id.as_str(), card)).collect(),
            options,
            inputs: Vec::new(),
            findings: Vec::new(),
            unknown: Vec::new(),
            unknown_count: 0,
            quoted: QuotedText::default(),
            proximity: Proximity::default(),
        }
    }

    /// Begins the next input.
    pub fn begin_input(&mut self, name: &str, format: InputFormat) {
        self.inputs.push(DiagnosisInput { name: name.to_owned(), format, ..Default::default() });
        self.quoted = QuotedText::default();
    }

    /// Takes in whole lines; only the last line of an input may lack its end. Returns the index of
    /// each failure mode that was found for the first time.
    pub fn feed(&mut self, block: &[u8]) -> Vec<usize> {
        let known = self.findings.len();
        let lines_before = self.input().lines;
        let (mut position, mut counted, mut newlines) = (0, 0, 0);
        let mut words = self.matcher.words_in(block);
        while let Some(word) = words.next_from(position) {
            let start = memrchr(b'\n', &block[..word]).map_or(0, |at| at + 1);
            let end = memchr(b'\n', &block[word..]).map_or(block.len(), |at| word + at);
            newlines += memchr_iter(b'\n', &block[counted..start]).count() as u64;
            counted = start;
            self.look_at(lines_before + newlines + 1, &block[start..end]);
            position = end + 1;
            if position >= block.len() {
                break;
            }
        }
        newlines += memchr_iter(b'\n', &block[counted..]).count() as u64;
        let is_unfinished = block.last().is_some_and(|byte| *byte != b'\n');
        let input = self.input();
        input.lines += newlines + u64::from(is_unfinished);
        input.bytes += block.len() as u64;
        (known..self.findings.len()).collect()
    }

    /// Counts bytes of the input that are not analysed.
    pub fn skip(&mut self, bytes: usize) {
        self.input().bytes += bytes as u64;
    }

    /// Ends an input; `incomplete` says why not all of it could be read.
    pub fn end_input(&mut self, incomplete: Option<String>) -> Vec<usize> {
        let known = self.findings.len();
        for pending in self.proximity.finish() {
            self.count(pending);
        }
        self.input().incomplete = incomplete;
        (known..self.findings.len()).collect()
    }

    /// Returns a failure mode that was found.
    pub fn finding(&self, index: usize) -> &DiagnosisFinding {
        &self.findings[index]
    }

    /// Ends the analysis.
    pub fn finish(self) -> Diagnosis {
        let is_incomplete = self.inputs.iter().any(|input| input.incomplete.is_some());
        let exit = match (self.findings.is_empty(), is_incomplete) {
            (false, _) => Exit::Findings,
            (true, true) => Exit::Unmeasured,
            (true, false) => Exit::Success,
        };
        Diagnosis {
            schema: 1,
            doctor: env!("CARGO_PKG_VERSION"),
            inputs: self.inputs,
            findings: self.findings,
            unknown: self.unknown,
            unknown_count: self.unknown_count,
            exit,
        }
    }

    fn input(&mut self) -> &mut DiagnosisInput {
        if self.inputs.is_empty() {
            self.inputs.push(DiagnosisInput { name: "-".to_owned(), ..Default::default() });
        }
        self.inputs.last_mut().expect("there is one now")
    }

    fn look_at(&mut self, at: u64, raw: &[u8]) {
        for line in LogLine::read(raw) {
            self.quoted.see(at, &line.message);
            if self.quoted.is_open(at) && !self.options.is_loose {
                continue;
            }
            for decided in self.proximity.see(self.matcher, at, &line) {
                self.count(decided);
            }
            match self.matcher.find(&line, self.options.is_loose) {
                Some(found) => {
                    if let Some(decided) = self.proximity.take(self.matcher, at, line, found) {
                        self.count(decided);
                    }
                }
                None if looks_like_failure(&line) => self.count_unknown(at, &line),
                None => {}
            }
        }
    }

    fn count_unknown(&mut self, at: u64, line: &LogLine) {
        self.unknown_count += 1;
        if self.unknown.len() < UNKNOWN_LIMIT {
            let input = self.input().name.clone();
            self.unknown.push(UnknownLine { input, line: at, text: shortened(&line.message) });
        }
    }

    fn count(&mut self, pending: Pending) {
        let Pending { at, line, found, .. } = pending;
        let (mode, signature) = self.matcher.signature(found.index);
        let matched = MatchedLine {
            input: self.input().name.clone(),
            line: at,
            at: line.at,
            text: shortened(&line.message),
        };
        if let Some(known) = self.findings.iter_mut().find(|finding| finding.mode == mode) {
            known.count += 1;
            known.last = matched;
            return;
        }
        let card = self.cards.get(mode);
        let mut values = signature.defaults.clone();
        values.extend(found.captures.clone());
        let (look, fix) = match (&signature.fix[..], &signature.look[..], card) {
            ([], [], Some(card)) => (&card.workaround.look[..], &card.workaround.commands[..]),
            (fix, look, _) => (look, fix),
        };
        let filled = |templates: &[String]| -> Vec<String> {
            templates.iter().map(|it| expand(it, &values, quote)).collect()
        };
        self.findings.push(DiagnosisFinding {
            mode: mode.to_owned(),
            title: card.map_or_else(String::new, |card| card.title.clone()),
            count: 1,
            first: matched.clone(),
            last: matched,
            cause: expand(&signature.cause, &values, str::to_owned),
            look: filled(look),
            fix: filled(fix),
            captures: found.captures,
            also: found.also,
            confirm: None,
        });
    }
}

/// Returns the beginning of a message.
fn shortened(text: &str) -> String {
    match text.char_indices().nth(TEXT_LIMIT) {
        Some((end, _)) => format!("{}…", &text[..end]),
        None => text.to_owned(),
    }
}
