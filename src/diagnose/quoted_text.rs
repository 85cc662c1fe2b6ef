/// How many lines a fence may hold before it counts as one that was never closed.
const LONGEST_FENCE: u64 = 200;

/// Whether the lines of an input are quoted, in a fence of Markdown: what it contains was written by
/// a person about a failure, and is not the failure.
#[derive(Debug, Default)]
pub(super) struct QuotedText {
    /// The line of the fence that is open.
    opened: Option<u64>,
}

/// What begins a fence.
pub(super) const FENCE: &str = "```";

impl QuotedText {
    /// Takes in a line that has the mark of a fence.
    pub(super) fn see(&mut self, line: u64, message: &str) {
        let Some(info) = message.trim_start().strip_prefix(FENCE) else { return };
        // One that opens may name a language, and nothing else.
        let is_fence = !info.contains('`') && info.split_whitespace().count() <= 2;
        if is_fence {
            self.opened = if self.is_open(line) { None } else { Some(line) };
        }
    }

    /// Whether a line is within a fence.
    pub(super) fn is_open(&self, line: u64) -> bool {
        self.opened.is_some_and(|opened| line <= opened + LONGEST_FENCE)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_fence_quotes_until_it_is_closed_or_too_long() {
        let mut quoted = QuotedText::default();
        quoted.see(1, "```sh");
        assert!(quoted.is_open(2));
        quoted.see(3, "```");
        assert!(!quoted.is_open(4));
        quoted.see(5, "```");
        assert!(quoted.is_open(100) && !quoted.is_open(1000));
        quoted.see(1001, "a ``` b");
        assert!(!quoted.is_open(1002));
    }
}
