//! Callers: who a credential is, what it may use, and what a filter header
//! leaves of that.

use std::collections::BTreeSet;

use sha2::{Digest as _, Sha256};

use super::acceptance::{account_of, plain};
use super::names::{alias, group_name, norm, prefix};
use super::{Credential, Identity, Item, Items, Kind, Oracle, Token};
use crate::world::{Binding, Id, Subject};

impl Oracle<'_> {
    /// Who presents this. A caller whose own binding is not live is nobody; one with a dead parent is somebody with nothing.
    pub fn identify(&self, credential: &Credential) -> Identity {
        let found: Vec<&Binding> = match credential {
            Credential::Token(token) => self.of_token(token),
            _ => self.bindings().filter(|binding| self.presents(binding, credential)).collect(),
        };
        let live: BTreeSet<Id> =
            found.into_iter().filter(|binding| self.live(binding)).map(|binding| binding.meta.id()).collect();
        if live.is_empty() { Identity::Unauthorized } else { Identity::Bindings(live) }
    }

    fn bindings(&self) -> impl Iterator<Item = &Binding> {
        self.world.bindings.iter().filter(|one| self.accepted(Kind::Binding, &one.meta.id()))
    }

    fn presents(&self, binding: &Binding, credential: &Credential) -> bool {
        match (&binding.subject, credential) {
            (Subject::Anonymous, Credential::None) => true,
            (Subject::Key(entries), Credential::Key(presented)) => entries.iter().any(|entry| {
                entry.expires.is_none_or(|expires| self.now < expires)
                    && plain(self.world, &binding.meta.namespace, entry)
                        .is_some_and(|plain| Sha256::digest(plain) == Sha256::digest(presented))
            }),
            _ => false,
        }
    }

    /// The exact User or ServiceAccount binding of a token, live or not.
    pub(super) fn exact(&self, token: &Token) -> Option<&Binding> {
        self.bindings().find(|binding| match &binding.subject {
            Subject::User(user) => token.user.as_ref() == Some(user),
            Subject::ServiceAccount(account) => token.service_account == Some(account_of(binding, account)),
            _ => false,
        })
    }

    /// That; else all Claims bindings that match.
    fn of_token(&self, token: &Token) -> Vec<&Binding> {
        let has = |claim: &String, values: &Vec<String>| {
            token.claims.get(claim).is_some_and(|said| said.iter().any(|value| values.contains(value)))
        };
        match self.exact(token) {
            Some(binding) => vec![binding],
            None => self
                .bindings()
                .filter(|binding| match &binding.subject {
                    Subject::Claims(claims) => claims.iter().all(|(claim, values)| has(claim, values)),
                    _ => false,
                })
                .collect(),
        }
    }

    /// What the holder of the credential may use; nobody may use nothing.
    pub fn permitted(&self, credential: &Credential) -> Items {
        match self.identify(credential) {
            Identity::Unauthorized => Items::new(),
            Identity::Bindings(ids) => self.united(&ids),
        }
    }

    /// Whether the holder of the credential may list and use this item of this server.
    pub fn may(&self, credential: &Credential, server: &Id, item: Item) -> bool {
        self.permitted(credential).contains(&(server.clone(), item))
    }

    /// What the caller of these bindings may use.
    pub fn united(&self, ids: &BTreeSet<Id>) -> Items {
        ids.iter().flat_map(|id| self.usable(id)).collect()
    }

    /// What one word of a filter header leaves for the caller of the bindings `ids`.
    pub fn word(&self, ids: &BTreeSet<Id>, word: &str) -> Items {
        let mut named = Items::new();
        for server in self.world.servers.iter().filter(|one| self.accepted(Kind::Server, &one.meta.id())) {
            let is_id = server.meta.id().to_string() == word;
            if norm(&alias(server)) == norm(word) || norm(&prefix(server)) == norm(word) || is_id {
                named.extend(self.whole(server));
            }
        }
        for group in self.world.groups.iter().filter(|one| self.accepted(Kind::Group, &one.meta.id())) {
            let admits = |id: &Id| self.admits(group.allowed_namespaces.as_ref(), &group.meta.namespace, &id.namespace);
            let admitted = ids.iter().any(admits);
            if norm(&group_name(group)) == norm(word) && admitted {
                named.extend(self.members(group));
            }
        }
        if let Some(server) = self.of_object(word) {
            named.extend(self.whole(server));
        }
        named.intersection(&self.united(ids)).cloned().collect()
    }

    /// What the words of filter headers leave, united. No word narrows nothing.
    pub fn filtered(&self, ids: &BTreeSet<Id>, words: &[&str]) -> Items {
        if words.is_empty() {
            return self.united(ids);
        }
        words.iter().flat_map(|word| self.word(ids, word)).collect()
    }
}
