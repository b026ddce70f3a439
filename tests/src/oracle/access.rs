//! What a binding may use: the rule's formulas, one function each.

use super::consent::selects;
use super::glob::{any_gives, any_matches, dotted};
use super::names::platform;
use super::{Item, Items, Kind, Oracle};
use crate::world::{Binding, Entry, Filter, Group, Id, Server, Subject};

/// What a binding has of its own and through its parents.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(super) enum Access {
    /// ANY: it declares nothing and has no parent that does.
    Any,
    /// Exactly these.
    Only(Items),
}

impl Access {
    fn and(self, other: Access) -> Access {
        match (self, other) {
            (Access::Any, other) => other,
            (this, Access::Any) => this,
            (Access::Only(this), Access::Only(other)) => Access::Only(this.intersection(&other).cloned().collect()),
        }
    }
}

impl<'w> Oracle<'w> {
    /// dead(b): suspended, expired, not accepted, or a parent (named or tied) missing, without consent, or dead.
    pub(super) fn dead(&self, binding: &Binding) -> bool {
        !self.live(binding)
            || self.parents(binding).into_iter().any(|(_, parent)| parent.is_none_or(|parent| self.dead(parent)))
    }

    /// Neither suspended nor expired, and accepted. Says nothing of its parents.
    pub(super) fn live(&self, binding: &Binding) -> bool {
        self.accepted(Kind::Binding, &binding.meta.id())
            && !binding.suspend
            && binding.expires.is_none_or(|expires| self.now < expires)
    }

    /// parents(b), each with the field that names it; `None` is one that is missing or does not consent.
    pub(super) fn parents(&self, binding: &Binding) -> Vec<(&'static str, Option<&'w Binding>)> {
        let own = &binding.meta.namespace;
        let mut parents = Vec::new();
        for (field, subject) in [
            ("user", binding.user.clone().map(Subject::User)),
            ("team", binding.team.clone().map(Subject::Team)),
            ("organization", binding.organization.clone().map(Subject::Organization)),
        ] {
            if let Some(subject) = subject {
                let consenting = self
                    .holder_of(own, &subject)
                    .filter(|parent| self.admits(parent.join_from.as_ref(), &parent.meta.namespace, own));
                parents.push((field, consenting));
            }
        }
        let tie = self.world.settings.organization_of.get(own);
        if let (Some(organization), false) = (tie, matches!(binding.subject, Subject::Organization(_))) {
            let tied = self
                .holder_of(own, &Subject::Organization(organization.clone()))
                .filter(|parent| platform(self.world, &parent.meta.namespace));
            parents.push(("organizationOf", tied));
        }
        parents
    }

