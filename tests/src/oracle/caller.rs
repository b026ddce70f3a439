//! Callers: who a credential is, what it may use, and what a filter header
//! leaves of that.

use sha2::{Digest as _, Sha256};

use super::acceptance::plain;
use super::names::{alias, group_name, norm, prefix};
use super::{Credential, Identity, Item, Items, Kind, Oracle};
use crate::world::{Id, Subject};

impl Oracle<'_> {
    /// Who presents this. A caller whose own binding is not live is nobody; one with a dead parent is somebody with nothing.
    pub fn identify(&self, credential: &Credential) -> Identity {
        let accepted = self.world.bindings.iter().filter(|one| self.accepted(Kind::Binding, &one.meta.id()));
        let mut found = accepted.filter(|binding| match (&binding.subject, credential) {
            (Subject::Anonymous, Credential::None) => true,
            (Subject::Key(entries), Credential::Key(presented)) => entries.iter().any(|entry| {
                entry.expires.is_none_or(|expires| self.now < expires)
                    && plain(self.world, &binding.meta.namespace, entry)
                        .is_some_and(|plain| Sha256::digest(plain) == Sha256::digest(presented))
            }),
            _ => false,
        });
        match found.next() {
            Some(binding) if self.live(binding) => Identity::Binding(binding.meta.id()),
            _ => Identity::Unauthorized,
        }
    }

    /// What the holder of the credential may use; nobody may use nothing.
    pub fn permitted(&self, credential: &Credential) -> Items {
        match self.identify(credential) {
            Identity::Unauthorized => Items::new(),
            Identity::Binding(id) => self.usable(&id),
        }
    }

    /// Whether the holder of the credential may list and use this item of this server.
    pub fn may(&self, credential: &Credential, server: &Id, item: Item) -> bool {
        self.permitted(credential).contains(&(server.clone(), item))
    }

    /// What one word of a filter header leaves for the caller of the binding `id`.
    pub fn word(&self, id: &Id, word: &str) -> Items {
        let mut named = Items::new();
        for server in self.world.servers.iter().filter(|one| self.accepted(Kind::Server, &one.meta.id())) {
            if norm(&alias(server)) == norm(word) || norm(&prefix(server)) == norm(word) {
                named.extend(self.whole(server));
            }
        }
        for group in self.world.groups.iter().filter(|one| self.accepted(Kind::Group, &one.meta.id())) {
            let admitted = self.admits(group.allowed_namespaces.as_ref(), &group.meta.namespace, &id.namespace);
            if norm(&group_name(group)) == norm(word) && admitted {
                named.extend(self.members(group));
            }
        }
        named.intersection(&self.usable(id)).cloned().collect()
    }

    /// What the words of filter headers leave, united. No word narrows nothing.
    pub fn filtered(&self, id: &Id, words: &[&str]) -> Items {
        if words.is_empty() {
            return self.usable(id);
        }
        words.iter().flat_map(|word| self.word(id, word)).collect()
    }
}
