use std::fmt::Write as _;
use std::ops::RangeInclusive;

use textwrap::wrap_algorithms::Penalties;
use textwrap::{Options, WordSeparator, WordSplitter, WrapAlgorithm, wrap};

/// The narrowest and the widest lines that are written for people, in columns.
const WIDTHS: RangeInclusive<usize> = 40..=120;

/// The number of columns to use on a terminal of `width` columns.
pub(crate) fn columns(width: usize) -> usize {
    width.clamp(*WIDTHS.start(), *WIDTHS.end())
}

/// Appends a text in lines of at most `width` columns, the first and the others set in as given.
pub(crate) fn push_wrapped(text: &mut String, line: &str, first: &str, rest: &str, width: usize) {
    let options = Options::new(columns(width))
        .initial_indent(first)
        .subsequent_indent(rest)
        .break_words(false)
        .wrap_algorithm(even_lines())
        // A path or an address is one word, whatever Unicode allows.
        .word_separator(WordSeparator::AsciiSpace)
        .word_splitter(WordSplitter::NoHyphenation);
    for line in wrap(line, options) {
        let _ = writeln!(text, "{}", line.trim_end());
    }
}

/// Lines of about the same width. By default a column too many is preferred to a large gap.
fn even_lines() -> WrapAlgorithm {
    let penalties = Penalties { overflow_penalty: 1_000_000, ..Penalties::new() };
    WrapAlgorithm::OptimalFit(penalties)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_line_is_wider_than_asked_for_to_spare_a_gap_before_a_long_word() {
        let long = "x".repeat(59);
        let mut text = String::new();
        push_wrapped(&mut text, &format!("a {long} b"), "", "", 60);
        assert_eq!(text, format!("a\n{long}\nb\n"));
    }
}
