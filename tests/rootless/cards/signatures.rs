use launch_doctor::diagnose::{Analysis, InputFormat, LogLine, Matcher, Options};
use launch_doctor::judge::Entry;

use super::{catalogue, lint};

#[test]
fn a_card_has_signatures_or_says_why_no_message_shows_it() {
    lint(|Entry { card, .. }| {
        let mut wrong = Vec::new();
        match (card.signatures.is_empty(), &card.no_signature) {
            (true, None) => wrong.push("it has neither `signatures` nor `no-signature`".to_owned()),
            (false, Some(_)) => wrong.push("it has `signatures` and `no-signature`".to_owned()),
            _ => {}
        }
        for signature in &card.signatures {
            let pattern = &signature.pattern;
            if signature.samples.is_empty() || signature.near_misses.is_empty() {
                wrong.push(format!("`{pattern}` lacks a sample or a near miss"));
            }
            if signature.literal.len() < 6 {
                wrong.push(format!("the literal of `{pattern}` is in too many lines"));
            }
            if !signature.cause.ends_with('.') {
                wrong.push(format!("the cause of `{pattern}` is no sentence"));
            }
            if signature.source.is_none() {
                wrong.push(format!("`{pattern}` has no source"));
            }
        }
        wrong
    });
}

#[test]
fn each_sample_names_its_card_and_each_near_miss_does_not() {
    let catalogue = catalogue();
    let matcher = Matcher::of(&catalogue);
    let mut wrong = Vec::new();
    for Entry { card, .. } in catalogue.entries() {
        for signature in &card.signatures {
            for sample in &signature.samples {
                let named = modes(&matcher, sample);
                if !named.contains(&card.id) {
                    wrong.push(format!("{}: {sample} names {named:?}", card.id));
                }
                if !sample.contains(&signature.literal) {
                    wrong.push(format!("{}: `{}` is not in {sample}", card.id, signature.literal));
                }
            }
            for miss in &signature.near_misses {
                let line = LogLine::of_message(miss);
                if signature.regex().unwrap().is_match(line.message.as_bytes()) {
                    wrong.push(format!("{}: {miss} is found", card.id));
                }
            }
        }
    }
    assert!(wrong.is_empty(), "\n{}", wrong.join("\n"));
}

/// Every placeholder of a cause or a fix is a capture of the pattern or has a default: nothing is printed raw.
#[test]
fn what_a_sample_prints_has_no_raw_placeholder() {
    let catalogue = catalogue();
    let matcher = Matcher::of(&catalogue);
    for Entry { card, .. } in catalogue.entries() {
        for signature in &card.signatures {
            for sample in &signature.samples {
                let cards = catalogue.entries().iter().map(|entry| &entry.card);
                let mut analysis = Analysis::new(&matcher, cards, Options::default());
                analysis.begin_input("log", InputFormat::Text);
                analysis.feed(format!("{sample}\n").as_bytes());
                analysis.end_input(None);
                for finding in analysis.finish().findings {
                    let text = format!("{} {}", finding.cause, finding.fix.join(" "));
                    let names = signature.regex().unwrap();
                    for name in names.capture_names().flatten() {
                        assert!(!text.contains(&format!("{{{name}}}")), "{}: {text}", card.id);
                    }
                }
            }
        }
    }
}

fn modes(matcher: &Matcher, text: &str) -> Vec<String> {
    let Some(found) = matcher.find(&LogLine::of_message(text), false) else { return Vec::new() };
    let mut modes = vec![matcher.signature(found.index).0.to_owned()];
    modes.extend(found.also);
    modes
}
