/// How many items a sentence names.
const NAMED: usize = 3;

/// Returns a number and its noun: `1 socket`, `2 sockets`.
pub(crate) fn count(number: usize, noun: &str) -> String {
    let plural = if number == 1 { "" } else { "s" };
    format!("{number} {noun}{plural}")
}

/// Joins the first items for a sentence, and counts the others: `A; B; C; and 57 more`.
pub(crate) fn bounded_list(items: &[String]) -> String {
    let named = items.iter().take(NAMED).map(String::as_str).collect::<Vec<_>>().join("; ");
    match items.len().saturating_sub(NAMED) {
        0 => named,
        more => format!("{named}; and {more} more"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_sentence_names_three_items_and_counts_the_others() {
        let items: Vec<String> = ["a", "b", "c", "d", "e"].map(str::to_owned).into();
        assert_eq!(bounded_list(&[]), "");
        assert_eq!(bounded_list(&items[..3]), "a; b; c");
        assert_eq!(bounded_list(&items), "a; b; c; and 2 more");
        assert_eq!(count(1, "socket"), "1 socket");
        assert_eq!(count(0, "socket"), "0 sockets");
    }
}
