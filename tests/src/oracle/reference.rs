//! References between objects: what they name, and which are void, why.

use std::collections::BTreeSet;

use super::acceptance::plain;
use super::{Kind, Object, Oracle, Reason, Void};
use crate::world::{Binding, Group, Id, Reference, SecretRef, Server, Subject, Transport, World};

/// What a reference names; an empty namespace is the referrer's own.
pub(super) fn target(own: &str, reference: &Reference) -> Id {
    let namespace = if reference.namespace.is_empty() { own } else { &reference.namespace };
    Id::new(namespace, &reference.name)
}

/// The value that a Secret of `namespace` holds, if it is there with the label and the key, and says anything.
pub(super) fn usable_secret<'w>(world: &'w World, namespace: &str, from: &SecretRef) -> Option<&'w String> {
    let id = Id::new(namespace, &from.name);
    world
        .secrets
        .iter()
        .find(|secret| secret.labelled && secret.id == id)?
        .data
        .get(&from.key)
        .filter(|value| !value.is_empty())
}

impl<'w> Oracle<'w> {
    /// The accepted server of this id.
    pub(super) fn server(&self, id: &Id) -> Option<&'w Server> {
        self.world.servers.iter().find(|server| server.meta.id() == *id && self.accepted(Kind::Server, id))
    }

    /// The accepted group of this id.
    pub(super) fn group(&self, id: &Id) -> Option<&'w Group> {
        self.world.groups.iter().find(|group| group.meta.id() == *id && self.accepted(Kind::Group, id))
    }

    /// The server that a binding or group of `own` names, if it consents.
    pub(super) fn server_named(&self, own: &str, reference: &Reference) -> Result<&'w Server, Reason> {
        let id = target(own, reference);
        let server = self.server(&id).ok_or(missing(own, &id))?;
        if self.admits(server.allowed_namespaces.as_ref(), &id.namespace, own) {
            Ok(server)
        } else {
            Err(Reason::NotPermitted)
        }
    }

    /// The group that a binding of `own` names, if it consents.
    pub(super) fn group_named(&self, own: &str, reference: &Reference) -> Result<&'w Group, Reason> {
        let id = target(own, reference);
        let group = self.group(&id).ok_or(missing(own, &id))?;
        if self.admits(group.allowed_namespaces.as_ref(), &id.namespace, own) {
            Ok(group)
        } else {
            Err(Reason::NotPermitted)
        }
    }

    /// The group that a server joins by its own accessGroups, if the group lets it join and the server admits the group.
    pub(super) fn group_joined(&self, server: &Server, reference: &Reference) -> Result<&'w Group, Reason> {
        let own = &server.meta.namespace;
        let id = target(own, reference);
        let group = self.group(&id).ok_or(missing(own, &id))?;
        let joins = self.admits(group.join_from.as_ref(), &id.namespace, own)
            && self.admits(server.allowed_namespaces.as_ref(), own, &id.namespace);
        if joins { Ok(group) } else { Err(Reason::NotPermitted) }
    }

    /// Whether the server is off: one of its Secrets cannot be used.
    pub fn off(&self, server: &Server) -> bool {
        secrets_of(server).iter().any(|from| usable_secret(self.world, &server.meta.namespace, from).is_none())
    }

    /// The void references of all accepted objects.
    pub fn voids(&self) -> BTreeSet<Void> {
        let mut voids = BTreeSet::new();
        for server in self.world.servers.iter().filter(|one| self.accepted(Kind::Server, &one.meta.id())) {
            let joined = server.access_groups.iter().map(|item| self.group_joined(server, item).err());
            note(&mut voids, &(Kind::Server, server.meta.id()), "accessGroups", joined);
            let secrets = self.off(server).then_some(Reason::SecretNotUsable);
            note(&mut voids, &(Kind::Server, server.meta.id()), "secret", [secrets]);
        }
        for group in self.world.groups.iter().filter(|one| self.accepted(Kind::Group, &one.meta.id())) {
            let own = &group.meta.namespace;
            let named = group.servers.iter().map(|item| self.server_named(own, &item.server).err());
            note(&mut voids, &(Kind::Group, group.meta.id()), "servers", named);
        }
        for binding in self.world.bindings.iter().filter(|one| self.accepted(Kind::Binding, &one.meta.id())) {
            self.voids_of_binding(binding, &mut voids);
        }
        voids
    }

    fn voids_of_binding(&self, binding: &Binding, voids: &mut BTreeSet<Void>) {
        let object = (Kind::Binding, binding.meta.id());
        let own = &binding.meta.namespace;
        if let Some(grants) = &binding.grants {
            let servers = grants.servers.iter().map(|item| self.server_named(own, &item.server).err());
            note(voids, &object, "servers", servers);
            let groups = grants.access_groups.iter().map(|item| self.group_named(own, item).err());
            note(voids, &object, "accessGroups", groups);
        }
        for (field, parent) in self.parents(binding) {
            let alive = parent.is_some_and(|parent| !self.dead(parent));
            note(voids, &object, field, [(!alive).then_some(Reason::ParentDead)]);
        }
        if let Subject::Key(keys) = &binding.subject {
            let unusable =
                keys.iter().map(|key| plain(self.world, own, key).is_none().then_some(Reason::SecretNotUsable));
            note(voids, &object, "keys", unusable);
        }
    }
}

/// Of a missing target in another namespace nothing may be learned.
fn missing(own: &str, target: &Id) -> Reason {
    if target.namespace == own { Reason::NotFound } else { Reason::NotPermitted }
}

fn note(
    voids: &mut BTreeSet<Void>,
    object: &Object,
    field: &'static str,
    reasons: impl IntoIterator<Item = Option<Reason>>,
) {
    for (index, reason) in reasons.into_iter().enumerate() {
        voids.extend(reason.map(|reason| Void { object: object.clone(), field, index, reason }));
    }
}

/// The Secrets that a server needs.
fn secrets_of(server: &Server) -> Vec<&SecretRef> {
    match &server.transport {
        Transport::Http { url_from, bearer_from } => [url_from, bearer_from].into_iter().flatten().collect(),
        Transport::Stdio { env_from, .. } => env_from.iter().collect(),
    }
}
