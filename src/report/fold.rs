use std::fmt::Write as _;
use std::ops::RangeInclusive;

use textwrap::{Options, WordSeparator, WordSplitter, wrap};

/// The narrowest and the widest lines that are written for people, in columns.
const WIDTHS: RangeInclusive<usize> = 40..=120;

/// The number of columns to use on a terminal of `width` columns.
pub(super) fn columns(width: usize) -> usize {
    width.clamp(*WIDTHS.start(), *WIDTHS.end())
}

/// Appends a text in lines of at most `width` columns, the first and the others set in as given.
pub(super) fn push_wrapped(text: &mut String, line: &str, first: &str, rest: &str, width: usize) {
    let options = Options::new(columns(width))
        .initial_indent(first)
        .subsequent_indent(rest)
        .break_words(false)
        // A path or an address is one word, whatever Unicode allows.
        .word_separator(WordSeparator::AsciiSpace)
        .word_splitter(WordSplitter::NoHyphenation);
    for line in wrap(line, options) {
        let _ = writeln!(text, "{}", line.trim_end());
    }
}
