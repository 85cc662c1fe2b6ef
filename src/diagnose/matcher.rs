use std::collections::BTreeMap;
use std::sync::OnceLock;

use regex::bytes::{Regex, RegexSet};

use super::LogLine;
use super::failure_words::FAILURE_WORDS;
use super::quoted_text::FENCE;
use super::word_scanner::{WordScanner, Words};
use crate::judge::{Catalogue, Signature};

/// Finds the messages of all signatures. One scan for literals finds a line, and the set of
/// patterns names the signature on that line alone, so that a line without a known word costs next
/// to nothing.
pub struct Matcher {
    signatures: Vec<(String, Signature)>,
    /// The pattern of each signature, anchored.
    strict: Patterns,
    /// The same without the anchor, for `--loose`.
    loose: Patterns,
    /// Every literal, of signatures and of what must be near them, and every word of a failure.
    words: WordScanner,
    /// The literals of what must be near, with an index each.
    near: Vec<String>,
}

/// A signature that a message has.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SignatureMatch {
    /// Which of the matcher's signatures.
    pub index: usize,
    /// The ids of other failure modes that have this message.
    pub also: Vec<String>,
    /// The named parts of the message.
    pub captures: BTreeMap<String, String>,
}

impl Matcher {
    /// Takes signatures, each with the id of its failure mode, and compiles their literals. Patterns are compiled
    /// when a line has one of those, so that a log without any costs no time for them.
    pub fn new(signatures: Vec<(String, Signature)>) -> Self {
        let mut near: Vec<String> = signatures
            .iter()
            .flat_map(|(_, signature)| signature.near.iter().map(|near| near.literal.clone()))
            .collect();
        near.sort();
        near.dedup();
        let mut literals: Vec<&str> = signatures
            .iter()
            .map(|(_, signature)| signature.literal.as_str())
            .chain(near.iter().map(String::as_str))
            .chain(FAILURE_WORDS)
            .chain([FENCE])
            .collect();
        literals.sort_unstable();
        literals.dedup();
        let words = WordScanner::new(&literals);
        let all = |pattern: fn(&Signature) -> String| {
            Patterns::new(signatures.iter().map(|(_, it)| pattern(it)).collect())
        };
        let strict = all(Signature::anchored);
        let loose = all(|signature| signature.pattern.clone());
        Self { signatures, strict, loose, words, near }
    }

    /// Compiles the signatures of all cards of a catalogue.
    pub fn of(catalogue: &Catalogue) -> Self {
        let signatures = catalogue.entries().iter().flat_map(|entry| {
            let signatures = entry.card.signatures.iter();
            signatures.map(|signature| (entry.card.id.clone(), signature.clone()))
        });
        Self::new(signatures.collect())
    }

    /// Returns a signature with the id of its failure mode.
    pub fn signature(&self, index: usize) -> (&str, &Signature) {
        let (mode, signature) = &self.signatures[index];
        (mode, signature)
    }

    /// Begins to look for known words in a log: each line that has one is worth a look.
    pub(super) fn words_in<'a>(&'a self, log: &'a [u8]) -> Words<'a> {
        self.words.words_in(log)
    }

    /// Returns the first signature that a line has.
    ///
    /// # Panics
    /// When a pattern is no regular expression, which the tests of the cards exclude.
    pub fn find(&self, line: &LogLine, is_loose: bool) -> Option<SignatureMatch> {
        let message = line.message.as_bytes();
        let patterns = if is_loose { &self.loose } else { &self.strict };
        let is_possible = |index: &usize| {
            let emitter = self.signatures[*index].1.emitter;
            is_loose || line.identifier.as_ref().is_none_or(|it| emitter.may_have_identifier(it))
        };
        let mut found = patterns.set().matches(message).into_iter().filter(is_possible);
        let index = found.next()?;
        let mode = &self.signatures[index].0;
        let mut also: Vec<String> =
            found.map(|other| self.signatures[other].0.clone()).filter(|it| it != mode).collect();
        also.dedup();
        let captures = captures(patterns.get(index), message);
        Some(SignatureMatch { index, also, captures })
    }

    /// Returns the indexes of the near literals that a message has.
    pub fn near_in(&self, message: &str) -> impl Iterator<Item = usize> {
        self.near
            .iter()
            .enumerate()
            .filter(move |(_, literal)| message.contains(literal.as_str()))
            .map(|(index, _)| index)
    }

    /// Returns the index of a near literal.
    pub fn near_index(&self, literal: &str) -> Option<usize> {
        self.near.iter().position(|known| known == literal)
    }
}

/// Regular expressions that are compiled when they are needed.
struct Patterns {
    sources: Vec<String>,
    set: OnceLock<RegexSet>,
    each: Vec<OnceLock<Regex>>,
}

impl Patterns {
    fn new(sources: Vec<String>) -> Self {
        let each = sources.iter().map(|_| OnceLock::new()).collect();
        Self { sources, set: OnceLock::new(), each }
    }

    fn set(&self) -> &RegexSet {
        self.set.get_or_init(|| RegexSet::new(&self.sources).expect("the cards are tested"))
    }

    fn get(&self, index: usize) -> &Regex {
        let compile = || Regex::new(&self.sources[index]).expect("the cards are tested");
        self.each[index].get_or_init(compile)
    }
}

fn captures(pattern: &Regex, message: &[u8]) -> BTreeMap<String, String> {
    let Some(found) = pattern.captures(message) else { return BTreeMap::new() };
    pattern
        .capture_names()
        .flatten()
        .filter_map(|name| {
            let text = String::from_utf8_lossy(found.name(name)?.as_bytes()).into_owned();
            Some((name.to_owned(), text))
        })
        .collect()
}
