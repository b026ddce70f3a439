//! What the settings, or their silence, say of a namespace, and who comes first.

use std::collections::BTreeMap;

use k8s_openapi::apimachinery::pkg::apis::meta::v1::ObjectMeta;
use k8s_openapi::jiff::Timestamp;

use super::Scope;
use crate::diagnostic::{Kind, ObjectKey};
use crate::settings::{Settings, StdioSettings};

/// The settings as questions about a namespace.
pub(super) struct Tenancy<'a> {
    settings: &'a Settings,
    scope: &'a Scope,
}

/// Smaller comes first: platform namespace, creation time (none: youngest), namespace and name, server before group.
#[derive(Eq, Ord, PartialEq, PartialOrd)]
pub(super) struct Rank<'a> {
    tenant: bool,
    unborn: bool,
    created: Option<Timestamp>,
    object: &'a ObjectKey,
    kind: Kind,
}

impl<'a> Tenancy<'a> {
    pub(super) fn new(settings: &'a Settings, scope: &'a Scope) -> Self {
        Self { settings, scope }
    }

    /// Whether objects of the namespace come first and may speak for all.
    pub(super) fn is_platform(&self, namespace: &str) -> bool {
        let unsaid = match self.scope {
            Scope::Local => true,
            Scope::Cluster { namespace: own } => own == namespace,
        };
        lists(self.settings.platform_namespaces.as_ref(), namespace).unwrap_or(unsaid)
    }

    /// Whether servers of the namespace may publish bare names.
    pub(super) fn may_be_bare(&self, namespace: &str) -> bool {
        let namespaces = self.settings.bare_naming.as_ref().and_then(|bare| bare.namespaces.as_ref());
        lists(namespaces, namespace).unwrap_or(*self.scope == Scope::Local)
    }

    /// Whether servers of the namespace may be child processes that run this command.
    pub(super) fn may_start(&self, namespace: &str, command: &str) -> bool {
        let silent = StdioSettings::default();
        let StdioSettings { namespaces, commands } = self.settings.stdio.as_ref().unwrap_or(&silent);
        lists(namespaces.as_ref(), namespace).unwrap_or(*self.scope == Scope::Local)
            && lists(commands.as_ref(), command).unwrap_or(true)
    }

    /// The organization that the namespace is tied to.
    pub(super) fn organization_of(&self, namespace: &str) -> Option<&'a str> {
        let ties: Option<&'a BTreeMap<String, String>> = self.settings.organization_of.as_ref();
        ties?.get(namespace).map(String::as_str)
    }

    /// Where the object stands among those that claim the same name or subject.
    pub(super) fn rank<'o>(&self, kind: Kind, object: &'o ObjectKey, metadata: &ObjectMeta) -> Rank<'o> {
        let created = metadata.creation_timestamp.as_ref().map(|time| time.0);
        Rank { tenant: !self.is_platform(&object.namespace), unborn: created.is_none(), created, object, kind }
    }
}

/// Whether a list that is there has the entry.
fn lists(list: Option<&Vec<String>>, entry: &str) -> Option<bool> {
    list.map(|list| list.iter().any(|listed| listed == entry))
}
