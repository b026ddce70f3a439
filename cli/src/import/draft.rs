//! A server under way: its object, and the Secret that holds what may be a secret of it.
//!
//! Every value comes through here, so that one rule decides what may be read by many: what is not obviously harmless goes
//! into the Secret, and the object refers to it.

use std::collections::BTreeMap;

use crds::names::{default_name, norm};
use crds::v1alpha1::USE_LABEL;
use percent_encoding::percent_decode_str;
use serde_json::{Map, Value, json};

use super::Import;
use super::value::{REPLACE_ME, fill, is_callers_header, is_plain, is_plain_url, is_secret_name, looks_secret};

/// A server under way.
pub(super) struct Draft<'i> {
    pub(super) import: &'i mut Import,
    /// Where it stands in the file that is read.
    pub(super) at: String,
    /// `metadata.name`.
    pub(super) name: String,
    /// The published name.
    pub(super) alias: String,
    pub(super) spec: Map<String, Value>,
    secrets: BTreeMap<String, String>,
}

/// What stood in a file as a mapping of names to texts.
pub(super) type Texts = Vec<(String, String)>;

impl<'i> Draft<'i> {
    /// Begins the server that was called `original`, and `published` by whoever named it for callers.
    pub(super) fn begin(import: &'i mut Import, at: String, original: &str, published: &str) -> Self {
        let name = import.names.object("McpServer", original);
        let alias = import.names.alias(published);
        let mut draft = Self { import, at, name, alias, spec: Map::new(), secrets: BTreeMap::new() };
        if norm(&draft.alias) != norm(published) {
            let words =
                "is its name for callers: the one it had is taken, too long, or not made of letters, digits and _";
            draft.say("", format!("`{}` {words}", draft.alias));
        }
        if draft.alias != default_name(&draft.name) {
            draft.spec.insert("alias".to_owned(), json!(draft.alias));
        }
        draft
    }

    /// Reports what has no counterpart, at a field of the server as it stood.
    pub(super) fn say(&mut self, field: &str, message: impl Into<String>) {
        let at = if field.is_empty() { self.at.clone() } else { format!("{}.{field}", self.at) };
        self.import.report.say(&at, message);
    }

    /// The server as a child process.
    pub(super) fn stdio(&mut self, command: &str, args: &[String], env: &Texts) {
        for (index, text) in std::iter::once(command).chain(args.iter().map(String::as_str)).enumerate() {
            let field = if index == 0 { "command".to_owned() } else { format!("args[{}]", index - 1) };
            let follows = index > 1 && args[index - 2].starts_with('-') && is_secret_name(&args[index - 2]);
            if !fill(text).open.is_empty() || !fill(text).defaulted.is_empty() {
                self.say(&field, "refers to something that is not looked up here: write the value itself in its place");
            } else if follows && !text.starts_with('-') || looks_secret(text) {
                self.say(&field, "looks like a secret, and arguments are public: give it to the server in `stdio.env`, if it takes it there");
            }
        }
        let mut stdio = json!({ "command": command });
        if !args.is_empty() {
            stdio["args"] = json!(args);
        }
        let env: Vec<Value> = env.iter().map(|(name, value)| self.named("env", name, value)).collect();
        if !env.is_empty() {
            stdio["env"] = json!(env);
        }
        self.spec.insert("stdio".to_owned(), stdio);
    }

    /// The server behind a URL.
    pub(super) fn http(&mut self, url: &str) {
        let mut url = url.split('#').next().unwrap_or_default().to_owned();
        if let Some((scheme, user, rest)) = with_user(&url) {
            let user = percent_decode_str(user).decode_utf8_lossy().into_owned();
            let without = format!("{scheme}://{rest}");
            let source = self.secret("url", "url-user", &user);
            self.auth("Basic", "basic", &source);
            url = without;
        }
        let filled = fill(&url);
        let is_whole = filled.open.is_empty() && filled.defaulted.is_empty();
        let http = if is_whole && is_plain_url(&url) {
            json!({ "url": url })
        } else {
            json!({ "urlFrom": self.secret("url", "url", &url) })
        };
        self.spec.insert("http".to_owned(), http);
    }

    /// Which wire it speaks; where nothing is said it is found out.
    pub(super) fn transport(&mut self, transport: &str) {
        self.in_http("transport", json!(transport));
    }

    /// A member of `http`.
    pub(super) fn in_http(&mut self, member: &str, value: Value) {
        if let Some(http) = self.spec.get_mut("http") {
            http[member] = value;
        }
    }

    /// Headers of every request; a credential among them becomes the server's auth.
    pub(super) fn headers(&mut self, headers: &Texts) {
        let mut sent = Vec::new();
        for (name, value) in headers {
            if is_the_gateways(name) {
                self.say(&format!("headers.{name}"), "is a header that the gateway writes itself: left out");
            } else if !name.eq_ignore_ascii_case("authorization") {
                sent.push(self.named("headers", name, value));
            } else if self.spec.contains_key("auth") {
                self.say(&format!("headers.{name}"), "left out: the server has another credential for Authorization");
            } else {
                self.authorization(name, value);
            }
        }
        if !sent.is_empty() {
            self.in_http("headers", json!(sent));
        }
    }

