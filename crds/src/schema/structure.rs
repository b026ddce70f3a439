//! The structural half of a schema: types, bounds, required and unknown fields,
//! list maps, defaults. As the apiserver does it: nulls go first, then defaults
//! come, then the value is checked.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Mutex, PoisonError};

use k8s_openapi::apimachinery::pkg::apis::meta::v1::Time;
use regex::Regex;
use serde::Deserialize;
use serde_json::{Map, Value};

use super::Fault;
use super::words::{closest, enumerate, of_type};
use crate::v1alpha1::patterns::in_words;

/// A node of a structural schema. It knows every keyword that ours use, and reading one that it does not know fails.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(super) struct Structure {
    #[serde(rename = "type")]
    kind: String,
    #[serde(default)]
    properties: BTreeMap<String, Structure>,
    #[serde(default)]
    required: BTreeSet<String>,
    items: Option<Box<Structure>>,
    additional_properties: Option<Box<Structure>>,
    default: Option<Value>,
    #[serde(rename = "enum")]
    variants: Option<Vec<Value>>,
    format: Option<String>,
    pattern: Option<Pattern>,
    min_length: Option<usize>,
    max_length: Option<usize>,
    min_items: Option<usize>,
    max_items: Option<usize>,
    min_properties: Option<usize>,
    max_properties: Option<usize>,
    minimum: Option<f64>,
    maximum: Option<f64>,
    #[serde(rename = "x-kubernetes-list-type")]
    list_type: Option<String>,
    #[serde(rename = "x-kubernetes-list-map-keys", default)]
    list_keys: Vec<String>,
    #[serde(rename = "x-kubernetes-validations", default)]
    _rules: Vec<serde::de::IgnoredAny>,
    #[serde(rename = "description", default)]
    _description: serde::de::IgnoredAny,
    #[serde(rename = "title", default)]
    _title: serde::de::IgnoredAny,
}

/// A pattern, compiled; the same dialect as the apiserver's (RE2) for all that ours use.
#[derive(Deserialize)]
#[serde(try_from = "String")]
struct Pattern(Regex);

impl TryFrom<String> for Pattern {
    type Error = regex::Error;

    fn try_from(source: String) -> Result<Self, Self::Error> {
        // A few patterns stand at a hundred fields, and one takes some ten kilobytes.
        static COMPILED: Mutex<BTreeMap<String, Regex>> = Mutex::new(BTreeMap::new());
        let mut compiled = COMPILED.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(regex) = compiled.get(&source) {
            return Ok(Self(regex.clone()));
        }
        let regex = Regex::new(&source)?;
        compiled.insert(source, regex.clone());
        Ok(Self(regex))
    }
}

/// What a check found.
#[derive(Default)]
pub(super) struct Report {
    pub(super) faults: Vec<Fault>,
    /// The value is too broken for rules over several fields to make sense of it.
    pub(super) blocks_rules: bool,
}

impl Report {
    fn add(&mut self, at: &str, message: impl Into<String>) {
        self.faults.push(Fault::new(at, message));
    }

    fn block(&mut self, at: &str, message: impl Into<String>) {
        self.blocks_rules = true;
        self.add(at, message);
    }
}

impl Structure {
    pub(super) fn compile(schema: &Value) -> Self {
        Self::deserialize(schema).expect("our own schemas use known keywords and valid patterns, see the tests")
    }

    /// Checks `value`, whose own path is `at`, after dropping its nulls and filling in its defaults.
    pub(super) fn check(&self, value: &mut Value, at: &str) -> Report {
        let mut report = Report::default();
        self.complete(value);
        self.visit(value, at, &mut report);
        report
    }

    /// Whether `name` is one of the fields.
    pub(super) fn has(&self, name: &str) -> bool {
        self.properties.contains_key(name)
    }

    /// Drops nulls of known fields and of maps, and fills in defaults.
    fn complete(&self, value: &mut Value) {
        match value {
            Value::Object(fields) => {
                for (name, schema) in &self.properties {
                    if fields.get(name).is_none_or(Value::is_null) {
                        match &schema.default {
                            Some(default) => fields.insert(name.clone(), default.clone()),
                            None => fields.remove(name),
                        };
                    }
                }
                if self.additional_properties.as_ref().is_some_and(|schema| schema.default.is_none()) {
                    fields.retain(|name, field| self.properties.contains_key(name) || !field.is_null());
                }
                for (name, field) in fields {
                    if let Some(schema) = self.properties.get(name).or(self.additional_properties.as_deref()) {
                        schema.complete(field);
                    }
                }
            }
            Value::Array(items) => {
                if let Some(schema) = &self.items {
                    for item in items {
                        schema.complete(item);
                    }
                }
            }
            _ => {}
        }
    }

    fn visit(&self, value: &Value, at: &str, report: &mut Report) {
        match (self.kind.as_str(), value) {
            ("object", Value::Object(fields)) => self.visit_object(fields, at, report),
            ("array", Value::Array(items)) => self.visit_array(items, at, report),
            ("string", Value::String(text)) => self.visit_string(text, at, report),
            ("integer", Value::Number(number)) if !number.is_f64() => self.visit_number(number.as_f64(), at, report),
            ("boolean", Value::Bool(_)) => {}
            (wanted, found) => report.block(at, of_type(wanted, found)),
        }
    }

