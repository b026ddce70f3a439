//! What the settings, or their silence, say of a namespace, and who comes first.

use std::collections::BTreeMap;

use k8s_openapi::apimachinery::pkg::apis::meta::v1::ObjectMeta;
use k8s_openapi::jiff::Timestamp;

use super::Scope;
use crate::diagnostic::{Kind, ObjectKey};
use crate::settings::Settings;

/// The settings as questions about a namespace.
pub(crate) struct Tenancy<'a> {
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
    pub(crate) fn new(settings: &'a Settings, scope: &'a Scope) -> Self {
        Self { settings, scope }
    }

    /// The namespaces whose objects come first and may speak for all. None: every one.
    pub(crate) fn platform(&self) -> Option<&'a [String]> {
        self.settings.platform_namespaces.as_deref().or(match self.scope {
            Scope::Local => None,
            Scope::Cluster { namespace } => Some(std::slice::from_ref(namespace)),
        })
    }

    /// The namespaces whose servers may publish bare names. None: every one.
    pub(crate) fn bare(&self) -> Option<&'a [String]> {
        let said = self.settings.bare_naming.as_ref().and_then(|bare| bare.namespaces.as_deref());
        said.or(self.none_in_a_cluster())
    }

    /// The namespaces whose servers may be child processes. None: every one.
    pub(crate) fn stdio(&self) -> Option<&'a [String]> {
        let said = self.settings.stdio.as_ref().and_then(|stdio| stdio.namespaces.as_deref());
        said.or(self.none_in_a_cluster())
    }

    /// The commands that child processes may run. None: every one.
    pub(crate) fn commands(&self) -> Option<&'a [String]> {
        self.settings.stdio.as_ref().and_then(|stdio| stdio.commands.as_deref())
    }

    fn none_in_a_cluster(&self) -> Option<&'a [String]> {
        (*self.scope != Scope::Local).then_some(&[])
    }

    /// Whether objects of the namespace come first and may speak for all.
    pub(super) fn is_platform(&self, namespace: &str) -> bool {
        lists(self.platform(), namespace)
    }

    /// Whether servers of the namespace may publish bare names.
    pub(super) fn may_be_bare(&self, namespace: &str) -> bool {
        lists(self.bare(), namespace)
    }

    /// Whether servers of the namespace may be child processes that run this command.
    pub(super) fn may_start(&self, namespace: &str, command: &str) -> bool {
        lists(self.stdio(), namespace) && lists(self.commands(), command)
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

/// Whether the list has the entry; one that is not there has all.
fn lists(list: Option<&[String]>, entry: &str) -> bool {
    list.is_none_or(|list| list.iter().any(|listed| listed == entry))
}
