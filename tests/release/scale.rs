//! Many objects on a real apiserver: how long a compile takes, what a changed
//! key costs, what the processes need, and that nothing is written at rest.

use std::time::{Duration, Instant};

use futures_util::StreamExt;
use kube::Api;
use kube::api::{DeleteParams, ListParams, PostParams};
use kube::core::{ApiResource, DynamicObject, GroupVersionKind};
use serde_json::{Value, json};
use tests::kube::Write;
use tests::upstream::{Does, Script, Tool, Upstream};
use tests::wait::{throughout, until};

use crate::scene::{NODE, RELEASE, Running, Scene, client_of, sha256};

/// The namespace of all of them.
const CROWD: &str = "crowd";
/// Requests to the apiserver at once.
const AT_ONCE: usize = 16;
/// How many of each there are.
const SERVERS: usize = 1000;
const GROUPS: usize = 500;
const BINDINGS: usize = 20_000;
/// What must not be exceeded.
const COMPILE_MS: f64 = 1000.0;
const IN_FORCE_S: f64 = 2.0;
const BYTES: usize = 300 * 1024;
const STATUSES: usize = 5;
const OPERATOR_MIB: f64 = 400.0;
const GATEWAY_MIB: f64 = 150.0;

/// Everything at once, then one change, then rest.
pub(crate) fn stays_within_bounds(scene: &Scene) {
    let rest = Duration::from_secs(if tests::args::full() { 300 } else { 30 });
    let upstream = Upstream::start_at(format!("{NODE}:0").parse().unwrap(), ten_tools());
    let started = Instant::now();
    let url = upstream.url();
    let server = |number: usize| {
        object(
            "McpServer",
            &format!("s{number}"),
            &json!({
                "http": {"url": url, "transport": "StreamableHTTP"}, "sessionMode": "Shared",
                "accessGroups": [{"name": format!("g{}", number % GROUPS)}],
            }),
        )
    };
    let group = |number: usize| object("McpAccessGroup", &format!("g{number}"), &json!({"joinFrom": {"from": "Same"}}));
    let binding = |number: usize| {
        object(
            "McpKeyBinding",
            &format!("b{number}"),
            &json!({
                "subject": {"type": "Key", "keys": [{"name": "k", "sha256": sha256(&key(number))}]},
                "grants": {"accessGroups": [{"name": format!("g{}", number % GROUPS)}]},
            }),
        )
    };
    make(scene, "McpAccessGroup", (0..GROUPS).map(group).collect());
    make(scene, "McpServer", (0..SERVERS).map(server).collect());
    make(scene, "McpKeyBinding", (0..BINDINGS).map(binding).collect());
    println!(
        "  {SERVERS} servers, {GROUPS} groups, {BINDINGS} bindings made in {:.0} s",
        started.elapsed().as_secs_f64()
    );
    until("every status is written", Duration::from_secs(600), || {
        (scene.metric(&scene.leader(), "switchboard_operator_statuses_waiting") == 0.0
            && is_ready(scene, &format!("b{}", BINDINGS - 1)))
        .then_some(())
    });
    scene.settled();
    let url = scene.url();
    until("every server is listed", Duration::from_secs(120), || {
        let key = key(0);
        let tools = scene.block_on(async { client_of(&url, &key).tools().await.len() });
        (tools == 10 * SERVERS.div_ceil(GROUPS)).then_some(())
    });

    let leader = scene.leader();
    let before = compiles(scene, &leader);
    let (in_force, writes) = change_a_key(scene);
    let after = compiles(scene, &leader);
    // Of everything that is there: those while it was made were of less.
    let compile_ms = (after.0 - before.0) / (after.1 - before.1) * 1000.0;
    let bytes: usize = writes.iter().filter(|write| write.subresource.is_empty()).map(|write| write.bytes).sum();
    let statuses = writes.iter().filter(|write| write.subresource == "status").count();
    let operator_mib = scene.memory_mib(&leader);
    let gateway_mib = scene.gateways().iter().map(|pod| scene.memory_mib(pod)).fold(0.0, f64::max);
    let at_rest = rest_for(scene, rest);

    scene.figure("compile_1000_servers_20000_keys_ms", compile_ms);
    scene.figure("key_in_force_s", in_force);
    scene.figure("bytes_written_per_key_change", bytes as f64);
    scene.figure("statuses_written_per_key_change", statuses as f64);
    scene.figure("operator_rss_mib", operator_mib);
    scene.figure("gateway_rss_mib", gateway_mib);
    scene.figure("writes_at_rest", at_rest.len() as f64);
    disperse(scene);
    assert!(compile_ms < COMPILE_MS, "a compile takes {compile_ms:.0} ms");
    assert!(in_force < IN_FORCE_S, "a changed key is in force after {in_force:.2} s");
    assert!(bytes <= BYTES && statuses <= STATUSES, "{bytes} bytes, {statuses} statuses: {writes:?}");
    assert!(
        operator_mib < OPERATOR_MIB && gateway_mib < GATEWAY_MIB,
        "operator {operator_mib:.0} MiB, gateway {gateway_mib:.0} MiB"
    );
    assert!(at_rest.is_empty(), "written at rest: {at_rest:?}");
}

