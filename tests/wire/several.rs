//! Several scripted servers behind one Switchboard, and what callers list of them.

use serde_json::{Value, json};
use tests::client::{Answer, Client};
use tests::manifests::Manifests;
use tests::process::{Options, Switchboard};
use tests::upstream::{Script, Upstream};

use super::scene::{KEY, Transport, server};

/// The four lists: the method, the member of the result, what an entry goes by.
pub(crate) const LISTS: [(&str, &str, &str); 4] = [
    ("tools/list", "tools", "name"),
    ("prompts/list", "prompts", "name"),
    ("resources/list", "resources", "uri"),
    ("resources/templates/list", "resourceTemplates", "uriTemplate"),
];

/// Shared servers over Streamable HTTP, in the order of their names; [`KEY`] may use all of them, whole.
pub(crate) struct Several {
    pub(crate) upstreams: Vec<Upstream>,
    pub(crate) switchboard: Switchboard,
    _manifests: Manifests,
}

impl Several {
    /// These servers: name, behaviour, what its manifest says besides.
    pub(crate) fn of<'n>(servers: impl IntoIterator<Item = (&'n str, Script, Value)>) -> Self {
        Self::with_keys(servers, &[])
    }

    /// The same with further keys, each with its entries of servers.
    pub(crate) fn with_keys<'n>(
        servers: impl IntoIterator<Item = (&'n str, Script, Value)>,
        keys: &[(&str, Value)],
    ) -> Self {
        let manifests = Manifests::default();
        let (mut upstreams, mut names) = (Vec::new(), Vec::new());
        for (name, script, spec) in servers {
            let upstream = Upstream::start(script);
            manifests.server(name, &server(Transport::Http, &upstream, &json!(null), &spec));
            upstreams.push(upstream);
            names.push(name);
        }
        manifests.key("scene", KEY, &names);
        for (at, (key, entries)) in keys.iter().enumerate() {
            manifests.key_with(&format!("key-{at}"), key, &json!({"servers": entries}));
        }
        let switchboard = Switchboard::start_ready(manifests.path(), &Options::default());
        Self { upstreams, switchboard, _manifests: manifests }
    }

    /// A server that lists more to each credential, an entry of its name; and clients by theirs: of two who bring one,
    /// and of who comes by the server's own.
    pub(crate) fn by_credential(script: Script) -> (Self, Vec<(&'static str, Client)>) {
        let auth = json!({"type": "Bearer", "bearer": {"value": "house"}, "clientSide": "Replace"});
        let script = Script { caller_header: Some("authorization".to_owned()), ..script };
        let scene = Self::of([("up", script, json!({"auth": auth}))]);
        let own = ["alice", "bob"].map(|name| (name, scene.client().header("x-mcp-auth", name)));
        let clients = own.into_iter().chain([("house", scene.client())]).collect();
        (scene, clients)
    }

    /// A client with [`KEY`], without a session.
    pub(crate) fn client(&self) -> Client {
        self.client_of(KEY)
    }

    /// A client with this key, without a session.
    pub(crate) fn client_of(&self, key: &str) -> Client {
        Client::new(&self.switchboard.mcp).key(key)
    }

    /// How often these methods were POSTed to all servers together.
    pub(crate) fn posts(&self, method: &str) -> u64 {
        self.upstreams.iter().map(|upstream| upstream.posts(method)).sum()
    }

    /// How often anything was.
    pub(crate) fn all_posts(&self) -> u64 {
        self.upstreams.iter().map(Upstream::all_posts).sum()
    }
}

/// What the entries of a list go by.
pub(crate) async fn listed(client: &mut Client, method: &str) -> Vec<String> {
    let answer = client.request(method, "{}").await;
    names(method, &answer)
}

/// What the entries of a list that came as this answer go by.
pub(crate) fn names(method: &str, answer: &Answer) -> Vec<String> {
    let (_, member, name) = LISTS.iter().find(|(known, ..)| *known == method).unwrap();
    let json = answer.json();
    let entries = json["result"][member].as_array().unwrap_or_else(|| panic!("a list: {json}"));
    assert!(json["result"]["nextCursor"].is_null(), "a list is one page: {json}");
    entries.iter().map(|entry| entry[name].as_str().unwrap().to_owned()).collect()
}

/// Asks for a prompt, without arguments.
pub(crate) async fn get(client: &mut Client, name: &str) -> Answer {
    client.request("prompts/get", &json!({"name": name}).to_string()).await
}

/// Asks for a resource.
pub(crate) async fn read(client: &mut Client, uri: &str) -> Answer {
    client.request("resources/read", &json!({"uri": uri}).to_string()).await
}

/// The response's own bytes, as text: what holds 1e400 is no JSON to the tests' reader.
pub(crate) fn text(answer: &Answer) -> String {
    String::from_utf8(answer.message().to_vec()).unwrap()
}
