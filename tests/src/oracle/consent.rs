//! Consent: which namespaces a target admits, and what a selector matches.

use std::collections::BTreeMap;

use super::Oracle;
use crate::world::{Consent, From, Labels, Operator, Selector, Term};

/// The label that every namespace has, its name.
const NAME_LABEL: &str = "kubernetes.io/metadata.name";

impl Oracle<'_> {
    /// Whether an object of `own` with this consent admits `namespace`: its own always, none other by default.
    pub(super) fn admits(&self, consent: Option<&Consent>, own: &str, namespace: &str) -> bool {
        if own == namespace {
            return true;
        }
        let Some(consent) = consent else { return false };
        match consent.from {
            From::Same => false,
            From::All => true,
            From::Selector => {
                consent.selector.as_ref().is_some_and(|selector| self.selects_namespace(selector, namespace))
            }
        }
    }

    /// Whether the selector matches the labels of a namespace. One without its object has its name as only label, and
    /// matches no NotIn and no DoesNotExist.
    fn selects_namespace(&self, selector: &Selector, namespace: &str) -> bool {
        let object = self.world.namespaces.get(namespace);
        let mut labels = object.cloned().unwrap_or_default();
        labels.insert(NAME_LABEL.to_owned(), namespace.to_owned());
        let negative = |term: &Term| matches!(term.operator, Operator::NotIn | Operator::DoesNotExist);
        if object.is_none() && selector.terms.iter().flatten().any(negative) {
            return false;
        }
        selects(selector, &labels)
    }
}

/// Whether all of the selector holds for `labels`. A selector that says nothing selects nothing.
pub(super) fn selects(selector: &Selector, labels: &Labels) -> bool {
    let empty = BTreeMap::new();
    let wanted = selector.labels.as_ref().unwrap_or(&empty);
    let terms: Vec<&Term> = selector.terms.iter().flatten().collect();
    (!wanted.is_empty() || !terms.is_empty())
        && wanted.iter().all(|(key, value)| labels.get(key) == Some(value))
        && terms.iter().all(|term| holds(term, labels))
}

fn holds(term: &Term, labels: &Labels) -> bool {
    let value = labels.get(&term.key);
    match term.operator {
        Operator::In => value.is_some_and(|value| term.values.contains(value)),
        Operator::NotIn => value.is_none_or(|value| !term.values.contains(value)),
        Operator::Exists => value.is_some(),
        Operator::DoesNotExist => value.is_none(),
    }
}
