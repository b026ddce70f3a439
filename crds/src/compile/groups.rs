//! Members of each group: those that it lists and that admit it, and those
//! that join it, by its selector or by naming it, with the consent of both.
//! Each says where it stands, for who asks why.

use super::consent::{Consent, selects_labels};
use super::faults::{Fault, Faults};
use super::names::{Named, NamedGroup, NamedServer};
use super::references::{target, void};
use super::tables::{Tables, Way};
use crate::diagnostic::{Kind, Reason};
use crate::snapshot::{ByKind, ServerIndex};
use crate::v1alpha1::AccessGroupMember;

/// A way to a server that a group gives.
#[derive(Clone, Copy)]
pub(super) struct Member {
    pub(super) way: Way,
    pub(super) by: Joined,
}

/// Which words make a server a member: the place in the list that has them.
#[derive(Clone, Copy)]
pub(super) enum Joined {
    /// `spec.servers` of the group.
    Listed(usize),
    /// `spec.selector` of the group.
    Selected,
    /// `spec.accessGroups` of the server.
    Named(usize),
}

/// The members of each group, by its position.
pub(super) fn members(named: &Named, consent: &Consent, tables: &mut Tables, faults: &mut Faults) -> Vec<Vec<Member>> {
    let mut members: Vec<Vec<Member>> = Vec::with_capacity(named.groups.len());
    for group in &named.groups {
        let mut of_group = listed(group, named, consent, tables, faults);
        of_group.extend(selected(group, named, consent));
        members.push(of_group);
    }
    for (at, server) in named.servers.iter().enumerate() {
        for (index, reference) in server.object.spec.access_groups.iter().flatten().enumerate() {
            let key = target(&reference.name, &reference.namespace, &server.key.namespace);
            let field = format!("spec.accessGroups[{index}]");
            let group = named.group(&key);
            match group.filter(|group| named.groups[*group as usize].lets_join(consent, &server.key.namespace)) {
                None => {
                    let fault = void(field, Kind::McpAccessGroup, &key, &server.key.namespace);
                    faults.void(Kind::McpServer, server.key, fault);
                }
                Some(_) if !server.admits(consent, &key.namespace) => {
                    let message = "the server's own `allowedNamespaces` does not admit the namespace of this group";
                    faults.void(Kind::McpServer, server.key, Fault::new(Reason::NotPermitted, field, message));
                }
                Some(group) => {
                    let way = Way::whole(at as ServerIndex);
                    members[group as usize].push(Member { way, by: Joined::Named(index) });
                }
            }
        }
    }
    members
}

fn listed(
    group: &NamedGroup,
    named: &Named,
    consent: &Consent,
    tables: &mut Tables,
    faults: &mut Faults,
) -> Vec<Member> {
    let own = &group.key.namespace;
    let mut members = Vec::new();
    for (index, member) in group.object.spec.servers.iter().flatten().enumerate() {
        let key = target(&member.name, &member.namespace, own);
        if let Some(server) = named.server_admitting(&key, consent, own) {
            let AccessGroupMember { tools, prompts, resources, .. } = member;
            let lists =
                ByKind { tools: tools.as_deref(), prompts: prompts.as_deref(), resources: resources.as_deref() };
            members.extend(tables.way(server, lists).map(|way| Member { way, by: Joined::Listed(index) }));
        } else {
            let field = format!("spec.servers[{index}]");
            faults.void(Kind::McpAccessGroup, group.key, void(field, Kind::McpServer, &key, own));
        }
    }
    members
}

fn selected(group: &NamedGroup, named: &Named, consent: &Consent) -> Vec<Member> {
    let Some(selector) = &group.object.spec.selector else { return Vec::new() };
    let joins = |server: &NamedServer| {
        selects_labels(selector, server.object.metadata.labels.as_ref())
            && group.lets_join(consent, &server.key.namespace)
            && server.admits(consent, &group.key.namespace)
    };
    let servers = named.servers.iter().enumerate().filter(|(_, server)| joins(server));
    servers.map(|(at, _)| Member { way: Way::whole(at as ServerIndex), by: Joined::Selected }).collect()
}
