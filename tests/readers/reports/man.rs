use rstest::rstest;

use super::doctor;
use super::report_readers::{fed, program};

/// A page as `man` shows it, without the overstriking.
fn page(args: &[&str]) -> String {
    let run = doctor().arg("man").args(args).assert().code(0).stderr("");
    let source = std::str::from_utf8(&run.get_output().stdout).unwrap();
    let mut groff = program("groff");
    groff.args(["-man", "-Tutf8", "-ww", "-P-c", "-P-bou", "-rLL=100n"]);
    let output = fed(&mut groff, source);
    assert!(output.stderr.is_empty(), "{}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8(output.stdout).unwrap()
}

/// The options that `--help` names.
fn options(args: &[&str]) -> Vec<String> {
    let run = doctor().args(args).arg("--help").assert().code(0);
    let help = String::from_utf8(run.get_output().stdout.clone()).unwrap();
    let words = help.split_whitespace().filter(|word| word.starts_with("--"));
    words.map(|word| word.trim_end_matches([',', '.', ')', '`']).to_owned()).collect()
}

#[rstest]
#[case(&[])]
#[case(&["check"])]
#[case(&["gate"])]
#[case(&["completions"])]
fn the_page_of_a_command_has_every_option_and_no_error_for_groff(#[case] command: &[&str]) {
    let page = page(command);
    let options = options(command);
    assert!(options.contains(&"--help".to_owned()));
    for option in options {
        assert!(page.contains(&option), "{option} is not in:\n{page}");
    }
    assert!(
        page.starts_with(&["doctor", command.join("").as_str()].join(if command.is_empty() {
            ""
        } else {
            "-"
        })),
        "{page}"
    );
    for heading in ["NAME", "SYNOPSIS", "DESCRIPTION", "OPTIONS", "EXIT STATUS", "ENVIRONMENT"] {
        assert!(page.lines().any(|line| line == heading), "no {heading} in:\n{page}");
    }
}

#[test]
fn the_page_and_the_documents_have_the_same_exit_statuses() {
    let page = page(&[]);
    let documents = include_str!("../../../docs/exit-status.md");
    let rows = documents.lines().filter_map(|line| line.strip_prefix("| ")?.split_once(" |"));
    let statuses: Vec<&str> =
        rows.map(|(status, _)| status).filter(|it| it.parse::<u8>().is_ok()).collect();
    assert_eq!(statuses, ["0", "1", "2", "3", "4", "130"]);
    let (_, section) = page.split_once("\nEXIT STATUS\n").unwrap();
    for status in statuses {
        assert!(section.lines().any(|line| line.trim_start().starts_with(&format!("{status} "))));
    }
}

#[test]
fn an_unknown_command_has_no_page() {
    let message = "doctor: there is no command `chekc`; see `doctor --help`\n";
    doctor().args(["man", "chekc"]).assert().code(2).stdout("").stderr(message);
}
