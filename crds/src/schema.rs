//! The apiserver's checks, offline: what it would refuse is refused here, with
//! the same defaults filled in. On the raw value, since a typed one has already
//! lost what was wrong with it.
//!
//! ```text
//! value ─► structure (nulls dropped, defaults, unknown fields, types, bounds) ─► rules (CEL) ─► faults
//! ```
//!
//! The schemas are those of `crate::crd`, compiled once a process.

use std::sync::OnceLock;

use serde_json::Value;

use crate::diagnostic::Kind;
use crate::{crd, settings};

pub(crate) mod metadata;
mod rules;
mod structure;
mod words;

pub(crate) use words::closest;

use rules::Rules;
use structure::Structure;

/// Something that a value breaks.
#[derive(Clone, Debug, Eq, Ord, PartialEq, PartialOrd)]
pub(crate) struct Fault {
    /// Where, as a path from the object's root: `spec.grants.servers[2].name`.
    pub(crate) field: String,
    /// What is wrong and what to do. No value that may be a secret.
    pub(crate) message: String,
}

impl Fault {
    pub(crate) fn new(field: impl Into<String>, message: impl Into<String>) -> Self {
        Self { field: field.into(), message: message.into() }
    }
}

/// A schema, ready to check with.
pub(crate) struct Schema {
    structure: Structure,
    rules: Rules,
}

impl Schema {
    /// The schema of a kind; its paths start at the object's root.
    pub(crate) fn of(kind: Kind) -> &'static Self {
        static SCHEMAS: [OnceLock<Schema>; 3] = [const { OnceLock::new() }; 3];
        let slot = match kind {
            Kind::McpServer => &SCHEMAS[0],
            Kind::McpAccessGroup => &SCHEMAS[1],
            Kind::McpKeyBinding => &SCHEMAS[2],
        };
        slot.get_or_init(|| Self::compile(&crd::schema(kind)))
    }

    /// The schema of the settings document, without `apiVersion` and `kind`.
    pub(crate) fn of_settings() -> &'static Self {
        static SCHEMA: OnceLock<Schema> = OnceLock::new();
        SCHEMA.get_or_init(|| Self::compile(&settings::schema()))
    }

    fn compile(schema: &Value) -> Self {
        Self { structure: Structure::compile(schema), rules: Rules::compile(schema) }
    }

    /// Checks `value`, drops its nulls and fills in its defaults. Sorted; empty if the apiserver would accept it.
    pub(crate) fn check(&self, value: &mut Value) -> Vec<Fault> {
        let mut report = self.structure.check(value, "");
        if !report.blocks_rules {
            report.faults.extend(self.rules.check(value));
        }
        report.faults.sort();
        report.faults.dedup();
        report.faults
    }
}

#[cfg(test)]
mod tests;
