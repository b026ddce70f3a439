//! The gateways that all rows are asked of, and the servers behind them.

use std::net::SocketAddr;
use std::time::Duration;

use serde_json::{Value, json};
use tests::client::{Client, split};
use tests::manifests::Manifests;
use tests::process::{Options, Switchboard};
use tests::upstream::{Does, Received, Script, Tool, Upstream, dead_url};
use tests::wait::until_async;

/// May use `near`, `Far_Away` and `keyed`.
pub(crate) const ALICE: &str = "sb-golden-alice";
/// May use nothing.
pub(crate) const NOBODY: &str = "sb-golden-nobody";
/// May use `dead` alone, which does not answer.
pub(crate) const LOST: &str = "sb-golden-lost";
/// May use `near` and `dead`.
pub(crate) const HALF: &str = "sb-golden-half";
/// May use `poor`, whose tools fail each in its way.
pub(crate) const POOR: &str = "sb-golden-poor";

/// See [`ALICE`] and those after; a group `dev_group` of `near`; a server `hidden` that nobody may use.
pub(crate) struct World {
    near: Upstream,
    poor: Upstream,
    switchboard: Switchboard,
    /// The same, where callers bring their credentials in `x-own-auth`.
    renamed: Switchboard,
    _manifests: [Manifests; 2],
}

impl World {
    pub(crate) async fn start() -> Self {
        let said = Does::Result(r#"{"content":[{"type":"text","text":"said"}]}"#.to_owned());
        let near = Upstream::start(Script::with([Tool::new("say", said)]));
        let poor = Upstream::start(Script::with([
            Tool::new("denied", Does::Status(401)),
            Tool::new("forbidden", Does::Status(403)),
            Tool::new("late", Does::Hang),
            Tool::new("limited", Does::Status(429)),
        ]));
        let (manifests, other) = (manifests(&near, &poor), manifests(&near, &poor));
        other.settings(&json!({"clientSideAuthHeader": "x-own-auth"}));
        let [switchboard, renamed] =
            [&manifests, &other].map(|manifests| Switchboard::start_ready(manifests.path(), &Options::default()));
        let mut lost = Client::new(&switchboard.mcp).key(LOST);
        until_async("it is known that `dead` is", Duration::from_secs(10), async || {
            let answer = lost.request("tools/list", "{}").await.json();
            let outcome = &answer["error"]["data"]["litellm.ai/server_outcomes"]["dead"]["status"];
            (outcome == "unreachable").then_some(())
        })
        .await;
        Self { near, poor, switchboard, renamed, _manifests: [manifests, other] }
    }

    /// The gateway; `renamed`: that with another header for credentials.
    pub(crate) fn address(&self, renamed: bool) -> SocketAddr {
        split(if renamed { &self.renamed.mcp } else { &self.switchboard.mcp }).0
    }

    /// The same servers, as LiteLLM's configuration has them.
    pub(crate) fn litellm_servers(&self) -> Value {
        let (near, poor) = (self.near.url(), self.poor.url());
        let http = |url: &str| json!({"url": url, "transport": "http"});
        let mut servers =
            json!({"near": http(&near), "hidden": http(&near), "dead": http(&dead_url()), "poor": http(&poor)});
        servers["near"]["access_groups"] = json!(["dev_group"]);
        servers["poor"]["timeout"] = json!(1);
        servers["far"] = json!({"url": near, "transport": "http", "alias": "Far_Away", "auth_type": "bearer_token", "auth_value": "of-the-house"});
        servers["keyed"] =
            json!({"url": near, "transport": "http", "auth_type": "api_key", "auth_value": "of-the-house"});
        servers
    }

    /// The same callers, and the servers of each.
    pub(crate) fn litellm_callers() -> Value {
        json!({ALICE: ["near", "far", "keyed"], NOBODY: [], LOST: ["dead"], HALF: ["near", "dead"], POOR: ["poor"]})
    }

    /// The calls that have arrived at any server.
    pub(crate) fn calls(&self) -> Vec<Received> {
        self.near.received_of("tools/call")
    }
}

fn manifests(near: &Upstream, poor: &Upstream) -> Manifests {
    let manifests = Manifests::default();
    manifests.http("near", &near.url()).http("hidden", &near.url()).http("dead", &dead_url());
    let http = |upstream: &Upstream| json!({"url": upstream.url(), "transport": "StreamableHTTP"});
    let bearer = json!({"type": "Bearer", "bearer": {"value": "of-the-house"}, "clientSide": "Replace"});
    manifests.server("far", &json!({"alias": "Far_Away", "http": http(near), "auth": bearer, "sessionMode": "Shared"}));
    let key = json!({"type": "ApiKey", "apiKey": {"value": "of-the-house"}});
    manifests.server("keyed", &json!({"http": http(near), "auth": key, "sessionMode": "Shared"}));
    manifests.server("poor", &json!({"http": http(poor), "timeouts": {"callSeconds": 1}}));
    manifests.group("dev-group", "dev_group", &["near"]);
    manifests.key("alice", ALICE, &["near", "far", "keyed"]).key("nobody", NOBODY, &[]);
    manifests.key("lost", LOST, &["dead"]).key("half", HALF, &["near", "dead"]).key("poor", POOR, &["poor"]);
    manifests
}
