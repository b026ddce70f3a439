//! The compiled parts put together: live callers, servers, groups and
//! settings, with the numbers that the finished tables gave.

use std::collections::{BTreeMap, BTreeSet};

use super::Pepper;
use super::access::Scene;
use super::faults::Faults;
use super::names::{NamedGroup, NamedServer};
use super::parents::Standing;
use super::servers::{cost, limits, timeouts};
use super::subjects::Binding;
use super::tables::{Finished, Tables};
use crate::diagnostic::Kind;
use crate::digest::fingerprint;
use crate::snapshot::{
    self, AccessIndex, ByKind, Caller, Credentials, Group, NamespaceIndex, Secrets, Server, ServerFilter, Snapshot,
    TokenSubject, Transport, WireSettings,
};
use crate::v1alpha1::{Exposure, McpServerSpec, SessionMode, SubjectType};

/// Numbers of the tables under way, before they are finished.
struct Parts {
    /// Of each server, its allow and deny lists.
    filters: Vec<ByKind<ServerFilter>>,
    /// Of each group, its members.
    members: Vec<AccessIndex>,
    callers: Vec<Caller>,
    anonymous: Option<Caller>,
    /// Of the callers, in rising order.
    namespaces: Vec<String>,
}

/// The snapshot, and the secret values apart from it. `uses`: what each binding may use, by its position.
pub(super) fn assemble(
    scene: Scene,
    uses: &[AccessIndex],
    mut tables: Tables,
    pepper: &Pepper,
    faults: &mut Faults,
) -> (Snapshot, Credentials) {
    let Parts { filters, members, mut callers, mut anonymous, namespaces } = parts(scene, uses, &mut tables);
    let sets = members.iter().copied().chain(callers.iter().chain(&anonymous).map(|caller| caller.access));
    let lists =
        filters.iter().flat_map(ByKind::iter).flat_map(|filter| filter.allow.iter().chain(&filter.deny).copied());
    let finished = tables.finish(sets, lists);

    for caller in callers.iter_mut().chain(&mut anonymous) {
        caller.access = finished.access_at(caller.access);
    }
    let groups = scene.named.groups.iter().zip(members);
    let groups = groups.map(|(it, members)| group(it, finished.access_at(members), scene, &namespaces)).collect();
    let mut credentials = Credentials::new();
    let mut servers = Vec::with_capacity(filters.len());
    for (named, filters) in scene.named.servers.iter().zip(filters) {
        servers.push(server(named, filters, &finished, pepper, &mut credentials));
        for fault in &named.connection.unusable {
            faults.void(Kind::McpServer, named.key, fault.clone());
        }
    }
    let Finished { patterns, filters, access, .. } = finished;
    let snapshot = Snapshot {
        settings: WireSettings::default(),
        servers,
        groups,
        patterns,
        filters,
        access,
        namespaces,
        callers,
        anonymous,
    };
    (snapshot, credentials)
}

fn parts(scene: Scene, uses: &[AccessIndex], tables: &mut Tables) -> Parts {
    let filters = scene.named.servers.iter().map(|server| own_filters(&server.object.spec, tables)).collect();
    let members = scene.members.iter().map(|members| tables.unite(members.iter().map(|it| it.way).collect())).collect();

    let bindings = || scene.subjects.bindings.iter().zip(scene.standings).zip(uses);
    let suspended = |binding: &Binding| binding.spec.suspend == Some(true);
    let credentialed = || {
        bindings().filter(|((binding, _), _)| match &binding.token {
            // A caller none of whose keys can be used is nobody.
            None => !binding.keys.is_empty() && !suspended(binding),
            Some(TokenSubject::Claims(_)) => !suspended(binding),
            // Who is suspended is not to be taken for another.
            Some(TokenSubject::User(_) | TokenSubject::ServiceAccount(_)) => true,
        })
    };
    let anonymous = || {
        bindings()
            .filter(|((binding, _), _)| binding.spec.subject.type_ == SubjectType::Anonymous && !suspended(binding))
    };
    let both = credentialed().chain(anonymous());
    let namespaces: BTreeSet<&str> = both.map(|((binding, _), _)| binding.key.namespace.as_str()).collect();
    let number: BTreeMap<&str, NamespaceIndex> = namespaces.iter().copied().zip(0..).collect();
    let caller = |((binding, standing), access): ((&Binding, &Standing), &AccessIndex)| Caller {
        id: binding.key.to_string(),
        namespace: number[binding.key.namespace.as_str()],
        expires: standing.expires,
        access_until: standing.parents_until,
        access: *access,
        keys: binding.keys.clone(),
        token: binding.token.clone(),
        suspended: suspended(binding),
    };
    let mut callers: Vec<Caller> = credentialed().map(caller).collect();
    callers.sort_by(|one, next| one.id.cmp(&next.id));
    let anonymous = anonymous().map(caller).next();
    Parts { filters, members, callers, anonymous, namespaces: namespaces.iter().map(ToString::to_string).collect() }
}

