use launch_doctor::exit::FailOn;
use launch_doctor::report::{Format, render};

use crate::consumers::python;
use crate::fixture::{NASTY_LINE, everything};

#[test]
fn a_markdown_parser_finds_the_texts_and_nothing_that_they_smuggle_in() {
    let read = python("markdown.py", &[], &render(&everything(FailOn::Fail), Format::Markdown, 80));
    let cells: Vec<&str> =
        read["cells"].as_array().unwrap().iter().filter_map(|cell| cell.as_str()).collect();
    assert_eq!(cells.len(), 3 * 9);
    assert_eq!(cells[..2], ["fail", "probe-fail"]);
    assert_eq!(cells[2], format!("summary {NASTY_LINE} (newer than every record)"));
    assert_eq!(cells[3], "unmeasured");

    let headings = read["headings"].as_array().unwrap();
    assert_eq!(headings.len(), 1 + 7);
    assert_eq!(headings[1], format!("probe-fail (fail): title {NASTY_LINE}"));

    let html: Vec<&str> =
        read["html"].as_array().unwrap().iter().map(|html| html.as_str().unwrap().trim()).collect();
    assert_eq!(html.len(), 6 * 2, "{html:?}");
    assert!(html.iter().all(|html| {
        ["<details><summary>How it was measured</summary>", "</details>"].contains(html)
    }));
    assert_eq!(
        read["inline"].to_string(),
        r#"["code_inline","strong_close","strong_open","text"]"#
    );
}

#[test]
fn commands_stand_in_blocks_that_no_text_ends() {
    let read = python("markdown.py", &[], &render(&everything(FailOn::Fail), Format::Markdown, 80));
    let code = read["code"].as_array().unwrap();
    assert_eq!(code[0][0], "sh");
    let fix = code[0][1].as_str().unwrap();
    assert!(fix.starts_with("fix 'a\"b'c<d>&e]]>f::g%h,i|j#k\\l`m*n_o$p\\u{d}\nq\tr"), "{fix}");
    assert!(fix.ends_with("\nloginctl enable-linger agent\n"), "{fix}");
    let measured = code[1][1].as_str().unwrap();
    assert_eq!(code[1][0], "console");
    assert!(measured.starts_with("$ env 'a\"b'\\''c<d>"), "{measured}");
    assert!(measured.contains("\n# exit status 1 after 9 ms\n"), "{measured}");
    assert!(measured.ends_with("\n$ flock x\n# ended by a signal after 9 ms\n"), "{measured}");
}