/// Changes the key of one binding: how long until every pod takes it, and all that the operator wrote for it.
fn change_a_key(scene: &Scene) -> (f64, Vec<Write>) {
    let already = scene.api().writes().len();
    let fresh = "sb-crowd-fresh";
    let patch = json!({"spec": {"subject": {"keys": [{"name": "k", "sha256": sha256(fresh)}]}}}).to_string();
    let pods = scene.gateways();
    let started = Instant::now();
    scene.kubectl(&["-n", CROWD, "patch", "mcpkeybinding", "b7", "--type=merge", "-p", &patch]);
    for pod in &pods {
        let url = format!("http://{}:8080/mcp", pod.ip);
        until("the pod takes the new key", Duration::from_secs(30), || {
            let status = scene.block_on(async { client_of(&url, fresh).request("tools/list", "{}").await.status });
            (status == 200).then_some(())
        });
    }
    let took = started.elapsed().as_secs_f64();
    until("its status says so", Duration::from_secs(30), || is_ready(scene, "b7").then_some(()));
    let writes = scene.api().writes().split_off(already);
    (took, writes.into_iter().filter(is_operators).collect())
}

/// How long compilations took, in seconds, and how many there were.
fn compiles(scene: &Scene, leader: &Running) -> (f64, f64) {
    let of = |suffix: &str| scene.metric(leader, &format!("switchboard_operator_compile_seconds_{suffix}"));
    (of("sum"), of("count"))
}

/// What is written while nothing changes. Leases are not counted: they say that somebody lives.
fn rest_for(scene: &Scene, time: Duration) -> Vec<Write> {
    let writes = || -> Vec<Write> {
        let all = scene.api().writes();
        all.into_iter().filter(|write| is_operators(write) && write.resource != "leases").collect()
    };
    // The last words about what was changed: how a server is, is told once it has lasted half a minute (R40).
    let mut quiet = (writes().len(), Instant::now());
    until("the operator has come to rest", Duration::from_secs(300), || {
        let now = writes().len();
        if now != quiet.0 {
            quiet = (now, Instant::now());
        }
        (quiet.1.elapsed() > Duration::from_secs(60)).then_some(())
    });
    throughout(time, || ());
    writes().split_off(quiet.0)
}

fn is_operators(write: &Write) -> bool {
    write.user == format!("system:serviceaccount:{RELEASE}:{RELEASE}-operator")
}

/// So many bindings beside what else is there, each with a key and a grant of its own.
pub(crate) fn crowd(scene: &Scene, bindings: usize) {
    let binding = |number: usize| {
        object(
            "McpKeyBinding",
            &format!("b{number}"),
            &json!({
                "subject": {"type": "Key", "keys": [{"name": "k", "sha256": sha256(&key(number))}]}, "grants": {},
            }),
        )
    };
    make(scene, "McpKeyBinding", (0..bindings).map(binding).collect());
    until("every binding is in force", Duration::from_secs(600), || {
        is_ready(scene, &format!("b{}", bindings - 1)).then_some(())
    });
    until("every status is written", Duration::from_secs(600), || {
        (scene.metric(&scene.leader(), "switchboard_operator_statuses_waiting") == 0.0).then_some(())
    });
    scene.settled();
}

/// Takes all of them away.
pub(crate) fn disperse(scene: &Scene) {
    for kind in ["McpKeyBinding", "McpServer", "McpAccessGroup"] {
        let api = api(scene, kind);
        until(&format!("every {kind} is gone"), Duration::from_secs(300), || {
            scene.block_on(async {
                // The apiserver ends a request that takes a minute, as this may; the next one takes what is left.
                let _ = api.delete_collection(&DeleteParams::default(), &ListParams::default()).await;
                let left = api.list(&ListParams::default().limit(1)).await;
                left.is_ok_and(|left| left.items.is_empty()).then_some(())
            })
        });
    }
    scene.settled();
}

fn is_ready(scene: &Scene, binding: &str) -> bool {
    let path = ".metadata.generation} {.status.observedGeneration} {.status.conditions[?(@.type=='Ready')].status";
    let found = scene.member("mcpkeybinding", CROWD, binding, path);
    let words: Vec<&str> = found.split(' ').collect();
    matches!(words[..], [generation, observed, "True"] if generation == observed)
}

fn key(number: usize) -> String {
    format!("sb-crowd-{number}")
}

fn make(scene: &Scene, kind: &str, objects: Vec<DynamicObject>) {
    let api = api(scene, kind);
    scene.block_on(async {
        let made = futures_util::stream::iter(objects).map(|object| {
            let api = api.clone();
            async move { api.create(&PostParams::default(), &object).await }
        });
        let results: Vec<_> = made.buffer_unordered(AT_ONCE).collect().await;
        for result in results {
            result.unwrap();
        }
    });
}

fn api(scene: &Scene, kind: &str) -> Api<DynamicObject> {
    Api::namespaced_with(scene.client.clone(), CROWD, &resource(kind))
}

fn resource(kind: &str) -> ApiResource {
    ApiResource::from_gvk(&GroupVersionKind::gvk("switchboard.dev", "v1alpha1", kind))
}

fn object(kind: &str, name: &str, spec: &Value) -> DynamicObject {
    DynamicObject::new(name, &resource(kind)).within(CROWD).data(json!({"spec": spec}))
}

/// Ten tools of about one KiB each.
fn ten_tools() -> Script {
    let description = "d".repeat(900);
    let tool = |number: usize| Tool {
        members: format!(r#","description":"{description}""#),
        ..Tool::new(&format!("tool_{number}"), Does::Echo)
    };
    Script { keep: false, sessions: false, ..Script::with((0..10).map(tool)) }
}
