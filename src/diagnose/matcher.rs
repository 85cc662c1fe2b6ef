use std::collections::BTreeMap;

use regex::bytes::{Regex, RegexBuilder, RegexSet};

use super::LogLine;
use super::failure_words::FAILURE_WORDS;
use super::quoted_text::FENCE;
use crate::judge::{Catalogue, Signature, SignatureError};

/// Finds the messages of all signatures. One alternation of literals finds a line, and the set of
/// patterns names the signature on that line alone, so that a line without a known word costs next
/// to nothing.
pub struct Matcher {
    signatures: Vec<(String, Signature)>,
    /// The pattern of each signature, anchored.
    patterns: Vec<Regex>,
    set: RegexSet,
    /// The same without the anchor, for `--loose`.
    loose: RegexSet,
    loose_patterns: Vec<Regex>,
    /// Every literal, of signatures and of what must be near them, and every word of a failure.
    words: Regex,
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
    /// Compiles signatures, each with the id of its failure mode.
    ///
    /// # Errors
    /// When a pattern is no regular expression, or all together are too large.
    pub fn new(signatures: Vec<(String, Signature)>) -> Result<Self, SignatureError> {
        let patterns = signatures
            .iter()
            .map(|(_, signature)| signature.regex())
            .collect::<Result<Vec<_>, _>>()?;
        let too_large = |pattern: &str, why| SignatureError::Alternation {
            pattern: pattern.to_owned(),
            why: Box::new(why),
        };
        let set = RegexSet::new(signatures.iter().map(|(_, signature)| signature.anchored()))
            .map_err(|why| too_large("all patterns", why))?;
        let loose = RegexSet::new(signatures.iter().map(|(_, signature)| &signature.pattern))
            .map_err(|why| too_large("all patterns", why))?;
        let loose_patterns = signatures
            .iter()
            .map(|(_, signature)| {
                Regex::new(&signature.pattern).map_err(|why| too_large(&signature.pattern, why))
            })
            .collect::<Result<Vec<_>, _>>()?;
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
        let alternation = literals.iter().map(|it| regex::escape(it)).collect::<Vec<_>>().join("|");
        let words = RegexBuilder::new(&alternation)
            .size_limit(64 << 20)
            .build()
            .map_err(|why| too_large("all literals", why))?;
        Ok(Self { signatures, patterns, set, loose, loose_patterns, words, near })
    }

    /// Compiles the signatures of all cards of a catalogue.
    ///
    /// # Errors
    /// As [`Self::new`].
    pub fn of(catalogue: &Catalogue) -> Result<Self, SignatureError> {
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

    /// Returns where the next line that is worth a look has a known word, from `start` on.
    pub fn next_word(&self, bytes: &[u8], start: usize) -> Option<usize> {
        self.words.find_at(bytes, start).map(|found| found.start())
    }

    /// Returns the first signature that a line has.
    pub fn find(&self, line: &LogLine, is_loose: bool) -> Option<SignatureMatch> {
        let message = line.message.as_bytes();
        let (set, patterns) = if is_loose {
            (&self.loose, &self.loose_patterns)
        } else {
            (&self.set, &self.patterns)
        };
        let is_possible = |index: &usize| {
            let emitter = self.signatures[*index].1.emitter;
            is_loose || line.identifier.as_ref().is_none_or(|it| emitter.may_have_identifier(it))
        };
        let mut found = set.matches(message).into_iter().filter(is_possible);
        let index = found.next()?;
        let mode = &self.signatures[index].0;
        let mut also: Vec<String> =
            found.map(|other| self.signatures[other].0.clone()).filter(|it| it != mode).collect();
        also.dedup();
        let captures = captures(&patterns[index], message);
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
