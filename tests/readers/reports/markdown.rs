use launch_doctor::exit::FailOn;
use launch_doctor::report::{Format, render};

use super::fixture::{HOSTILE_LINE, hostile_report};
use super::report_readers::python;

#[test]
fn a_markdown_parser_finds_the_texts_and_nothing_that_they_smuggle_in() {
    let read =
        python("markdown.py", &[], &render(&hostile_report(FailOn::Fail), Format::Markdown, 80));
    let cells: Vec<&str> =
        read["cells"].as_array().unwrap().iter().filter_map(|cell| cell.as_str()).collect();
    assert_eq!(cells.len(), 3 * 9);
    assert_eq!(cells[..2], ["fail", "probe-fail"]);
    assert_eq!(cells[2], format!("summary {HOSTILE_LINE} (newer than every record)"));
    assert_eq!(cells[3], "unmeasured");

    let headings = read["headings"].as_array().unwrap();
    assert_eq!(headings.len(), 1 + 5 + 2 + 1 + 1, "the title, findings, no answer, all, known");
    assert_eq!(headings[1], format!("probe-fail (fail): summary {HOSTILE_LINE}"));
    assert_eq!(headings[6], "Not measured");
    assert_eq!(headings[9], format!("probe-known (known): summary {HOSTILE_LINE}"));

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
    let read =
        python("markdown.py", &[], &render(&hostile_report(FailOn::Fail), Format::Markdown, 80));
    let code = read["code"].as_array().unwrap();
    assert_eq!(
        (&code[0][0], &code[1][0], &code[2][0]),
        (&"sh".into(), &"sh".into(), &"console".into())
    );
    let look = code[0][1].as_str().unwrap();
    assert!(look.starts_with("look 'a\"b'c<d>&e]]>f::g%h,i|j#k\\l`m*n_o$p\\u{d}\nq\tr"), "{look}");
    let fix = code[1][1].as_str().unwrap();
    assert!(fix.starts_with("fix 'a\"b'c<d>&e]]>f::g%h,i|j#k\\l`m*n_o$p\\u{d}\nq\tr"), "{fix}");
    assert!(fix.ends_with("\nloginctl enable-linger agent\n"), "{fix}");
    let measured = code[2][1].as_str().unwrap();
    assert!(measured.starts_with(r#"$ env $'a"b\'c<d>"#), "{measured}");
    assert!(measured.contains("\n# exit status 1 after 9 ms\n"), "{measured}");
    assert!(measured.ends_with("\n$ flock x\n# ended by a signal after 9 ms\n"), "{measured}");
}
