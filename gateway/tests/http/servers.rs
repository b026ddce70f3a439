//! All that is kept of one server beside the table: its sessions, and its list.

use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use crds::snapshot::{Caller as Binding, HttpWire};
use gateway::caller::Caller;
use gateway::catalogue::{Catalogue, List, discover};
use gateway::discovery;
use gateway::metrics::Metrics;
use gateway::networks::Side;
use gateway::upstream::stdio::Children;
use gateway::upstream::{CallerPart, Connectors, Upstream};
use gateway::upstreams::ServerUpstreams;
use http::{HeaderName, HeaderValue};
use parking_lot::Mutex;
use serde_json::{Value, json};
use tokio::sync::Notify;

use crate::calls::{MAX_RESPONSE, egress, endpoint};
use crate::server::{
    Script, Seen, Server, Step, chunk, events_head, initialize_result, json_response, response, streamable, until,
};

/// The shortest time between two lists of a server.
const SPACING: Duration = Duration::from_secs(1);

fn upstreams(url: &str, wire: HttpWire) -> Arc<ServerUpstreams> {
    let nowhere = PathBuf::from("/nonexistent");
    let runtime = tokio::runtime::Handle::current();
    let children = Children::new(nowhere.clone(), Vec::new(), nowhere.clone(), nowhere, runtime);
    let connectors = Connectors { egress: egress(), children: Arc::new(children) };
    let metrics = Metrics::new().of_server("tools/scripted");
    Arc::new(ServerUpstreams::new(Arc::new(endpoint(url, wire)), Arc::new(connectors), metrics))
}

fn caller(id: &str) -> Binding {
    Binding { id: id.to_owned(), ..Binding::default() }
}

fn part(value: &'static str) -> CallerPart {
    let header = (HeaderName::from_static("x-part"), HeaderValue::from_static(value));
    CallerPart { headers: vec![header], ..CallerPart::default() }
}

fn tools(seen: &Seen, name: &str) -> Value {
    json!({"jsonrpc": "2.0", "id": seen.body["id"], "result": {"tools": [{"name": name, "inputSchema": {}}]}})
}

async fn lists(upstream: &Upstream) {
    let within = Duration::from_secs(10);
    let catalogue = discover(upstream, &Catalogue::default(), (within, within), MAX_RESPONSE, |_| ()).await;
    assert!(catalogue.is_ready(), "{:?}", catalogue.state());
    assert_eq!(catalogue.of(List::Tools).entries.len(), 1);
}

#[tokio::test]
async fn a_server_that_is_stopped_sees_the_end_of_every_session() {
    let sessions = AtomicUsize::new(0);
    let server = Server::start(move |seen, _| match seen.body["method"].as_str() {
        Some("initialize") => {
            let session = sessions.fetch_add(1, Ordering::SeqCst);
            let head = format!("content-type: application/json\r\nmcp-session-id: s{session}\r\n");
            response("200 OK", &head, &initialize_result(seen).to_string())
        }
        Some("tools/list") => json_response("200 OK", &tools(seen, "one")),
        _ => streamable(seen),
    })
    .await;
    let upstreams = upstreams(&server.url(), HttpWire::Streamable);
    lists(upstreams.own()).await;
    for (id, value) in [("a", "1"), ("a", "2"), ("b", "1")] {
        lists(&upstreams.open(&Caller::of(&caller(id), Side::Outside), part(value), None).unwrap().upstream).await;
    }
    upstreams.stop().await;
    let deleted = server.script.seen().into_iter().filter(|seen| seen.method == "DELETE");
    let mut ended: Vec<_> = deleted.map(|seen| seen.headers["mcp-session-id"].clone()).collect();
    ended.sort();
    assert_eq!(ended, ["s0", "s1", "s2", "s3"]);
}

/// An HTTP+SSE server that lists one tool `vN`, N from `version`; when it is listed is noted in `listed`.
async fn changing(version: Arc<AtomicUsize>, listed: Arc<Mutex<Vec<Instant>>>) -> Server {
    Server::start(move |seen: &Seen, script: &Script| {
        if seen.method == "GET" {
            return vec![events_head(), chunk("event: endpoint\ndata: /messages\n\n"), Step::Stream];
        }
        match seen.body["method"].as_str() {
            Some("initialize") => script.push("message", &initialize_result(seen).to_string()),
            Some("tools/list") => {
                listed.lock().push(Instant::now());
                let name = format!("v{}", version.load(Ordering::SeqCst));
                script.push("message", &tools(seen, &name).to_string());
            }
            _ => {}
        }
        response("202 Accepted", "", "")
    })
    .await
}

#[tokio::test]
async fn a_server_that_changes_all_the_time_is_listed_once_a_second_and_its_last_change_is_seen() {
    let (version, listed) = (Arc::new(AtomicUsize::new(0)), Arc::new(Mutex::new(Vec::new())));
    let server = changing(version.clone(), listed.clone()).await;
    let upstreams = upstreams(&server.url(), HttpWire::Sse);
    let keeping = tokio::spawn(discovery::keep(Arc::downgrade(&upstreams), Arc::new(Notify::new())));
    until("it changes while it is listed three times", || {
        version.fetch_add(1, Ordering::SeqCst);
        server.script.push("message", r#"{"jsonrpc":"2.0","method":"notifications/tools/list_changed"}"#);
        listed.lock().len() == 3
    })
    .await;
    let last = format!("v{}", version.load(Ordering::SeqCst));
    let known = || upstreams.catalogue.load().of(List::Tools).entries.first().map(|tool| tool.name.clone());
    until("the last change", || known().as_deref() == Some(&last)).await;
    let listed = listed.lock().clone();
    for pair in listed.windows(2) {
        assert!(pair[1] - pair[0] >= SPACING, "{listed:?}");
    }
    upstreams.stop().await;
    keeping.await.unwrap();
}