    fn visit_object(&self, fields: &Map<String, Value>, at: &str, report: &mut Report) {
        for name in self.required.iter().filter(|name| !fields.contains_key(*name)) {
            report.block(&join(at, name), "is missing: add it");
        }
        for (name, field) in fields {
            let below = join(at, name);
            match self.properties.get(name).or(self.additional_properties.as_deref()) {
                Some(schema) => schema.visit(field, &below, report),
                None => report.block(&below, self.unknown(name)),
            }
        }
        within(fields.len(), (self.min_properties, self.max_properties), "entries", at, report);
    }

    /// The message for a field that is not in the schema.
    fn unknown(&self, name: &str) -> String {
        match closest(name, self.properties.keys()) {
            Some(near) => format!("unknown field; did you mean {near}?"),
            None if self.properties.is_empty() => "unknown field: take it out".to_owned(),
            None => format!("unknown field: take it out; known here are {}", enumerate(self.properties.keys())),
        }
    }

    fn visit_array(&self, items: &[Value], at: &str, report: &mut Report) {
        within(items.len(), (self.min_items, self.max_items), "entries", at, report);
        if let Some(schema) = &self.items {
            for (index, item) in items.iter().enumerate() {
                schema.visit(item, &format!("{at}[{index}]"), report);
            }
        }
        if self.list_type.as_deref() == Some("map") {
            self.visit_list_map(items, at, report);
        }
    }

    /// Entries of a list map differ in their keys.
    fn visit_list_map(&self, items: &[Value], at: &str, report: &mut Report) {
        let mut seen = BTreeMap::new();
        for (index, item) in items.iter().enumerate() {
            let key: Vec<&str> = self.list_keys.iter().filter_map(|name| item.get(name)?.as_str()).collect();
            if key.len() < self.list_keys.len() {
                continue; // a key that is missing or no text is a fault of its own
            }
            if let Some(first) = seen.insert(key, index) {
                let keys = self.list_keys.join(" and ");
                report.add(
                    &format!("{at}[{index}]"),
                    format!("the same {keys} as entry [{first}]: merge the two, or take one out"),
                );
            }
        }
    }

    fn visit_string(&self, text: &str, at: &str, report: &mut Report) {
        if let Some(variants) = &self.variants
            && !variants.iter().any(|variant| variant == text)
        {
            let known = variants.iter().filter_map(Value::as_str).map(str::to_owned).collect::<Vec<_>>();
            let hint = closest(text, &known).map(|near| format!("; did you mean {near}?")).unwrap_or_default();
            return report.block(at, format!("must be one of {}{hint}", enumerate(&known)));
        }
        within(text.chars().count(), (self.min_length, self.max_length), "characters", at, report);
        if let Some(Pattern(pattern)) = &self.pattern
            && !pattern.is_match(text)
        {
            let words = in_words(pattern.as_str())
                .map_or_else(|| format!("must match {pattern}"), |words| format!("must be {words}"));
            report.add(at, words);
        }
        if self.format.as_deref() == Some("date-time") && !is_date_time(text) {
            report.add(at, "must be a time as in 2027-01-31T00:00:00Z");
        }
    }

    fn visit_number(&self, number: Option<f64>, at: &str, report: &mut Report) {
        let Some(number) = number else { return };
        if self.minimum.is_some_and(|least| number < least) || self.maximum.is_some_and(|most| number > most) {
            let bounds = match (self.minimum, self.maximum) {
                (Some(least), Some(most)) => format!("from {least} to {most}"),
                (Some(least), None) => format!("at least {least}"),
                (None, Some(most)) => format!("at most {most}"),
                (None, None) => return,
            };
            report.add(at, format!("must be {bounds}"));
        }
    }
}

/// Reports a count that is out of bounds. Too many is what the apiserver checks no further.
fn within(count: usize, (least, most): (Option<usize>, Option<usize>), unit: &str, at: &str, report: &mut Report) {
    if let Some(most) = most.filter(|most| count > *most) {
        report.block(at, format!("has {count} {unit}, may have at most {most}"));
    }
    if let Some(least) = least.filter(|least| count < *least) {
        let fix = if count == 0 { ": leave the field out, or fill it" } else { "" };
        report.add(at, format!("has {count} {unit}, needs at least {least}{fix}"));
    }
}

fn is_date_time(text: &str) -> bool {
    // The apiserver's form (RFC 3339 with seconds and zone), which the type alone does not insist on.
    let shape = text.len() >= 20
        && text.bytes().enumerate().take(19).all(|(index, byte)| match index {
            4 | 7 => byte == b'-',
            10 => byte == b'T' || byte == b't',
            13 | 16 => byte == b':',
            _ => byte.is_ascii_digit(),
        });
    shape && serde_json::from_value::<Time>(Value::String(text.to_owned())).is_ok()
}

/// The path of a field below `at`.
pub(super) fn join(at: &str, name: &str) -> String {
    if at.is_empty() { name.to_owned() } else { format!("{at}.{name}") }
}
