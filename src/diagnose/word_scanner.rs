use regex_automata::util::prefilter::Prefilter;
use regex_automata::{MatchKind, Span};

/// How many words one search looks for. An algorithm that compares sixteen bytes at once takes at most 64 words; one for all
/// words would look at each byte, and needs six times as long (`ci/bench.d/diagnose`).
const WORDS_PER_SEARCH: usize = 48;

/// Finds any of many words in a log.
#[derive(Debug)]
pub(super) struct WordScanner(Vec<Prefilter>);

/// The words of one text, from its beginning to its end.
pub(super) struct Words<'a> {
    searches: Vec<(&'a Prefilter, Found)>,
    text: &'a [u8],
}

/// Where a search found a word last.
#[derive(Debug, Clone, Copy)]
enum Found {
    NotSearched,
    At(usize),
    Nowhere,
}

impl WordScanner {
    /// Makes one for these words, none of which is empty.
    pub(super) fn new(words: &[&str]) -> Self {
        let search = |words: &[&str]| Prefilter::new(MatchKind::LeftmostFirst, words);
        Self(words.chunks(WORDS_PER_SEARCH).filter_map(search).collect())
    }

    /// Begins to look for them in a text.
    pub(super) fn words_in<'a>(&'a self, text: &'a [u8]) -> Words<'a> {
        Words { searches: self.0.iter().map(|it| (it, Found::NotSearched)).collect(), text }
    }
}

impl Words<'_> {
    /// Returns where the next word begins, from `start` on, which grows from call to call.
    pub(super) fn next_from(&mut self, start: usize) -> Option<usize> {
        let span = Span { start, end: self.text.len() };
        let mut first = None;
        for (search, found) in &mut self.searches {
            if matches!(*found, Found::NotSearched) || matches!(*found, Found::At(at) if at < start)
            {
                let word = search.find(self.text, span);
                *found = word.map_or(Found::Nowhere, |word| Found::At(word.start));
            }
            if let Found::At(at) = *found {
                first = Some(first.map_or(at, |first: usize| first.min(at)));
            }
        }
        first
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_are_found_in_their_order_whatever_search_has_them() {
        let many: Vec<String> =
            (100..100 + 2 * WORDS_PER_SEARCH).map(|n| format!("word{n}.")).collect();
        let words: Vec<&str> = many.iter().map(String::as_str).collect();
        let scanner = WordScanner::new(&words);
        let last = words[words.len() - 1];
        let text = format!("\u{fffd}{last} word100. word100.\n{last} word1000");
        let mut found = scanner.words_in(text.as_bytes());
        let mut places = Vec::new();
        let mut position = 0;
        while let Some(at) = found.next_from(position) {
            places.push(at);
            position = at + 1;
        }
        assert_eq!(places, [3, 12, 21, 30]);
        assert_eq!(scanner.words_in(b"").next_from(0), None);
        assert_eq!(scanner.words_in(b"\xff\x00word").next_from(2), None);
    }

    proptest::proptest! {
        #[test]
        fn each_word_of_any_text_is_found(text in "[ab \n]{0,60}") {
            let scanner = WordScanner(
                [["aab"], ["bb "]].iter().filter_map(|it| Prefilter::new(MatchKind::LeftmostFirst, it)).collect(),
            );
            let mut found = scanner.words_in(text.as_bytes());
            for at in 0..text.len() {
                let expected = (at..text.len())
                    .find(|at| text[*at..].starts_with("aab") || text[*at..].starts_with("bb "));
                proptest::prop_assert_eq!(found.next_from(at), expected);
            }
        }
    }
}
