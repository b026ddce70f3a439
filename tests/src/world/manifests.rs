//! A world as the manifests that a person would write. JSON text is valid
//! YAML, so each document is built and printed as JSON.

use std::fmt::Write as _;

use base64::Engine as _;
use serde_json::{Map, Value, json};
use sha2::{Digest as _, Sha256};

use super::{
    Binding, Consent, Entry, Filter, Flaw, From, Group, KeyEntry, KeySource, Labels, Meta, Operator, Reference, Secret,
    SecretRef, Selector, Server, Subject, Term, Transport, World,
};

const API_VERSION: &str = "switchboard.dev/v1alpha1";

impl World {
    /// The world as (file name, text): two YAML files of several documents, one in a folder, and a JSON `List`.
    pub fn manifests(&self) -> Vec<(String, String)> {
        let mut files: [Vec<Value>; 3] = [Vec::new(), Vec::new(), Vec::new()];
        for (index, document) in self.documents().into_iter().enumerate() {
            files[index % 3].push(document);
        }
        let [mut first, second, third] = files;
        first.extend(self.settings());
        let joined = |documents: Vec<Value>| documents.iter().map(Value::to_string).collect::<Vec<_>>().join("\n---\n");
        let list = json!({"apiVersion": "v1", "kind": "List", "items": third});
        vec![
            ("first.yaml".to_owned(), joined(first)),
            ("folder/second.yml".to_owned(), joined(second)),
            ("third.json".to_owned(), list.to_string()),
        ]
        .into_iter()
        .filter(|(_, text)| !text.is_empty())
        .collect()
    }

