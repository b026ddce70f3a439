//! What a binding may use: the rule's formulas, one function each.

use super::consent::selects;
use super::glob::any_matches;
use super::names::platform;
use super::{Kind, Oracle, Pairs};
use crate::world::{Binding, Group, Id, Server, Subject};

/// What a binding has of its own and through its parents.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(super) enum Access {
    /// ANY: it declares nothing and has no parent that does.
    Any,
    /// Exactly these.
    Only(Pairs),
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

    /// The tools of a server that an entry's list leaves; the server's own filter comes later.
    fn tools(&self, server: &Server, filter: Option<&Vec<String>>) -> Pairs {
        let tools = self.world.tools.iter().filter(|tool| any_matches(filter, tool));
        tools.map(|tool| (server.meta.id(), tool.clone())).collect()
    }

    /// members(g): servers\[\] of g that admit g's namespace, with the entry's filter, and servers that g selects or
    /// that name g, if g.joinFrom admits the server's namespace and the server admits g's.
    pub(super) fn members(&self, group: &Group) -> Pairs {
        let own = &group.meta.namespace;
        let mut members = Pairs::new();
        for entry in &group.servers {
            if let Ok(server) = self.server_named(own, &entry.server) {
                members.extend(self.tools(server, entry.tools.as_ref()));
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
                members.extend(self.tools(server, None));
            }
        }
        members
    }

    /// declared(b): grants.servers that admit b's namespace, with the entry's filter, and the members of those
    /// grants.accessGroups that admit b's namespace.
    fn declared(&self, binding: &Binding) -> Pairs {
        let own = &binding.meta.namespace;
        let mut declared = Pairs::new();
        if let Some(grants) = &binding.grants {
            for entry in &grants.servers {
                if let Ok(server) = self.server_named(own, &entry.server) {
                    declared.extend(self.tools(server, entry.tools.as_ref()));
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
            return Access::Only(Pairs::new());
        }
        let start = match binding.grants {
            Some(_) => Access::Only(self.declared(binding)),
            None => Access::Any,
        };
        let parents = self.parents(binding).into_iter().filter_map(|(_, parent)| parent);
        parents.fold(start, |access, parent| access.and(self.access(parent)))
    }

    /// use(caller), for the caller of the binding `id`; nothing if there is no such binding.
    pub fn usable(&self, id: &Id) -> Pairs {
        let Some(binding) = self.world.bindings.iter().find(|binding| binding.meta.id() == *id) else {
            return Pairs::new();
        };
        let own = &binding.meta.namespace;
        let granted = match self.access(binding) {
            Access::Any => Pairs::new(),
            Access::Only(pairs) => pairs,
        };
        let admits = |id: &Id| {
            self.server(id).is_some_and(|server| self.admits(server.allowed_namespaces.as_ref(), &id.namespace, own))
        };
        let mut usable: Pairs = granted.into_iter().filter(|(id, _)| admits(id)).collect();
        if !self.dead(binding) && binding.subject != Subject::Anonymous {
            for server in self.world.servers.iter().filter(|server| server.all_keys && admits(&server.meta.id())) {
                usable.extend(self.tools(server, None));
            }
        }
        usable.retain(|(id, tool)| self.server(id).is_some_and(|server| !self.off(server) && passes(server, tool)));
        usable
    }
}

/// The server's own filter: allow, then deny, and deny wins.
fn passes(server: &Server, tool: &str) -> bool {
    any_matches(server.allow.as_ref(), tool) && !server.deny.as_ref().is_some_and(|deny| any_matches(Some(deny), tool))
}
