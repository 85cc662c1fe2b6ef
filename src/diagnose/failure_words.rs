use super::LogLine;

/// Words that begin a message about a failure in most programs. A line that has one and that no
/// signature knows is counted, so that a log without a known message does not look healthy.
pub(super) const FAILURE_WORDS: [&str; 12] = [
    "fatal: ",
    "error: ",
    "ERROR",
    "Error: ",
    "FATAL",
    "panicked at ",
    "Traceback (most recent call last)",
    "Segmentation fault",
    "command not found",
    "Permission denied",
    "Failed to ",
    "cannot ",
];

/// Whether a line looks like a failure: such a word begins its message, or follows the name of a
/// program.
pub(super) fn looks_like_failure(line: &LogLine) -> bool {
    let message = line.message.as_str();
    let is_first = |word: &str| message.starts_with(word);
    if FAILURE_WORDS[..10].iter().any(|word| is_first(word)) || is_first("Failed to ") {
        return true;
    }
    // `bash: line 1: tmux: command not found`, `mkdir: cannot create directory …`
    let Some((program, rest)) = message.split_once(": ") else { return false };
    let is_program = !program.is_empty() && program.len() < 64 && !program.contains(' ');
    is_program && FAILURE_WORDS.iter().any(|word| rest.starts_with(word) || rest.ends_with(word))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_failure_begins_its_message_or_follows_a_programs_name() {
        let looks = |text: &str| looks_like_failure(&LogLine::of_message(text));
        assert!(looks("fatal: not a git repository"));
        assert!(looks("bash: claude: command not found"));
        assert!(looks("mkdir: cannot create directory 'a': File exists"));
        assert!(looks("Failed to start a thing"));
        assert!(!looks("the line said fatal: not a git repository"));
        assert!(!looks("no errors"));
    }
}
