//! Which servers and groups are accepted, and under which published names.
//! The first fault of an object wins; then who comes first has the name.

use std::collections::HashMap;

use super::consent::Consent;
use super::faults::{Fault, Faults};
use super::secrets::SecretReader;
use super::servers::{self, Connection};
use super::tenancy::Tenancy;
use super::words;
use crate::diagnostic::{Kind, ObjectKey, Reason};
use crate::names::{
    ALIAS_MAX, GROUP_NAME_MAX, default_name, is_alias, is_group_name, is_prefix, is_reserved, is_uri_prefix, norm,
};
use crate::resources::Resources;
use crate::snapshot::ServerIndex;
use crate::v1alpha1::{McpAccessGroup, McpServer, NamingType};

/// A server that holds its names.
pub(super) struct NamedServer<'a> {
    pub(super) key: &'a ObjectKey,
    pub(super) object: &'a McpServer,
    pub(super) alias: String,
    /// None: bare names.
    pub(super) prefix: Option<String>,
    /// norm() of alias and prefix. Sorted, distinct.
    pub(super) names: Vec<String>,
    pub(super) connection: Connection,
}

/// A group that holds its name.
pub(super) struct NamedGroup<'a> {
    pub(super) key: &'a ObjectKey,
    pub(super) object: &'a McpAccessGroup,
    pub(super) name: String,
    pub(super) norm: String,
}

/// Position in [`Named::groups`].
pub(super) type GroupIndex = u32;

/// Accepted servers, in the order of who comes first, and accepted groups, by key.
#[derive(Default)]
pub(super) struct Named<'a> {
    pub(super) servers: Vec<NamedServer<'a>>,
    pub(super) groups: Vec<NamedGroup<'a>>,
    server_at: HashMap<&'a ObjectKey, ServerIndex>,
    group_at: HashMap<&'a ObjectKey, GroupIndex>,
}

enum Claimant<'a> {
    Server(&'a McpServer),
    Group(&'a McpAccessGroup),
}

/// Who holds a name, by norm().
type Held<'a> = HashMap<String, (Kind, &'a ObjectKey)>;

/// Accepts servers and groups, those that come first first.
pub(super) fn accept<'a>(resources: &'a Resources, tenancy: &Tenancy, faults: &mut Faults) -> Named<'a> {
    let servers = resources.servers.iter().map(|(key, server)| {
        (tenancy.rank(Kind::McpServer, key, &server.metadata), Kind::McpServer, key, Claimant::Server(server))
    });
    let groups = resources.groups.iter().map(|(key, group)| {
        (tenancy.rank(Kind::McpAccessGroup, key, &group.metadata), Kind::McpAccessGroup, key, Claimant::Group(group))
    });
    let mut claimants: Vec<_> = servers.chain(groups).collect();
    claimants.retain(|(_, kind, key, _)| !resources.refused.contains_key(&(*kind, (*key).clone())));
    claimants.sort_by(|one, next| one.0.cmp(&next.0));

    let mut held = Held::new();
    let mut named = Named::default();
    for (_, kind, key, claimant) in claimants {
        let outcome = match claimant {
            Claimant::Server(object) => {
                let reader = SecretReader::new(&resources.secrets, &key.namespace);
                server(key, object, tenancy, reader)
                    .and_then(|server| claim(&mut held, kind, key, &server.names).map(|()| named.add_server(server)))
            }
            Claimant::Group(object) => group(key, object).and_then(|group| {
                claim(&mut held, kind, key, std::slice::from_ref(&group.norm)).map(|()| named.groups.push(group))
            }),
        };
        if let Err(fault) = outcome {
            faults.refuse(kind, key, fault);
        }
    }
    named.index_groups();
    named
}

/// All of the names, or the fault that an earlier object has one of them.
fn claim<'a>(held: &mut Held<'a>, kind: Kind, key: &'a ObjectKey, names: &[String]) -> Result<(), Fault> {
    if let Some((name, (holder_kind, holder))) = names.iter().find_map(|name| held.get_key_value(name)) {
        // An object of another namespace stays unnamed: a tenant does not learn what others have.
        let who = if holder.namespace == key.namespace {
            format!("{} {holder}", holder_kind.as_str())
        } else {
            "an object of another namespace".to_owned()
        };
        let message = format!("the name `{name}` is held by {who}, which comes first: choose another");
        let field = if kind == Kind::McpServer { "spec.alias" } else { "spec.groupName" };
        return Err(Fault::new(Reason::NameConflict, field, message));
    }
    held.extend(names.iter().map(|name| (name.clone(), (kind, key))));
    Ok(())
}

