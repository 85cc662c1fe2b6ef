use maud::{DOCTYPE, Markup, PreEscaped, html};

/// Puts `body` into a page of its own, which has no script and loads nothing. `style` is trusted CSS.
pub(crate) fn page(title: &str, style: &str, body: &Markup) -> String {
    let page = html! {
        (DOCTYPE)
        html lang="en" {
            head {
                meta charset="utf-8";
                meta name="viewport" content="width=device-width, initial-scale=1";
                meta name="color-scheme" content="light dark";
                title { (title) }
                style { (PreEscaped(style)) }
            }
            body { (body) }
        }
    };
    format!("{}\n", page.into_string())
}