    /// Every object but the settings, one document each.
    pub fn documents(&self) -> Vec<Value> {
        let namespaces = self.namespaces.iter().map(|(name, labels)| {
            json!({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": name, "labels": labels}})
        });
        namespaces
            .chain(self.secrets.iter().map(secret))
            .chain(self.servers.iter().map(server))
            .chain(self.groups.iter().map(group))
            .chain(self.bindings.iter().map(binding))
            .collect()
    }

    /// The settings document, if there is anything to say.
    pub fn settings(&self) -> Option<Value> {
        let settings = &self.settings;
        let ties = (!settings.organization_of.is_empty()).then_some(&settings.organization_of);
        let mut stdio = Map::new();
        put(&mut stdio, "namespaces", settings.stdio_namespaces.as_ref());
        put(&mut stdio, "commands", settings.stdio_commands.as_ref());
        let mut fields = Map::new();
        put(&mut fields, "platformNamespaces", settings.platform_namespaces.as_ref());
        put(&mut fields, "organizationOf", ties);
        put(&mut fields, "separator", settings.separator.as_ref());
        put(&mut fields, "maxToolNameLength", settings.max_tool_name_length);
        put(&mut fields, "bareNaming", settings.bare_namespaces.as_ref().map(|names| json!({"namespaces": names})));
        put(&mut fields, "stdio", (!stdio.is_empty()).then_some(stdio));
        if fields.is_empty() {
            return None;
        }
        put(&mut fields, "apiVersion", Some(API_VERSION));
        put(&mut fields, "kind", Some("Settings"));
        Some(Value::Object(fields))
    }
}

/// Adds a member, unless it is absent.
fn put(fields: &mut Map<String, Value>, name: &str, value: Option<impl serde::Serialize>) {
    if let Some(value) = value {
        fields.insert(name.to_owned(), json!(value));
    }
}

/// A list that is left out where it is empty.
fn filled<T>(items: &[T], render: impl Fn(&T) -> Value) -> Option<Vec<Value>> {
    (!items.is_empty()).then(|| items.iter().map(render).collect())
}

fn secret(secret: &Secret) -> Value {
    let labels = if secret.labelled { json!({"switchboard.dev/use": "credential"}) } else { json!({}) };
    let data: Labels = secret
        .data
        .iter()
        .map(|(key, value)| (key.clone(), base64::engine::general_purpose::STANDARD.encode(value)))
        .collect();
    json!({
        "apiVersion": "v1", "kind": "Secret", "data": data,
        "metadata": {"namespace": secret.id.namespace, "name": secret.id.name, "labels": labels},
    })
}

/// An object of ours. One in `default` is written without a namespace, which means the same.
fn object(kind: &str, meta: &Meta, spec: &Map<String, Value>) -> Value {
    let mut metadata = Map::new();
    put(&mut metadata, "name", Some(&meta.name));
    put(&mut metadata, "namespace", (meta.namespace != "default").then_some(&meta.namespace));
    put(&mut metadata, "creationTimestamp", meta.created.map(timestamp));
    put(&mut metadata, "labels", (!meta.labels.is_empty()).then_some(&meta.labels));
    json!({"apiVersion": API_VERSION, "kind": kind, "metadata": metadata, "spec": spec})
}

fn server(server: &Server) -> Value {
    let mut spec = Map::new();
    put(&mut spec, "alias", server.alias.as_ref());
    let mut naming = Map::new();
    put(&mut naming, "type", server.bare.then_some("Bare"));
    put(&mut naming, "prefix", server.prefix.as_ref());
    put(&mut spec, "naming", (!naming.is_empty()).then_some(naming));
    match &server.transport {
        Transport::Http { url_from, bearer_from } => {
            let http = match url_from {
                Some(from) => json!({"urlFrom": secret_key_ref(from)}),
                None => json!({"url": format!("http://{}.example/mcp", server.meta.name)}),
            };
            put(&mut spec, "http", Some(http));
            let auth = bearer_from
                .as_ref()
                .map(|from| json!({"type": "Bearer", "bearer": {"valueFrom": secret_key_ref(from)}}));
            put(&mut spec, "auth", auth);
        }
        Transport::Stdio { command, env_from } => {
            let mut stdio = Map::new();
            put(&mut stdio, "command", Some(command));
            let env = env_from.as_ref().map(|from| json!([{"name": "TOKEN", "valueFrom": secret_key_ref(from)}]));
            put(&mut stdio, "env", env);
            put(&mut spec, "stdio", Some(stdio));
        }
    }
    put(&mut spec, "access", server.all_keys.then_some("AllKeys"));
    put(&mut spec, "accessGroups", filled(&server.access_groups, |one| reference(one).into()));
    put(&mut spec, "allowedNamespaces", server.allowed_namespaces.as_ref().map(consent));
    put(&mut spec, "tools", filter(&server.tools));
    put(&mut spec, "prompts", filter(&server.prompts));
    put(&mut spec, "resources", filter(&server.resources));
    match server.meta.flaw {
        Some(Flaw::MemberMissing) => {
            spec.remove("http");
            spec.remove("stdio");
        }
        Some(Flaw::MemberTwice) => {
            put(&mut spec, "http", Some(json!({"url": "http://second.example/mcp"})));
            put(&mut spec, "stdio", Some(json!({"command": "second"})));
        }
        other => spoil(&mut spec, "allowedNamespaces", other),
    }
    object("McpServer", &server.meta, &spec)
}

/// A filter, unless it says nothing.
fn filter(filter: &Filter) -> Option<Map<String, Value>> {
    let mut fields = Map::new();
    put(&mut fields, "allow", filter.allow.as_ref());
    put(&mut fields, "deny", filter.deny.as_ref());
    (!fields.is_empty()).then_some(fields)
}

fn group(group: &Group) -> Value {
    let mut spec = Map::new();
    put(&mut spec, "groupName", group.group_name.as_ref());
    put(&mut spec, "servers", filled(&group.servers, entry));
    put(&mut spec, "selector", group.selector.as_ref().map(selector));
    put(&mut spec, "joinFrom", group.join_from.as_ref().map(consent));
    put(&mut spec, "allowedNamespaces", group.allowed_namespaces.as_ref().map(consent));
    spoil(&mut spec, "allowedNamespaces", group.meta.flaw);
    object("McpAccessGroup", &group.meta, &spec)
}

fn binding(binding: &Binding) -> Value {
    let mut spec = Map::new();
    put(&mut spec, "subject", Some(subject(&binding.subject, binding.meta.flaw)));
    put(&mut spec, "user", binding.user.as_ref());
    put(&mut spec, "team", binding.team.as_ref());
    put(&mut spec, "organization", binding.organization.as_ref());
    let grants = binding.grants.as_ref().map(|grants| {
        let mut fields = Map::new();
        put(&mut fields, "servers", filled(&grants.servers, entry));
        put(&mut fields, "accessGroups", filled(&grants.access_groups, |one| reference(one).into()));
        fields
    });
    put(&mut spec, "grants", grants);
    put(&mut spec, "joinFrom", binding.join_from.as_ref().map(consent));
    put(&mut spec, "expirationTime", binding.expires.map(timestamp));
    put(&mut spec, "suspend", binding.suspend.then_some(true));
    spoil(&mut spec, "joinFrom", binding.meta.flaw);
    object("McpKeyBinding", &binding.meta, &spec)
}

fn subject(subject: &Subject, flaw: Option<Flaw>) -> Value {
    let (type_, member, value) = match subject {
        Subject::Key(entries) => ("Key", "keys", json!(entries.iter().map(key).collect::<Vec<_>>())),
        Subject::Team(name) => ("Team", "team", json!(name)),
        Subject::Organization(name) => ("Organization", "organization", json!(name)),
        Subject::User(name) => ("User", "user", json!(name)),
        Subject::ServiceAccount(account) => ("ServiceAccount", "serviceAccount", Value::Object(reference(account))),
        Subject::Claims(claims) => {
            let claims = claims.iter().map(|(claim, values)| json!({"claim": claim, "values": values}));
            ("Claims", "claims", json!(claims.collect::<Vec<_>>()))
        }
        Subject::Anonymous => ("Anonymous", "", Value::Null),
    };
    let mut fields = Map::new();
    put(&mut fields, "type", Some(type_));
    put(&mut fields, member, (!member.is_empty() && flaw != Some(Flaw::MemberMissing)).then_some(value));
    if flaw == Some(Flaw::MemberTwice) || (flaw == Some(Flaw::MemberMissing) && member.is_empty()) {
        put(&mut fields, if member == "team" { "user" } else { "team" }, Some("second"));
    }
    Value::Object(fields)
}

fn key(entry: &KeyEntry) -> Value {
    let mut fields = Map::new();
    put(&mut fields, "name", Some(&entry.name));
    match &entry.source {
        KeySource::Sha256(plain) => {
            let digest = Sha256::digest(plain.as_bytes()).iter().fold(String::new(), |mut text, byte| {
                let _ = write!(text, "{byte:02x}");
                text
            });
            put(&mut fields, "sha256", Some(digest));
        }
        KeySource::Secret(from) => put(&mut fields, "valueFrom", Some(secret_key_ref(from))),
    }
    put(&mut fields, "expirationTime", entry.expires.map(timestamp));
    Value::Object(fields)
}

/// Puts a flaw that any kind can have into a spec; `field` is one of its consents.
fn spoil(spec: &mut Map<String, Value>, field: &str, flaw: Option<Flaw>) {
    let (field, value) = match flaw {
        Some(Flaw::UnknownField) => ("grnts", json!({})),
        Some(Flaw::SelectorMissing) => (field, json!({"from": "Selector"})),
        Some(Flaw::SelectorWithoutTerm) => (field, json!({"from": "Selector", "selector": {}})),
        Some(Flaw::EmptyTerms) => (field, json!({"from": "Selector", "selector": {"matchExpressions": []}})),
        Some(Flaw::MemberMissing | Flaw::MemberTwice) | None => return,
    };
    put(spec, field, Some(value));
}

fn secret_key_ref(from: &SecretRef) -> Value {
    json!({"secretKeyRef": {"name": from.name, "key": from.key}})
}

fn reference(reference: &Reference) -> Map<String, Value> {
    let mut fields = Map::new();
    put(&mut fields, "name", Some(&reference.name));
    put(&mut fields, "namespace", (!reference.namespace.is_empty()).then_some(&reference.namespace));
    fields
}

fn entry(entry: &Entry) -> Value {
    let mut fields = reference(&entry.server);
    put(&mut fields, "tools", entry.tools.as_ref());
    put(&mut fields, "prompts", entry.prompts.as_ref());
    put(&mut fields, "resources", entry.resources.as_ref());
    Value::Object(fields)
}

fn consent(consent: &Consent) -> Value {
    let from = match consent.from {
        From::Same => "Same",
        From::All => "All",
        From::Selector => "Selector",
    };
    let mut fields = Map::new();
    put(&mut fields, "from", Some(from));
    put(&mut fields, "selector", consent.selector.as_ref().map(selector));
    Value::Object(fields)
}

fn selector(selector: &Selector) -> Value {
    let mut fields = Map::new();
    put(&mut fields, "matchLabels", selector.labels.as_ref());
    let terms = selector.terms.as_ref().map(|terms| terms.iter().map(term).collect::<Vec<_>>());
    put(&mut fields, "matchExpressions", terms);
    Value::Object(fields)
}

fn term(term: &Term) -> Value {
    let operator = match term.operator {
        Operator::In => "In",
        Operator::NotIn => "NotIn",
        Operator::Exists => "Exists",
        Operator::DoesNotExist => "DoesNotExist",
    };
    let mut fields = Map::new();
    put(&mut fields, "key", Some(&term.key));
    put(&mut fields, "operator", Some(operator));
    put(&mut fields, "values", (!term.values.is_empty()).then_some(&term.values));
    Value::Object(fields)
}

/// Unix seconds as RFC 3339 in UTC. Days to a date as in the proleptic Gregorian calendar.
fn timestamp(seconds: i64) -> String {
    let (mut days, rest) = (seconds.div_euclid(86_400), seconds.rem_euclid(86_400));
    let leap = |year: i64| (year % 4 == 0 && year % 100 != 0) || year % 400 == 0;
    let mut year = 1970;
    while days >= 365 + i64::from(leap(year)) {
        days -= 365 + i64::from(leap(year));
        year += 1;
    }
    let lengths = [31, 28 + i64::from(leap(year)), 31, 30, 31, 30, 31, 31, 30, 31, 30, 31];
    let mut month = 0;
    while days >= lengths[month] {
        days -= lengths[month];
        month += 1;
    }
    let (hour, minute, second) = (rest / 3600, rest / 60 % 60, rest % 60);
    format!("{year:04}-{:02}-{:02}T{hour:02}:{minute:02}:{second:02}Z", month + 1, days + 1)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn timestamps_are_rfc_3339() {
        assert_eq!(timestamp(0), "1970-01-01T00:00:00Z");
        assert_eq!(timestamp(951_827_696), "2000-02-29T12:34:56Z");
        assert_eq!(timestamp(1_767_225_599), "2025-12-31T23:59:59Z");
    }

    #[test]
    fn every_object_stands_in_exactly_one_file() {
        for seed in 0..50 {
            let world = World::random(seed);
            let mut found = 0;
            for (name, text) in world.manifests() {
                for document in text.split("\n---\n") {
                    let value: Value = serde_json::from_str(document).unwrap();
                    found += if name.ends_with("json") { value["items"].as_array().unwrap().len() } else { 1 };
                }
            }
            assert_eq!(found, world.documents().len() + usize::from(world.settings().is_some()));
        }
    }
}
