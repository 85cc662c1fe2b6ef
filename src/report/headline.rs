use super::cause::shown_reason;
use super::verdict_style::mark;
use crate::judge::Verdict;

/// Returns a finding in one line of at most `width` columns, to show while others are still being looked for.
pub fn headline(id: &str, verdict: Verdict, summary: &str, width: usize) -> String {
    let text = format!("{id}  {}", shown_reason(summary));
    let room = width.saturating_sub(2);
    let mut line: String = text.chars().take(room).collect();
    if line.len() < text.len() {
        line.pop();
        line.push('…');
    }
    format!("{} {line}", mark(verdict))
}
