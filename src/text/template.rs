use std::collections::BTreeMap;
use std::ops::Range;

/// Replaces the placeholders of a text: `{user}` becomes the value of that name, as `render` writes it. A
/// placeholder without a value is left as it is.
pub(crate) fn expand(
    text: &str,
    values: &BTreeMap<String, String>,
    render: impl Fn(&str) -> String,
) -> String {
    expand_with(text, |name| values.get(name).map(|value| render(value)))
}

/// Replaces each placeholder by what `value` returns for its name; `None` leaves it as it is.
pub(crate) fn expand_with(text: &str, value: impl Fn(&str) -> Option<String>) -> String {
    let mut expanded = String::with_capacity(text.len());
    let mut end = 0;
    for span in placeholder_spans(text) {
        if let Some(value) = value(&text[span.start + 1..span.end - 1]) {
            expanded.push_str(&text[end..span.start]);
            expanded.push_str(&value);
            end = span.end;
        }
    }
    expanded.push_str(&text[end..]);
    expanded
}

/// Does the same for a text that may name `lists`: it is repeated for each value of the shortest list that it
/// names, with the values that the other lists have at that place, and left out if that list is empty. Each line of the
/// text becomes a text of its own, so that several commands can be repeated together.
pub(crate) fn expand_each(
    text: &str,
    values: &BTreeMap<String, String>,
    lists: &BTreeMap<String, Vec<String>>,
    render: impl Fn(&str) -> String,
) -> Vec<String> {
    let named: Vec<(&String, &Vec<String>)> =
        placeholders(text).filter_map(|name| lists.get_key_value(name)).collect();
    let Some(count) = named.iter().map(|(_, items)| items.len()).min() else {
        return text.lines().map(|line| expand(line, values, &render)).collect();
    };
    let nth = |place: usize| {
        let mut values = values.clone();
        values.extend(named.iter().map(|(name, items)| ((*name).clone(), items[place].clone())));
        text.lines().map(|line| expand(line, &values, &render)).collect::<Vec<_>>()
    };
    (0..count).flat_map(nth).collect()
}

/// Returns the names of the placeholders in a text: letters, digits and dashes in braces, as in `{bus-address}`.
/// The shell's `${name}` and tmux's `#{name}` are not placeholders.
pub fn placeholders(text: &str) -> impl Iterator<Item = &str> {
    placeholder_spans(text).map(|span| &text[span.start + 1..span.end - 1])
}

fn placeholder_spans(text: &str) -> impl Iterator<Item = Range<usize>> {
    let mut from = 0;
    std::iter::from_fn(move || {
        while let Some(found) = text[from..].find('{') {
            let open = from + found;
            from = open + 1;
            let rest = &text[from..];
            let length = rest.find(|c| !is_name_char(c)).unwrap_or(rest.len());
            let is_foreign = text[..open].ends_with(['$', '#']);
            let is_name = rest.starts_with(|c: char| c.is_ascii_lowercase());
            if is_name && !is_foreign && rest[length..].starts_with('}') {
                from += length + 1;
                return Some(open..from);
            }
        }
        None
    })
}

fn is_name_char(c: char) -> bool {
    c.is_ascii_lowercase() || c.is_ascii_digit() || c == '-'
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::text::quote;

    fn values() -> BTreeMap<String, String> {
        BTreeMap::from([("user".into(), "bob".into()), ("slice".into(), "it's {user}".into())])
    }

    #[test]
    fn values_are_filled_in_and_not_expanded_again() {
        let expand = |text| expand(text, &values(), str::to_owned);
        assert_eq!(expand("enable {user}!"), "enable bob!");
        assert_eq!(expand("{slice}{user}"), "it's {user}bob");
        assert_eq!(
            expand("${HOME} ${user} #{user} {} {x y} {other} {user"),
            "${HOME} ${user} #{user} {} {x y} {other} {user"
        );
    }

    #[test]
    fn a_value_in_a_command_is_one_word() {
        assert_eq!(expand("stop {slice}", &values(), quote), r"stop 'it'\''s {user}'");
    }

    #[test]
    fn a_command_that_names_a_list_is_repeated_for_each_value() {
        let lists = BTreeMap::from([
            ("unit".to_owned(), vec!["a b".to_owned(), "c".to_owned()]),
            ("socket".to_owned(), Vec::new()),
        ]);
        let each = |text| expand_each(text, &values(), &lists, quote);
        assert_eq!(each("stop {unit} of {user}"), ["stop 'a b' of bob", "stop c of bob"]);
        assert_eq!(each("ask {socket}"), Vec::<String>::new());
        assert_eq!(each("enable {user}"), ["enable bob"]);
        assert_eq!(each("{socket} {unit}"), Vec::<String>::new());
    }

    #[test]
    fn lists_in_one_command_advance_together() {
        let lists = BTreeMap::from([
            ("from".to_owned(), vec!["a".to_owned(), "b c".to_owned()]),
            ("to".to_owned(), vec!["d".to_owned(), "e".to_owned()]),
        ]);
        let each = expand_each("mv {from} {to} {from}", &values(), &lists, quote);
        assert_eq!(each, ["mv a d a", "mv 'b c' e 'b c'"]);
        let each = expand_each("mv {from} {to}\nstop {to}\n", &values(), &lists, quote);
        assert_eq!(each, ["mv a d", "stop d", "mv 'b c' e", "stop e"]);
    }

    #[test]
    fn placeholders_are_found_between_text_in_braces_of_others() {
        let text = "{a} ${b} #{c} {bus-address} {d,e} {F} {g_h} {{i}} é{j2}";
        assert_eq!(placeholders(text).collect::<Vec<_>>(), ["a", "bus-address", "i", "j2"]);
    }
}
