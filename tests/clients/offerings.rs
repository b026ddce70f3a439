//! Prompts, resources, templates and completions: what a client gets through the gateway is what it gets from the
//! server itself, but for the names.
//!
//! Three servers list the same URIs. The first keeps them, the others' go by their qualified form (R11).

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Value, json};

use crate::driver::{Ask, Client, Job, headers, run};
use crate::matrix::{Key, TRANSPORTS, World};

/// Each client in each era that it knows; the era is what it is told, and the version what it should end up with.
const CLIENTS: [(Client, Option<&str>, &str); 5] = [
    (Client::Python2, Some("modern"), "2026-07-28"),
    (Client::Python2, Some("legacy"), "2025-11-25"),
    (Client::TypeScript1, None, "2025-11-25"),
    (Client::Rmcp, Some("modern"), "2026-07-28"),
    (Client::Rmcp, Some("legacy"), "2025-11-25"),
];

/// The lists, and the member of their entries that the gateway maps.
const LISTS: [(&str, &str); 3] =
    [("prompts/list", "name"), ("resources/list", "uri"), ("resources/templates/list", "uriTemplate")];
const TEXT: &str = "demo://resource/dynamic/text/7";
const BINARY: &str = "demo://resource/dynamic/blob/7";
const TEMPLATE: &str = "demo://resource/dynamic/text/{resourceId}";
/// The last words before the time in what the server makes on demand; what follows differs from read to read.
const MADE_AT: &str = "created at ";

#[test]
fn r11_prompts_resources_and_completions_are_those_of_the_server_under_their_published_names() {
    let world = World::start("offerings");
    for (client, era, version) in CLIENTS {
        // The server itself is of the old era.
        let direct = job("direct", &world.direct, None, era.map(|_| "legacy"));
        let [direct] = <[_; 1]>::try_from(run(client, &[direct])).unwrap();
        assert_eq!(direct.error, None, "{client}, without a gateway");
        let (lists, rest) = settled(direct.answers);
        assert_complete(client, &lists, &rest);

        let jobs = TRANSPORTS.map(|transport| job(transport, &world.mcp, Some(transport), era));
        for (transport, answer) in TRANSPORTS.into_iter().zip(run(client, &jobs)) {
            let case = format!("{client} {era:?} {transport}");
            assert_eq!(answer.error, None, "{case}");
            assert_eq!(answer.protocol.as_deref(), Some(version), "{case}");
            let (got_lists, got_rest) = settled(answer.answers);
            for (got, (native, (method, member))) in got_lists.iter().zip(lists.iter().zip(LISTS)) {
                let of_all = TRANSPORTS.iter().flat_map(|server| published(native, server, member));
                assert_eq!(*got, of_all.collect::<Vec<_>>(), "{case} {method}");
            }
            for ((got, native), asked) in got_rest.iter().zip(&rest).zip(&jobs[0].ask[LISTS.len()..]) {
                let mut expected = native.clone();
                if asked.method == "resources/read" {
                    expected = published(native.as_array().unwrap(), transport, "uri").collect();
                }
                assert_eq!(*got, expected, "{case} {asked:?}");
            }
            assert_eq!(got_rest.len(), rest.len(), "{case}");
        }
    }
}

