//! The chart knows the settings document as the operator does: its schema stands in `values.schema.json`.

use serde_json::Value;

use crate::derived::assert_is;
use crate::helm::chart;
use crate::schemas::close;

#[test]
fn the_values_schema_has_the_schema_of_the_settings() {
    let file = chart().join("values.schema.json");
    let mut schema: Value = serde_json::from_str(&std::fs::read_to_string(&file).unwrap()).unwrap();
    let mut settings = crds::settings::schema();
    without_rules(&mut settings);
    close(&mut settings);
    schema["properties"]["settings"] = settings;
    assert_is(&file, &format!("{schema:#}\n"));
}

/// JSON Schema has no CEL: what those rules refuse, the operator reports.
fn without_rules(schema: &mut Value) {
    match schema {
        Value::Object(members) => {
            members.retain(|key, _| !key.starts_with("x-kubernetes-"));
            members.values_mut().for_each(without_rules);
        }
        Value::Array(items) => items.iter_mut().for_each(without_rules),
        _ => {}
    }
}