    fn authorization(&mut self, name: &str, value: &str) {
        let field = format!("headers.{name}");
        match value.split_once(' ') {
            Some((scheme, token)) if scheme.eq_ignore_ascii_case("bearer") => {
                let source = self.secret(&field, "token", token.trim());
                self.auth("Bearer", "bearer", &source);
            }
            _ => {
                let source = self.secret(&field, "authorization", value);
                self.auth("Authorization", "authorization", &source);
            }
        }
    }

    /// How the gateway authenticates: a type, and its member with a value from the Secret.
    pub(super) fn auth(&mut self, type_: &str, member: &str, source: &Value) {
        let auth = self.spec.entry("auth").or_insert_with(|| json!({}));
        auth["type"] = json!(type_);
        auth[member] = json!({ "valueFrom": source });
    }

    /// An entry of a list of names with values.
    fn named(&mut self, field: &str, name: &str, value: &str) -> Value {
        let filled = fill(value);
        if filled.open.is_empty() && filled.defaulted.is_empty() && (is_plain(name, value) || is_callers_header(value))
        {
            return json!({ "name": name, "value": value });
        }
        json!({ "name": name, "valueFrom": self.secret(&format!("{field}.{name}"), name, value) })
    }

    /// Puts a value into the Secret, without what it refers to, and gives the reference to it.
    pub(super) fn secret(&mut self, field: &str, key: &str, value: &str) -> Value {
        let key: String = key
            .chars()
            .map(|c| if c.is_ascii_alphanumeric() || matches!(c, '.' | '_' | '-') { c } else { '_' })
            .collect();
        // Two headers may differ in what a key cannot say.
        let key = (1..).map(|at| if at == 1 { key.clone() } else { format!("{key}-{at}") });
        let key = key.into_iter().find(|key| !self.secrets.contains_key(key)).unwrap_or_default();
        let secret = self.secret_name();
        let filled = fill(value);
        for reference in filled.open {
            let is = self.import.inputs.get(reference.trim_start_matches("input:"));
            let is = is.map_or_else(String::new, |is| format!(" ({is})"));
            let message = format!(
                "`{reference}`{is} is not looked up here: put its value into key `{key}` of the Secret `{secret}`, where {REPLACE_ME} stands"
            );
            self.say(field, message);
        }
        for reference in filled.defaulted {
            self.say(
                field,
                format!(
                    "`{reference}` is not looked up here: its default stands in key `{key}` of the Secret `{secret}`"
                ),
            );
        }
        let mut text = filled.text;
        if text.is_empty() {
            self.say(
                field,
                format!("is empty: put its value into key `{key}` of the Secret `{secret}`, or take it out"),
            );
            REPLACE_ME.clone_into(&mut text);
        }
        self.secrets.insert(key.clone(), text);
        json!({ "secretKeyRef": { "name": secret, "key": key } })
    }

    fn secret_name(&self) -> String {
        format!("{}-credentials", self.name)
    }

    /// Adds the server to the import; true if it is accepted.
    pub(super) fn finish(self) -> bool {
        let mut objects = vec![self.import.object("McpServer", &self.name, Value::Object(self.spec.clone()))];
        if !self.secrets.is_empty() {
            let mut metadata = self.import.metadata(&self.secret_name());
            metadata["labels"] = json!({ USE_LABEL: "credential" });
            objects.push(
                json!({ "apiVersion": "v1", "kind": "Secret", "metadata": metadata, "stringData": self.secrets }),
            );
        }
        self.import.add(&self.at, objects)
    }
}

/// Scheme, user, and the rest of a URL that has a user in it.
fn with_user(url: &str) -> Option<(&str, &str, &str)> {
    let (scheme, rest) = url.split_once("://")?;
    let host = &rest[..rest.find(['/', '?']).unwrap_or(rest.len())];
    let (user, _) = host.rsplit_once('@')?;
    Some((scheme, user, &rest[user.len() + 1..]))
}

/// Headers that no server's object may set (R22).
pub(super) fn is_the_gateways(name: &str) -> bool {
    const OWN: [&str; 15] = [
        "accept",
        "accept-encoding",
        "connection",
        "cookie",
        "expect",
        "host",
        "keep-alive",
        "last-event-id",
        "proxy-authenticate",
        "proxy-authorization",
        "proxy-connection",
        "te",
        "trailer",
        "transfer-encoding",
        "upgrade",
    ];
    let name = name.to_ascii_lowercase();
    OWN.contains(&name.as_str()) || name.starts_with("content-") || name.starts_with("mcp-")
}