/// Lists all of every kind; then gets, reads and completes of one server, or of the one that is asked directly.
fn job(name: &str, url: &str, server: Option<&str>, era: Option<&'static str>) -> Job {
    let prompt = |native: &str| server.map_or(native.to_owned(), |server| published_name("name", native, server));
    let uri = |native: &str| server.map_or(native.to_owned(), |server| published_name("uri", native, server));
    let completable = json!({"type": "ref/prompt", "name": prompt("completable-prompt")});
    let read = |native: &str| ("resources/read", json!({"uri": uri(native)}));
    let asked = [
        ("prompts/get", json!({"name": prompt("simple-prompt"), "arguments": {}})),
        ("prompts/get", json!({"name": prompt("args-prompt"), "arguments": {"city": "Köln", "state": "\"NRW\""}})),
        read("demo://resource/static/document/features.md"),
        read(TEXT),
        read(BINARY),
        ("completion/complete", json!({"ref": completable, "argument": {"name": "department", "value": "S"}})),
        (
            "completion/complete",
            json!({
                "ref": completable, "argument": {"name": "name", "value": ""},
                "context": {"arguments": {"department": "Sales"}},
            }),
        ),
        (
            "completion/complete",
            json!({
                "ref": {"type": "ref/resource", "uri": uri(TEMPLATE)},
                "argument": {"name": "resourceId", "value": "12"},
            }),
        ),
    ];
    let lists = LISTS.map(|(method, _)| (method, json!({})));
    let ask = lists.into_iter().chain(asked).map(|(method, params)| Ask { method, params }).collect();
    Job { list: false, ask, era, ..Job::listing(name, url, headers([("x-litellm-api-key", Key::Wide.text())])) }
}

/// What callers know an entry by: prompts by the server's prefix, URIs as they are where the server comes first, and
/// else with their server's name.
fn published_name(member: &str, native: &str, server: &str) -> String {
    match (member, server) {
        ("name", _) => format!("ev_{server}-{native}"),
        (_, first) if first == TRANSPORTS[0] => native.to_owned(),
        _ => format!("switchboard:ev_{server}:{native}"),
    }
}

/// Entries with the member that names them as the gateway publishes it.
fn published(native: &[Value], server: &str, member: &str) -> impl Iterator<Item = Value> {
    native.iter().map(move |entry| {
        let mut entry = entry.clone();
        entry[member] = published_name(member, entry[member].as_str().unwrap(), server).into();
        entry
    })
}

/// The lists, and the other answers without the time at which the server made them.
fn settled(mut answers: Vec<Value>) -> (Vec<Vec<Value>>, Vec<Value>) {
    let mut rest = answers.split_off(LISTS.len());
    for content in rest.iter_mut().filter_map(Value::as_array_mut).flatten() {
        if let Some(blob) = content.get("blob") {
            let bytes = STANDARD.decode(blob.as_str().unwrap()).unwrap();
            content["blob"] = without_time(&String::from_utf8(bytes).unwrap()).into();
        }
        if let Some(text) = content.get("text").and_then(Value::as_str) {
            content["text"] = without_time(text).into();
        }
    }
    (answers.into_iter().map(|list| list.as_array().unwrap().clone()).collect(), rest)
}

fn without_time(text: &str) -> &str {
    text.find(MADE_AT).map_or(text, |at| &text[..at + MADE_AT.len()])
}

/// That the server itself gives something of everything, so that equal answers say something.
fn assert_complete(client: Client, lists: &[Vec<Value>], rest: &[Value]) {
    assert_eq!(lists.len(), LISTS.len(), "{client}");
    assert!(lists.iter().all(|list| list.len() > 1), "{client}: {lists:?}");
    let [simple, with_arguments, document, text, binary, departments, names, ids] = rest else {
        panic!("{client}: {rest:?}");
    };
    assert_eq!(simple[0]["content"]["text"], "This is a simple prompt without arguments.", "{client}");
    assert_eq!(with_arguments[0]["content"]["text"], "What's weather in Köln, \"NRW\"?", "{client}");
    assert!(document[0]["text"].as_str().unwrap().len() > 1000, "{client}: {document}");
    assert_eq!(text[0]["text"], format!("Resource 7: This is a plaintext resource {MADE_AT}"), "{client}");
    assert_eq!(binary[0]["blob"], format!("Resource 7: This is a base64 blob {MADE_AT}"), "{client}");
    assert_eq!(departments["values"], json!(["Sales", "Support"]), "{client}");
    assert_eq!(names["values"], json!(["David", "Eve", "Frank"]), "{client}");
    assert_eq!(ids["values"], json!(["12"]), "{client}");
}
