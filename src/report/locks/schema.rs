use schemars::generate::SchemaSettings;

use crate::locks::LocksReport;

/// Returns the JSON Schema of a report, generated from its types; `docs/locks.schema.json` is this text.
pub fn schema() -> String {
    let generator = SchemaSettings::draft2020_12().for_serialize().into_generator();
    let mut text = format!("{:#}", generator.into_root_schema_for::<LocksReport>().to_value());
    text.push('\n');
    text
}
