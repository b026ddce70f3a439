//! Where in the files an object, and each field of it, stands.

use std::collections::BTreeMap;
use std::sync::Arc;

use super::finding::sentence;
use super::{Finding, FindingReason};
use crate::diagnostic::{Diagnostic, Kind, ObjectKey};
use crate::document::Lines;

/// The place of every object that a directory holds.
#[derive(Clone, Debug, Default)]
pub struct Positions {
    places: BTreeMap<(Kind, ObjectKey), (Arc<str>, Arc<Lines>)>,
}

impl Positions {
    pub(super) fn insert(&mut self, kind: Kind, object: ObjectKey, file: Arc<str>, lines: Arc<Lines>) {
        self.places.insert((kind, object), (file, lines));
    }

    /// File and line (from 1) of `field`, a path from the object's root as in [`Diagnostic::field`]; of its nearest
    /// ancestor if it is not there; none if no file holds the object.
    pub fn locate(&self, kind: Kind, object: &ObjectKey, field: &str) -> Option<(String, u32)> {
        let (file, lines) = self.places.get(&(kind, object.clone()))?;
        Some((file.to_string(), lines.locate(field)))
    }

    /// The diagnostic as a finding. Of an object in no file, file and line are empty.
    pub fn finding(&self, diagnostic: &Diagnostic) -> Finding {
        let place = self.locate(diagnostic.kind, &diagnostic.object, &diagnostic.field);
        let (file, line) = place.unwrap_or_default();
        Finding {
            file,
            line,
            kind: diagnostic.kind.as_str().to_owned(),
            namespace: diagnostic.object.namespace.clone(),
            name: diagnostic.object.name.clone(),
            condition: Some(diagnostic.condition),
            reason: FindingReason::Object(diagnostic.reason),
            message: sentence(&diagnostic.field, &diagnostic.message),
        }
    }
}