    /// The accepted binding of a user, team or organization that is seen from `own`: a platform namespace's or its own.
    fn holder_of(&self, own: &str, subject: &Subject) -> Option<&'w Binding> {
        self.world.bindings.iter().find(|binding| {
            self.accepted(Kind::Binding, &binding.meta.id())
                && binding.subject == *subject
                && (platform(self.world, &binding.meta.namespace) || binding.meta.namespace == own)
        })
    }

    /// Everything of a server; its own filters come later.
    pub(super) fn whole(&self, server: &Server) -> Items {
        let tools = self.world.tools.iter().cloned().map(Item::Tool);
        let prompts = self.world.prompts.iter().cloned().map(Item::Prompt);
        let resources = self.world.resources.iter().cloned().map(Item::Resource);
        tools.chain(prompts).chain(resources).map(|item| (server.meta.id(), item)).collect()
    }

    /// What an entry gives of its server. None of the three lists given means all three; else what is not given is none.
    fn part(&self, server: &Server, entry: &Entry) -> Items {
        let mut items = self.whole(server);
        if entry.tools.is_some() || entry.prompts.is_some() || entry.resources.is_some() {
            items.retain(|(_, item)| match item {
                Item::Tool(name) => entry.tools.as_ref().is_some_and(|globs| any_matches(globs, name)),
                Item::Prompt(name) => entry.prompts.as_ref().is_some_and(|globs| any_matches(globs, name)),
                Item::Resource(uri) => entry.resources.as_ref().is_some_and(|globs| any_gives(globs, uri)),
            });
        }
        items
    }

    /// members(g): servers\[\] of g that admit g's namespace, with the entry's filter, and servers that g selects or
    /// that name g, if g.joinFrom admits the server's namespace and the server admits g's.
    pub(super) fn members(&self, group: &Group) -> Items {
        let own = &group.meta.namespace;
        let mut members = Items::new();
        for entry in &group.servers {
            if let Ok(server) = self.server_named(own, &entry.server) {
                members.extend(self.part(server, entry));
            }
        }
        for server in self.world.servers.iter().filter(|server| self.accepted(Kind::Server, &server.meta.id())) {
            let selected = group.selector.as_ref().is_some_and(|selector| selects(selector, &server.meta.labels));
            let lets_join = self.admits(group.join_from.as_ref(), own, &server.meta.namespace);
            let admitted = self.admits(server.allowed_namespaces.as_ref(), &server.meta.namespace, own);
            let names = server.access_groups.iter().any(|reference| {
                self.group_joined(server, reference).is_ok_and(|joined| joined.meta.id() == group.meta.id())
            });
            if names || (selected && lets_join && admitted) {
                members.extend(self.whole(server));
            }
        }
        members
    }

    /// declared(b): grants.servers that admit b's namespace, with the entry's filter, and the members of those
    /// grants.accessGroups that admit b's namespace.
    fn declared(&self, binding: &Binding) -> Items {
        let own = &binding.meta.namespace;
        let mut declared = Items::new();
        if let Some(grants) = &binding.grants {
            for entry in &grants.servers {
                if let Ok(server) = self.server_named(own, &entry.server) {
                    declared.extend(self.part(server, entry));
                }
            }
            for reference in &grants.access_groups {
                if let Ok(group) = self.group_named(own, reference) {
                    declared.extend(self.members(group));
                }
            }
        }
        declared
    }

    /// access(b).
    pub(super) fn access(&self, binding: &Binding) -> Access {
        if self.dead(binding) {
            return Access::Only(Items::new());
        }
        let start = match binding.grants {
            Some(_) => Access::Only(self.declared(binding)),
            None => Access::Any,
        };
        let parents = self.parents(binding).into_iter().filter_map(|(_, parent)| parent);
        parents.fold(start, |access, parent| access.and(self.access(parent)))
    }

    /// use(caller), for the caller of the binding `id`; nothing if there is no such binding.
    pub fn usable(&self, id: &Id) -> Items {
        let Some(binding) = self.world.bindings.iter().find(|binding| binding.meta.id() == *id) else {
            return Items::new();
        };
        let own = &binding.meta.namespace;
        let granted = match self.access(binding) {
            Access::Any => Items::new(),
            Access::Only(items) => items,
        };
        let admits = |id: &Id| {
            self.server(id).is_some_and(|server| self.admits(server.allowed_namespaces.as_ref(), &id.namespace, own))
        };
        let mut usable: Items = granted.into_iter().filter(|(id, _)| admits(id)).collect();
        if !self.dead(binding) && binding.subject != Subject::Anonymous {
            for server in self.world.servers.iter().filter(|server| server.all_keys && admits(&server.meta.id())) {
                usable.extend(self.whole(server));
            }
        }
        usable.retain(|(id, item)| self.server(id).is_some_and(|server| !self.off(server) && passes(server, item)));
        usable
    }
}

/// The server's own filter of the item's kind: allow, then deny, and deny wins.
fn passes(server: &Server, item: &Item) -> bool {
    let named = |filter: &Filter, name: &str| {
        filter.allow.as_ref().is_none_or(|allow| any_matches(allow, name))
            && !filter.deny.as_ref().is_some_and(|deny| any_matches(deny, name))
    };
    match item {
        Item::Tool(name) => named(&server.tools, name),
        Item::Prompt(name) => named(&server.prompts, name),
        Item::Resource(uri) => {
            let Filter { allow, deny } = &server.resources;
            let denied = |deny: &Vec<String>| any_matches(deny, uri) || (dotted(uri) && !deny.is_empty());
            allow.as_ref().is_none_or(|allow| any_gives(allow, uri)) && !deny.as_ref().is_some_and(denied)
        }
    }
}
