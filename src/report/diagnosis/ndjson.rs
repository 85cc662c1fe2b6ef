use serde::Serialize;

use crate::diagnose::{Diagnosis, DiagnosisFinding, DiagnosisInput};
use crate::exit::Exit;

#[derive(Serialize)]
#[serde(tag = "type", rename_all = "lowercase")]
enum Line<'a> {
    Finding(&'a DiagnosisFinding),
    Unknown(&'a crate::diagnose::UnknownLine),
    End { inputs: &'a [DiagnosisInput], findings: usize, unknown_count: u64, exit: Exit },
}

/// Returns a finding as one line.
pub fn line(finding: &DiagnosisFinding) -> String {
    one_line(&Line::Finding(finding))
}

/// Returns it as a line each for every finding, every unknown line and the end. Findings that were
/// written while the input was read (`is_streamed`) come again, with their final counts.
pub fn ndjson(diagnosis: &Diagnosis) -> String {
    let findings = diagnosis.findings.iter().map(|finding| one_line(&Line::Finding(finding)));
    let unknown = diagnosis.unknown.iter().map(|line| one_line(&Line::Unknown(line)));
    let end = Line::End {
        inputs: &diagnosis.inputs,
        findings: diagnosis.findings.len(),
        unknown_count: diagnosis.unknown_count,
        exit: diagnosis.exit,
    };
    findings.chain(unknown).chain([one_line(&end)]).collect()
}

fn one_line(line: &Line) -> String {
    let mut text = serde_json::to_string(line).expect("its keys are text");
    text.push('\n');
    text
}
