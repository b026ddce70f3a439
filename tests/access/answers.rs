//! The product's answers in the oracle's words.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use crds::diagnostic::{ConditionType, Diagnostic, ObjectKey};
use crds::snapshot::{self, ServerIndex};
use gateway::caller::Caller;
use gateway::capabilities::Capabilities;
use gateway::catalogue::List;
use gateway::exchange::{Answer, Exchange};
use gateway::head::Head;
use gateway::identify::Who;
use gateway::index::At;
use gateway::networks::Side;
use gateway::permit::permit;
use gateway::revision::Revision;
use gateway::route::{Target, resource, route, template};
use gateway::scope::Scope;
use gateway::token::{Authority, SERVICE_ACCOUNT_AUDIENCE};
use http::HeaderMap;
use serde_json::Value;
use tests::oracle::{Credential, Identity, Item, Items, Kind, Object, Pair, Token};
use tests::world::{Id, NOW, World};

use crate::product::{Bench, Product};

/// Whom the exchanges say that it is: nothing that these worlds ask of a server looks at it.
static NOBODY: gateway::identify::Identity = gateway::identify::Identity { who: Who::Anonymous, side: Side::Outside };

/// Reasons of each object that is not accepted.
pub(crate) type Refusals = BTreeMap<Object, BTreeSet<&'static str>>;
/// Void references: the object, the field, its place in a list, the reason.
pub(crate) type VoidSet = BTreeSet<(Object, String, usize, &'static str)>;

impl Product {
    /// The objects that are not accepted, each with its reasons.
    pub(crate) fn refusals(&self) -> Refusals {
        let mut refusals = Refusals::new();
        for fault in self.diagnostics.iter().filter(|fault| fault.condition == ConditionType::Accepted) {
            refusals.entry(object(fault)).or_default().insert(fault.reason.as_str());
        }
        refusals
    }

    /// The void references.
    pub(crate) fn voids(&self) -> VoidSet {
        let faults = self.diagnostics.iter().filter(|fault| fault.condition == ConditionType::ResolvedRefs);
        faults
            .map(|fault| {
                let (field, index) = place(&fault.field);
                (object(fault), field, index, fault.reason.as_str())
            })
            .collect()
    }

    /// The caller of a credential.
    pub(crate) fn caller(&self, credential: &Credential) -> Option<Caller<'_>> {
        let table = &self.view.table;
        let who = match credential {
            Credential::None => table.anonymous(NOW).map(|_| Who::Anonymous)?,
            Credential::Key(key) => table.identity_of(key.as_bytes(), NOW)?,
            Credential::Token(said) => {
                let bearer = table.bearer(&Arc::new(token(said))).filter(|bearer| table.is_live(bearer, NOW))?;
                Who::Token(Arc::new(bearer))
            }
        };
        // No server of these worlds asks where a caller is.
        table.caller(&gateway::identify::Identity { who, side: Side::Outside })
    }

    /// Who presents the credential.
    pub(crate) fn identify(&self, credential: &Credential) -> Identity {
        let Some(caller) = self.caller(credential) else { return Identity::Unauthorized };
        let live = caller.bindings().filter(|binding| binding.is_known(NOW));
        Identity::Bindings(live.map(|binding| id(&binding.id)).collect())
    }

    /// Every published name of a list, and what goes by it.
    pub(crate) fn holders(&self, list: List) -> BTreeMap<String, Pair> {
        let index = &self.view.index;
        let mut holders = BTreeMap::new();
        for (server, of_server) in index.servers.iter().enumerate() {
            for (entry, published) in of_server.published(list).iter().enumerate() {
                let at = At { server: server as ServerIndex, entry: entry as u32 };
                if index.is_visible(list, at) {
                    let native = of_server.native(list, at.entry);
                    holders.insert(published.name.clone(), self.pair(at.server, &native.name));
                }
            }
        }
        holders
    }

    /// What the caller may use of all servers and the world's tools, prompts and resources, in this scope.
    pub(crate) fn permitted(&self, world: &World, caller: &Caller<'_>, scope: &Scope) -> Items {
        let mut permitted = Items::new();
        let snapshot = &self.view.table.snapshot;
        for server in 0..self.view.table.servers.len() as ServerIndex {
            for item in items(world) {
                for binding in caller.bindings() {
                    let obstacle = snapshot.obstacle(binding, NOW, server, asked(&item));
                    let allows = snapshot.allows(binding, NOW, server, asked(&item));
                    assert_eq!(obstacle.is_none(), allows, "{} {server} {item:?}: {obstacle:?}", binding.id);
                }
                if permit(&self.view.table, (caller, NOW), scope, server, asked(&item)).is_some() {
                    permitted.insert((id(&self.view.table.snapshot.servers[server as usize].id), item));
                }
            }
        }
        permitted
    }

    /// What the reasons say that the binding's holder may use, of the same, and what of these answers lacks a reason.
    pub(crate) fn explained(&self, world: &World, binding: &Id) -> (Items, Vec<String>) {
        let key = ObjectKey::new(&binding.namespace, &binding.name);
        let snapshot = &self.view.table.snapshot;
        let (mut allowed, mut unsaid) = (Items::new(), Vec::new());
        for server in 0..snapshot.servers.len() as ServerIndex {
            for item in items(world) {
                let why = self.reasons.why(snapshot, &key, NOW, (server, asked(&item)));
                if why.steps.is_empty() {
                    unsaid.push(format!("{server} {item:?}"));
                }
                if why.allowed {
                    allowed.insert((id(&snapshot.servers[server as usize].id), item));
                }
            }
        }
        (allowed, unsaid)
    }

    /// What the rules of a caller's access have, of the same.
    pub(crate) fn ruled(&self, world: &World, caller: &Caller<'_>) -> Items {
        let snapshot = &self.view.table.snapshot;
        let mut found = Items::new();
        for server in 0..snapshot.servers.len() as ServerIndex {
            for access in caller.bindings().filter_map(|binding| binding.access_at(NOW)) {
                let rules = snapshot.effective(access, server);
                let has = |item: &Item| match item {
                    Item::Tool(name) => rules.tools.as_ref().is_some_and(|rule| rule.has(name)),
                    Item::Prompt(name) => rules.prompts.as_ref().is_some_and(|rule| rule.has(name)),
                    Item::Resource(uri) => rules.resources.as_ref().is_some_and(|rule| rule.has(uri)),
                };
                let server = id(&snapshot.servers[server as usize].id);
                found.extend(items(world).filter(has).map(|item| (server.clone(), item)));
            }
        }
        found
    }

    /// The names, or URIs, that a list gives, sorted, with every repetition.
    pub(crate) async fn list(&self, bench: &Bench, (caller, scope): (&Caller<'_>, &Scope), list: List) -> Vec<String> {
        let (head, headers) = (Head::default(), HeaderMap::new());
        let Answer::Message(_, answer) =
            gateway::list::answer(&self.exchange(bench, caller, scope, (&head, &headers)), list, b"1").await
        else {
            panic!("a list is one message");
        };
        let answer: Value = serde_json::from_slice(&answer).unwrap();
        // An error, where all servers of the list are off, lists nothing.
        let entries = answer["result"][list.member()].as_array().into_iter().flatten();
        let member = match list {
            List::Tools | List::Prompts => "name",
            List::Resources => "uri",
            List::Templates => "uriTemplate",
        };
        let mut names: Vec<String> = entries.map(|entry| entry[member].as_str().unwrap().to_owned()).collect();
        names.sort();
        names
    }

    /// What a called name, or a URI that is read or completed, leads to.
    pub(crate) async fn call(
        &self,
        bench: &Bench,
        (caller, scope): (&Caller<'_>, &Scope),
        list: List,
        name: &str,
    ) -> Option<Pair> {
        let (head, headers) = (Head::default(), HeaderMap::new());
        let exchange = self.exchange(bench, caller, scope, (&head, &headers));
        let target = match list {
            List::Tools | List::Prompts => route(&exchange, list, name).await,
            List::Resources => resource(&exchange, name).await,
            List::Templates => template(&exchange, name).await,
        };
        match target {
            Target::Found(found) => {
                assert_eq!(found.permit.server(), found.called.server, "the leave is for what is called");
                Some(self.pair(found.permit.server(), found.called.name()))
            }
            Target::Down(..) => panic!("every server that is on has a catalogue"),
            Target::Unknown => None,
        }
    }

    fn exchange<'r>(
        &'r self,
        bench: &'r Bench,
        caller: &'r Caller<'r>,
        scope: &'r Scope,
        (head, headers): (&'r Head<'r>, &'r HeaderMap),
    ) -> Exchange<'r> {
        let revision = Revision::from_wire(b"2025-06-18").unwrap();
        Exchange {
            gateway: &bench.gateway,
            view: &self.view,
            caller,
            identity: &NOBODY,
            scope,
            head,
            headers,
            path: "/mcp",
            revision,
            session: None,
            capabilities: Capabilities::default(),
            goes_on: &bench.goes_on,
            now: NOW,
        }
    }

    fn pair(&self, server: ServerIndex, native: &str) -> Pair {
        (id(&self.view.table.snapshot.servers[server as usize].id), native.to_owned())
    }
}

/// The world's tools, prompts and resources, of any server.
fn items(world: &World) -> impl Iterator<Item = Item> {
    let all = |items: &[String], item: fn(String) -> Item| items.iter().cloned().map(item).collect::<Vec<_>>();
    let (tools, prompts) = (all(&world.tools, Item::Tool), all(&world.prompts, Item::Prompt));
    [tools, prompts, all(&world.resources, Item::Resource)].concat().into_iter()
}

/// The token as a verified one is.
fn token(said: &Token) -> gateway::token::Token {
    gateway::token::Token {
        authority: Authority::Cluster(SERVICE_ACCOUNT_AUDIENCE.to_owned()),
        taken_back: Arc::default(),
        id: "/token/of-a-test".into(),
        expires: NOW + 1,
        user: said.user.clone(),
        account: said.service_account.as_ref().map(ToString::to_string),
        claims: said.claims.clone(),
    }
}

fn asked(item: &Item) -> snapshot::Item<'_> {
    match item {
        Item::Tool(name) => snapshot::Item::Tool(name),
        Item::Prompt(name) => snapshot::Item::Prompt(name),
        Item::Resource(uri) => snapshot::Item::Resource(uri),
    }
}

fn id(text: &str) -> Id {
    let (namespace, name) = text.split_once('/').unwrap();
    Id::new(namespace, name)
}

fn object(fault: &Diagnostic) -> Object {
    let kind = match fault.kind {
        crds::diagnostic::Kind::McpServer => Kind::Server,
        crds::diagnostic::Kind::McpAccessGroup => Kind::Group,
        crds::diagnostic::Kind::McpKeyBinding => Kind::Binding,
    };
    (kind, Id::new(&fault.object.namespace, &fault.object.name))
}

/// The list or field of a path, as the oracle calls it, and the place in the list.
fn place(path: &str) -> (String, usize) {
    if path == "metadata.namespace" {
        return ("organizationOf".to_owned(), 0);
    }
    if path.ends_with("From") && !path.starts_with("spec.subject.keys") {
        return ("secret".to_owned(), 0);
    }
    let path = path.trim_end_matches(".valueFrom");
    let (list, index) = path.strip_suffix(']').and_then(|path| path.rsplit_once('[')).unwrap_or((path, "0"));
    (list.rsplit('.').next().unwrap().to_owned(), index.parse().unwrap())
}
