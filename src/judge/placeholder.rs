use std::collections::BTreeMap;

/// Puts details of this host into a card's text: `{user}` becomes what the probe found, as `render`
/// writes it. A name that the probe did not give is left as it stands.
pub(crate) fn fill(
    text: &str,
    details: &BTreeMap<String, String>,
    render: impl Fn(&str) -> String,
) -> String {
    let mut filled = String::with_capacity(text.len());
    let mut rest = text;
    while let Some(open) = rest.find('{') {
        filled.push_str(&rest[..open]);
        rest = &rest[open..];
        let detail =
            rest[1..].find('}').and_then(|close| Some((close, details.get(&rest[1..=close])?)));
        match detail {
            Some((close, value)) => {
                filled.push_str(&render(value));
                rest = &rest[close + 2..];
            }
            None => {
                filled.push('{');
                rest = &rest[1..];
            }
        }
    }
    filled.push_str(rest);
    filled
}

/// The same for a text that may name one of several `lists`: it is given once for each value of that
/// list, and not at all if there is none.
pub(crate) fn fill_each(
    text: &str,
    details: &BTreeMap<String, String>,
    lists: &BTreeMap<String, Vec<String>>,
    render: impl Fn(&str) -> String,
) -> Vec<String> {
    let named = lists.iter().find(|(key, _)| text.contains(&format!("{{{key}}}")));
    let Some((key, values)) = named else { return vec![fill(text, details, render)] };
    let with = |value: &String| {
        let mut details = details.clone();
        details.insert(key.clone(), value.clone());
        fill(text, &details, &render)
    };
    values.iter().map(with).collect()
}

/// A word as a POSIX shell reads it back: plain where it can be, in single quotes where not.
pub fn quote(word: &str) -> String {
    let is_plain = |c: char| c.is_ascii_alphanumeric() || "%+,-./:=@_^".contains(c);
    if !word.is_empty() && word.chars().all(is_plain) {
        word.to_owned()
    } else {
        format!("'{}'", word.replace('\'', r"'\''"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn details() -> BTreeMap<String, String> {
        BTreeMap::from([("user".into(), "bob".into()), ("slice".into(), "it's {user}".into())])
    }

    #[test]
    fn details_are_put_in_and_not_read_again() {
        let fill = |text| fill(text, &details(), str::to_owned);
        assert_eq!(fill("enable {user}!"), "enable bob!");
        assert_eq!(fill("{slice}"), "it's {user}");
        assert_eq!(fill("${HOME} {} {unknown} {user"), "${HOME} {} {unknown} {user");
    }

    #[test]
    fn a_detail_in_a_command_is_one_word() {
        assert_eq!(fill("stop {slice}", &details(), quote), r"stop 'it'\''s {user}'");
    }

    #[test]
    fn a_command_that_names_a_list_is_given_once_for_each_value() {
        let lists = BTreeMap::from([
            ("unit".to_owned(), vec!["a b".to_owned(), "c".to_owned()]),
            ("socket".to_owned(), Vec::new()),
        ]);
        let each = |text| fill_each(text, &details(), &lists, quote);
        assert_eq!(each("stop {unit} of {user}"), ["stop 'a b' of bob", "stop c of bob"]);
        assert_eq!(each("ask {socket}"), Vec::<String>::new());
        assert_eq!(each("enable {user}"), ["enable bob"]);
    }

    #[test]
    fn only_what_the_shell_would_read_otherwise_is_quoted() {
        assert_eq!(quote("--slice=a-b.slice"), "--slice=a-b.slice");
        assert_eq!(quote(""), "''");
        assert_eq!(quote("a b"), "'a b'");
        assert_eq!(quote("$X"), "'$X'");
        assert_eq!(quote("~"), "'~'");
    }
}
