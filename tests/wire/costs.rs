//! What calls cost: summed up in `/metrics`, told in `mcp_info`, and changed without anything else changing.

use std::time::Duration;

use serde_json::{Value, json};
use tests::client::{Client, get};
use tests::upstream::{Does, Script, Tool};
use tests::wait::until_async;

use super::scene::{KEY, Scene, TRANSPORTS};

/// A ceiling for a loaded machine, not a claim.
const SOON: Duration = Duration::from_secs(20);

/// The sum of a currency, in billionths; none if there is none.
async fn sum(scene: &Scene, currency: &str) -> Option<u64> {
    let page = get(&format!("{}/metrics", scene.switchboard.admin)).await;
    let text = String::from_utf8(page.body.to_vec()).unwrap();
    let name = format!(r#"switchboard_cost_nanos_total{{currency="{currency}",server="default/up"}} "#);
    text.lines().find_map(|line| line.strip_prefix(&name)).map(|value| value.parse().unwrap())
}

fn script() -> Script {
    let failed = Does::Result(r#"{"content":[],"isError":true}"#.to_owned());
    let refused = Does::Error(r#"{"code":-32000,"message":"no"}"#.to_owned());
    Script::with([
        Tool::new("cheap", Does::Echo),
        Tool::new("search", Does::Echo),
        Tool::new("free", Does::Echo),
        Tool::new("fails", failed),
        Tool::new("refuses", refused),
    ])
}

fn cost() -> Value {
    let tools = [("search", "10"), ("free", "0")].map(|(tool, price)| json!({"tool": tool, "price": price}));
    json!({"cost": {"perCall": "0.01", "perTool": tools}})
}

#[tokio::test(flavor = "multi_thread")]
async fn answered_calls_are_summed_up_over_every_transport() {
    for transport in TRANSPORTS {
        let scene = Scene::over(transport, script(), &cost());
        let mut client = scene.client();
        assert_eq!(sum(&scene, "USD").await, None, "{transport:?}: nothing was called");
        client.request("tools/list", "{}").await;
        for tool in ["cheap", "search", "free", "fails"] {
            client.call(&format!("up-{tool}"), "{}").await;
        }
        let expected = 10_020_000_000;
        assert_eq!(sum(&scene, "USD").await, Some(expected), "{transport:?}: a tool that fails has worked too");
        // No result, no call of a tool, and no tool.
        client.call("up-refuses", "{}").await;
        client.call("up-nothing", "{}").await;
        client.request("ping", "{}").await;
        assert_eq!(sum(&scene, "USD").await, Some(expected), "{transport:?}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_tool_is_told_its_own_price_and_no_other() {
    let scene = Scene::with(script(), &cost());
    let mut listed = Client::new(&scene.switchboard.mcp).key(KEY).path("/mcp-rest/tools/list");
    let answer = listed.send(&http::Method::GET, &[("content-type", "")], bytes::Bytes::new()).await.json();
    let info = |name: &str| {
        let tools = answer["tools"].as_array().unwrap();
        tools.iter().find(|tool| tool["name"] == name).unwrap()["mcp_info"]["mcp_server_cost_info"].clone()
    };
    assert_eq!(info("cheap"), json!({"default_cost_per_query": 0.01}));
    let search = json!({"default_cost_per_query": 0.01, "tool_name_to_cost_per_query": {"search": 10.0}});
    assert_eq!(info("search"), search);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_new_price_and_currency_hold_at_once() {
    let scene = Scene::with(script(), &cost());
    let mut client = scene.client();
    client.call("up-cheap", "{}").await;
    scene.manifests.settings(&json!({"currency": "EUR"}));
    until_async("a call in EUR", SOON, async || {
        client.call("up-cheap", "{}").await;
        sum(&scene, "EUR").await.filter(|sum| *sum > 0)
    })
    .await;
    assert!(sum(&scene, "USD").await.unwrap() >= 10_000_000, "what was counted before stays as it is");
}
