use schemars::generate::SchemaSettings;

use super::ScopesReport;

/// Returns the JSON Schema of a report, generated from its types: `docs/scopes.schema.json`.
pub fn schema() -> String {
    let generator = SchemaSettings::draft2020_12().for_serialize().into_generator();
    let mut text = format!("{:#}", generator.into_root_schema_for::<ScopesReport>().to_value());
    text.push('\n');
    text
}
