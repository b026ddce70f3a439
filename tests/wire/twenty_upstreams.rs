//! Twenty servers, one that hangs, one that is not there, one that pages: the
//! others' tools are listed from memory, and a call is one POST.

use std::time::{Duration, Instant};

use serde_json::json;
use tests::client::Client;
use tests::figures::Figures;
use tests::manifests::Manifests;
use tests::process::{Options, Switchboard};
use tests::upstream::{Does, Script, Upstream, dead_url};

use super::scene::KEY;

/// Plain servers, and the tools of each.
const PLAIN: usize = 17;
const TOOLS: usize = 3;

/// Lists and calls that are measured.
const SAMPLES: usize = 25;

#[tokio::test(flavor = "multi_thread")]
async fn lists_from_memory_and_calls_with_one_post() {
    let hanging = Upstream::start(Script { at_initialize: Some(Does::Hang), ..Script::echo() });
    let paging = Upstream::start(Script { page: Some(50), ..Script::many(500) });
    let plain: Vec<Upstream> = (0..PLAIN).map(|_| Upstream::start(Script::many(TOOLS))).collect();
    let manifests = Manifests::default();
    manifests.http("hanging", &hanging.url()).http("dead", &dead_url()).http("paging", &paging.url());
    let mut names = vec!["hanging".to_owned(), "dead".to_owned(), "paging".to_owned()];
    for (index, upstream) in plain.iter().enumerate() {
        let name = format!("plain{index:02}");
        manifests.http(&name, &upstream.url());
        names.push(name);
    }
    manifests.key("all", KEY, &names.iter().map(String::as_str).collect::<Vec<_>>());
    let switchboard = Switchboard::start_ready(manifests.path(), &Options::default());
    let mut client = Client::new(&switchboard.mcp).key(KEY);
    client.initialize("2025-11-25").await;

    let tools = client.tools().await;
    assert_eq!(tools.len(), PLAIN * TOOLS + 500, "all tools of the servers that live");
    for index in 0..PLAIN {
        assert!(tools.contains(&format!("plain{index:02}-tool_002")));
    }
    assert!((0..500).all(|index| tools.contains(&format!("paging-tool_{index:03}"))));
    let outcomes =
        client.request("tools/list", "{}").await.json()["result"]["_meta"]["litellm.ai/server_outcomes"].take();
    assert_eq!(outcomes["dead"]["status"], "unreachable", "{outcomes}");
    assert!(outcomes["hanging"]["status"].as_str().is_some_and(|status| status != "ok"), "{outcomes}");

    let posts = || plain.iter().map(Upstream::all_posts).sum::<u64>() + paging.all_posts();
    let before = posts();
    let mut milliseconds = Vec::new();
    for _ in 0..SAMPLES {
        let started = Instant::now();
        client.tools().await;
        milliseconds.push(started.elapsed().as_secs_f64() * 1e3);
    }
    assert_eq!(posts(), before, "a list is answered from memory");
    let median = Figures::of("wire").write_median("list_from_memory_ms", &milliseconds);
    assert!(median < 10.0, "{median} ms");

    one_post_a_call(&mut client, &plain[0]).await;
}

/// After a caller's first call of a server, a call is exactly one POST.
async fn one_post_a_call(client: &mut Client, upstream: &Upstream) {
    let first = client.call("plain00-tool_000", "{}").await;
    assert_eq!(first.json()["result"]["structuredContent"]["params"]["name"], "tool_000");
    let mut posts = Vec::new();
    for _ in 0..SAMPLES {
        let (before, calls) = (upstream.all_posts(), upstream.posts("tools/call"));
        assert!(!client.call("plain00-tool_000", "{}").await.is_tool_error());
        posts.push(f64::from(u32::try_from(upstream.all_posts() - before).unwrap()));
        assert_eq!(upstream.posts("tools/call") - calls, 1);
    }
    let median = Figures::of("wire").write_median("upstream_posts_per_call", &posts);
    assert!(posts.iter().all(|posts| (*posts - 1.0).abs() < f64::EPSILON), "{median}: {posts:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_dead_server_says_so_when_called_and_none_left_is_an_error_of_the_list() {
    let manifests = Manifests::default();
    manifests.http("dead", &dead_url()).key("all", KEY, &["dead"]);
    let switchboard = Switchboard::start_ready(manifests.path(), &Options::default());
    let mut client = Client::new(&switchboard.mcp).key(KEY);
    client.initialize("2025-11-25").await;
    let list = client.request("tools/list", "{}").await.json();
    assert_eq!(list["error"]["code"], -32603, "{list}");
    assert_eq!(list["error"]["data"]["litellm.ai/server_outcomes"]["dead"], json!({"status": "unreachable"}));
}

#[tokio::test(flavor = "multi_thread")]
async fn an_upstream_that_comes_late_is_found() {
    let url = dead_url();
    let (address, _) = tests::client::split(&url);
    let manifests = Manifests::default();
    manifests.http("late", &url).key("all", KEY, &["late"]);
    let switchboard = Switchboard::start_ready(manifests.path(), &Options::default());
    let upstream = Upstream::start_at(address, Script::echo());
    let mut client = Client::new(&switchboard.mcp).key(KEY);
    client.initialize("2025-11-25").await;
    tests::wait::until_async("the late server's tool", Duration::from_secs(60), async || {
        let list = client.request("tools/list", "{}").await.json();
        (list["result"]["tools"][0]["name"] == "late-echo").then_some(())
    })
    .await;
    assert!(!client.call("late-echo", "{}").await.is_tool_error());
    assert_eq!(upstream.posts("tools/call"), 1);
}
