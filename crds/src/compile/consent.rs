//! Whether an object lets those of another namespace refer to it, and label
//! selectors (ACCESS.md, Consent).

use std::collections::BTreeMap;

use crate::resources::Resources;
use crate::v1alpha1::{From, NamespaceConsent, Selector, SelectorOperator, SelectorTerm};

/// The label that every namespace has, with its name as the value.
const NAME_LABEL: &str = "kubernetes.io/metadata.name";

type Labels = BTreeMap<String, String>;

/// Answers for all namespaces.
pub(super) struct Consent<'a> {
    namespaces: &'a BTreeMap<String, Labels>,
}

impl<'a> Consent<'a> {
    pub(super) fn new(resources: &'a Resources) -> Self {
        Self { namespaces: &resources.namespaces }
    }

    /// Whether an object of `own` lets `other` refer to it. Its own namespace always may.
    pub(super) fn admits(&self, consent: Option<&NamespaceConsent>, own: &str, other: &str) -> bool {
        if own == other {
            return true;
        }
        let Some(consent) = consent else { return false };
        match consent.from {
            From::Same => false,
            From::All => true,
            From::Selector => consent.selector.as_ref().is_some_and(|selector| self.selects(selector, other)),
        }
    }

    /// A namespace without its object has no labels but its name, and nothing is known to be absent from it.
    fn selects(&self, selector: &Selector, namespace: &str) -> bool {
        let labels = self.namespaces.get(namespace);
        let label = |key: &str| match key {
            NAME_LABEL => Some(namespace),
            key => labels?.get(key).map(String::as_str),
        };
        matches(selector, &label, labels.is_some())
    }
}

/// Whether the selector matches an object with these labels.
pub(super) fn selects_labels(selector: &Selector, labels: Option<&Labels>) -> bool {
    matches(selector, &|key| labels?.get(key).map(String::as_str), true)
}

/// All terms hold, and there is one: a selector of none matches nothing. `complete`: a label that is not there is absent.
fn matches<'l>(selector: &Selector, label: &impl Fn(&str) -> Option<&'l str>, complete: bool) -> bool {
    let equals = selector.match_labels.iter().flatten();
    let terms = selector.match_expressions.iter().flatten();
    (equals.clone().next().is_some() || terms.clone().next().is_some())
        && equals.into_iter().all(|(key, value)| label(key) == Some(value))
        && terms.into_iter().all(|term| term_holds(term, label(&term.key), complete))
}

fn term_holds(term: &SelectorTerm, found: Option<&str>, complete: bool) -> bool {
    let listed = || found.is_some_and(|found| term.values.iter().flatten().any(|value| value == found));
    match term.operator {
        SelectorOperator::In => listed(),
        SelectorOperator::NotIn => complete && !listed(),
        SelectorOperator::Exists => found.is_some(),
        SelectorOperator::DoesNotExist => complete && found.is_none(),
    }
}
