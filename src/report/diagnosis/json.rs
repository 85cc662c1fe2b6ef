use crate::diagnose::Diagnosis;

/// Returns it as one JSON document.
pub fn json(diagnosis: &Diagnosis) -> String {
    let mut text = serde_json::to_string_pretty(diagnosis).expect("its keys are text");
    text.push('\n');
    text
}