fn own_filters(spec: &McpServerSpec, tables: &mut Tables) -> ByKind<ServerFilter> {
    let mut list = |globs: Option<&Vec<String>>| globs.map(|globs| tables.patterns(globs));
    let mut filter = |allow, deny| ServerFilter { allow: list(allow), deny: list(deny) };
    let (tools, prompts, resources) = (spec.tools.as_ref(), spec.prompts.as_ref(), spec.resources.as_ref());
    ByKind {
        tools: filter(tools.and_then(|it| it.allow.as_ref()), tools.and_then(|it| it.deny.as_ref())),
        prompts: filter(prompts.and_then(|it| it.allow.as_ref()), prompts.and_then(|it| it.deny.as_ref())),
        resources: filter(resources.and_then(|it| it.allow.as_ref()), resources.and_then(|it| it.deny.as_ref())),
    }
}

fn group(group: &NamedGroup, members: AccessIndex, scene: Scene, namespaces: &[String]) -> Group {
    let admitted = namespaces.iter().zip(0..).filter(|(namespace, _)| group.admits(scene.consent, namespace));
    Group {
        id: group.key.to_string(),
        name: group.name.clone(),
        norm: group.norm.clone(),
        members,
        admits: admitted.map(|(_, number)| number).collect(),
    }
}

fn server(
    named: &NamedServer,
    filters: ByKind<ServerFilter>,
    finished: &Finished,
    pepper: &Pepper,
    credentials: &mut Credentials,
) -> Server {
    let spec = &named.object.spec;
    let connection = &named.connection;
    let id = named.key.to_string();
    let off = !connection.unusable.is_empty();
    let mut transport = connection.transport.clone();
    if off && let Transport::Http { origin, .. } = &mut transport {
        origin.clear();
    }
    let secrets = &connection.secrets;
    let credential = (!off && *secrets != Secrets::default()).then(|| fingerprint(pepper, &id, secrets));
    credentials.extend(credential.map(|fingerprint| (fingerprint, secrets.clone())));
    let (max_concurrent_calls, max_response_bytes) = limits(spec);
    Server {
        id,
        alias: named.alias.clone(),
        prefix: named.prefix.clone(),
        names: named.names.clone(),
        transport,
        auth: connection.auth.clone(),
        credential,
        off,
        sessions: match spec.session_mode {
            SessionMode::PerCaller => snapshot::SessionMode::PerCaller,
            SessionMode::Shared => snapshot::SessionMode::Shared,
            SessionMode::PerClient => snapshot::SessionMode::PerClient,
        },
        timeouts: timeouts(spec.timeouts.as_ref()),
        max_concurrent_calls,
        max_response_bytes,
        filters: filters.map(|ServerFilter { allow, deny }| ServerFilter {
            allow: allow.map(|list| finished.pattern_at(list)),
            deny: deny.map(|list| finished.pattern_at(list)),
        }),
        uri_prefix: spec.resources.as_ref().and_then(|resources| resources.uri_prefix.clone()),
        cost: spec.cost.as_ref().map(cost),
        internal: spec.exposure == Some(Exposure::Internal),
    }
}
