//! Values that stand in an object or in a Secret of its namespace. No message
//! here repeats a value.

use std::collections::BTreeMap;

use super::faults::Fault;
use crate::diagnostic::{ObjectKey, Reason};
use crate::v1alpha1::{SecretKeyRef, ValueSource};

type Store = BTreeMap<ObjectKey, BTreeMap<String, Vec<u8>>>;

/// Looks values up for the objects of one namespace: nobody uses another namespace's Secrets.
#[derive(Clone, Copy)]
pub(super) struct SecretReader<'a> {
    store: &'a Store,
    namespace: &'a str,
}

/// Where a value stands.
#[derive(Clone, Copy)]
pub(super) struct Source<'a> {
    /// Path of the object that holds `value` and `valueFrom`.
    pub(super) field: &'a str,
    /// Names of its two members there.
    pub(super) members: (&'static str, &'static str),
    pub(super) inline: Option<&'a String>,
    pub(super) from: Option<&'a ValueSource>,
}

impl<'a> SecretReader<'a> {
    pub(super) fn new(store: &'a Store, namespace: &'a str) -> Self {
        Self { store, namespace }
    }

    /// The bytes of a Secret's key; `field` is where the reference stands.
    pub(super) fn bytes(&self, reference: &SecretKeyRef, field: &str) -> Result<&'a [u8], Fault> {
        let SecretKeyRef { name, key } = reference;
        let unusable = |message: String| Fault::new(Reason::SecretNotUsable, field, message);
        let secret = self.store.get(&ObjectKey::new(self.namespace, name)).ok_or_else(|| {
            unusable(format!("the Secret `{name}` is missing, or without the label `switchboard.dev/use: credential`"))
        })?;
        let value = secret.get(key).ok_or_else(|| unusable(format!("the Secret `{name}` has no key `{key}`")))?;
        if value.is_empty() {
            return Err(unusable(format!("the key `{key}` of the Secret `{name}` is empty")));
        }
        Ok(value)
    }

    /// The text of a value that `usable` finds no fault with. A fault of an inline value is Invalid, of a Secret's
    /// `SecretNotUsable`.
    pub(super) fn text(&self, source: Source, usable: fn(&str) -> Result<(), &'static str>) -> Result<String, Fault> {
        let path = |member: &str| format!("{}.{member}", source.field);
        let (value_member, from_member) = source.members;
        match (source.inline, source.from) {
            (Some(value), None) => {
                usable(value).map_err(|why| Fault::invalid(path(value_member), why))?;
                Ok(value.clone())
            }
            (None, Some(ValueSource { secret_key_ref })) => {
                let field = path(from_member);
                let bytes = self.bytes(secret_key_ref, &field)?;
                let text = str::from_utf8(bytes).map_err(|_| "it is not UTF-8");
                text.and_then(|text| usable(text).map(|()| text.to_owned())).map_err(|why| {
                    let SecretKeyRef { name, key } = secret_key_ref;
                    let message = format!("the key `{key}` of the Secret `{name}` cannot be used: {why}");
                    Fault::new(Reason::SecretNotUsable, field, message)
                })
            }
            _ => {
                let message = format!("exactly one of `{value_member}` and `{from_member}` is needed");
                Err(Fault::invalid(source.field, message))
            }
        }
    }
}
