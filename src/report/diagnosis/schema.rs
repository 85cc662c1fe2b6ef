use schemars::generate::SchemaSettings;

use crate::diagnose::Diagnosis;

/// Returns the JSON Schema of a diagnosis, generated from its types: `docs/diagnose.schema.json`.
pub fn schema() -> String {
    let generator = SchemaSettings::draft2020_12().for_serialize().into_generator();
    let mut text = format!("{:#}", generator.into_root_schema_for::<Diagnosis>().to_value());
    text.push('\n');
    text
}