fn server<'a>(
    key: &'a ObjectKey,
    object: &'a McpServer,
    tenancy: &Tenancy,
    reader: SecretReader,
) -> Result<NamedServer<'a>, Fault> {
    let spec = &object.spec;
    let naming = spec.naming.clone().unwrap_or_default();
    let bare = naming.type_ == NamingType::Bare;
    let (alias, alias_field) = written_or_default(spec.alias.as_ref(), key, "spec.alias");
    if alias.len() > ALIAS_MAX {
        return Err(too_long(alias_field, "alias", ALIAS_MAX));
    }
    if !is_alias(&alias) {
        return Err(Fault::invalid(alias_field, "an alias is letters, digits and `_`, with a letter or digit"));
    }
    let prefix = naming.prefix.as_ref().unwrap_or(&alias);
    if !is_prefix(prefix) && (!bare || naming.prefix.is_some()) {
        let field = if naming.prefix.is_some() { "spec.naming.prefix" } else { alias_field };
        return Err(Fault::invalid(field, words::NO_PREFIX));
    }
    let uri_prefix = spec.resources.as_ref().and_then(|resources| resources.uri_prefix.as_ref());
    if uri_prefix.is_some_and(|prefix| !is_uri_prefix(prefix)) {
        let message =
            "a prefix of URIs is at most 32 lower-case letters, digits, `-` and `.`, a letter first, and ends in `+`";
        return Err(Fault::invalid("spec.resources.uriPrefix", message));
    }
    let connection = servers::connect(spec, reader)?;
    for (name, field) in [(&alias, alias_field), (prefix, "spec.naming.prefix")] {
        if is_reserved(name) {
            return Err(reserved(field, name));
        }
    }
    if bare && !tenancy.may_be_bare(&key.namespace) {
        return Err(Fault::new(Reason::BareNotAllowed, "spec.naming.type", words::NO_BARE));
    }
    if let Some(stdio) = &spec.stdio
        && !tenancy.may_start(&key.namespace, &stdio.command)
    {
        return Err(Fault::new(Reason::StdioNotAllowed, "spec.stdio", words::NO_STDIO));
    }
    if connection.auth.scheme.is_exchanged() && !tenancy.is_platform(&key.namespace) {
        return Err(Fault::new(Reason::NotAPlatformNamespace, "spec.auth.type", words::NO_EXCHANGE));
    }
    let mut names = vec![norm(&alias), norm(prefix)];
    names.sort();
    names.dedup();
    let prefix = (!bare).then(|| prefix.clone());
    Ok(NamedServer { key, object, alias, prefix, names, connection })
}

fn group<'a>(key: &'a ObjectKey, object: &'a McpAccessGroup) -> Result<NamedGroup<'a>, Fault> {
    let (name, field) = written_or_default(object.spec.group_name.as_ref(), key, "spec.groupName");
    if name.len() > GROUP_NAME_MAX {
        return Err(too_long(field, "groupName", GROUP_NAME_MAX));
    }
    if !is_group_name(&name) {
        let message = "a group name is letters, digits, space, `_` and `-`, with a letter or digit";
        return Err(Fault::invalid(field, message));
    }
    if is_reserved(&name) {
        return Err(reserved(field, &name));
    }
    Ok(NamedGroup { key, object, norm: norm(&name), name })
}

/// The name, and the field that it came from.
fn written_or_default(written: Option<&String>, key: &ObjectKey, field: &'static str) -> (String, &'static str) {
    match written {
        Some(name) => (name.clone(), field),
        None => (default_name(&key.name), "metadata.name"),
    }
}

fn too_long(field: &str, member: &str, limit: usize) -> Fault {
    Fault::new(Reason::NameTooLong, field, words::too_long(member, limit))
}

fn reserved(field: &str, name: &str) -> Fault {
    Fault::new(Reason::ReservedName, field, format!("`{name}` {}", words::RESERVED))
}

// === impl NamedServer ===

impl NamedServer<'_> {
    /// Whether bindings and groups of the namespace may hold the server.
    pub(super) fn admits(&self, consent: &Consent, namespace: &str) -> bool {
        consent.admits(self.object.spec.allowed_namespaces.as_ref(), &self.key.namespace, namespace)
    }
}

// === impl NamedGroup ===

impl NamedGroup<'_> {
    /// Whether bindings of the namespace may name the group.
    pub(super) fn admits(&self, consent: &Consent, namespace: &str) -> bool {
        consent.admits(self.object.spec.allowed_namespaces.as_ref(), &self.key.namespace, namespace)
    }

    /// Whether servers of the namespace may join.
    pub(super) fn lets_join(&self, consent: &Consent, namespace: &str) -> bool {
        consent.admits(self.object.spec.join_from.as_ref(), &self.key.namespace, namespace)
    }
}

// === impl Named ===

impl<'a> Named<'a> {
    /// Where the server stands, if it is accepted and lets the namespace hold it.
    pub(super) fn server_admitting(&self, key: &ObjectKey, consent: &Consent, namespace: &str) -> Option<ServerIndex> {
        let at = self.server_at.get(key).copied()?;
        self.servers[at as usize].admits(consent, namespace).then_some(at)
    }

    /// Where the accepted group stands.
    pub(super) fn group(&self, key: &ObjectKey) -> Option<GroupIndex> {
        self.group_at.get(key).copied()
    }

    fn add_server(&mut self, server: NamedServer<'a>) {
        self.server_at.insert(server.key, self.servers.len() as ServerIndex);
        self.servers.push(server);
    }

    fn index_groups(&mut self) {
        self.groups.sort_by_key(|group| group.key);
        self.group_at = self.groups.iter().enumerate().map(|(at, group)| (group.key, at as GroupIndex)).collect();
    }
}
