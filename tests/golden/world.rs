//! The gateway that all rows are asked of, and the servers behind it.

use std::net::SocketAddr;
use std::time::Duration;

use serde_json::json;
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

/// See [`ALICE`], [`NOBODY`], [`LOST`] and [`HALF`]; a group `dev_group` of `near`; a server `hidden` that nobody may use.
pub(crate) struct World {
    near: Upstream,
    switchboard: Switchboard,
    _manifests: Manifests,
}

impl World {
    pub(crate) async fn start() -> Self {
        let said = || Does::Result(r#"{"content":[{"type":"text","text":"said"}]}"#.to_owned());
        let near = Upstream::start(Script::with([Tool::new("say", said())]));
        let manifests = Manifests::default();
        manifests.http("near", &near.url()).http("hidden", &near.url()).http("dead", &dead_url());
        let http = json!({"url": near.url(), "transport": "StreamableHTTP"});
        let bearer = json!({"type": "Bearer", "bearer": {"value": "of-the-house"}, "clientSide": "Replace"});
        manifests.server("far", &json!({"alias": "Far_Away", "http": http, "auth": bearer, "sessionMode": "Shared"}));
        let key = json!({"type": "ApiKey", "apiKey": {"value": "of-the-house"}});
        manifests.server("keyed", &json!({"http": http, "auth": key, "sessionMode": "Shared"}));
        manifests.group("dev-group", "dev_group", &["near"]);
        manifests.key("alice", ALICE, &["near", "far", "keyed"]).key("nobody", NOBODY, &[]);
        manifests.key("lost", LOST, &["dead"]).key("half", HALF, &["near", "dead"]);
        let switchboard = Switchboard::start_ready(manifests.path(), &Options::default());
        let mut lost = Client::new(&switchboard.mcp).key(LOST);
        until_async("it is known that `dead` is", Duration::from_secs(10), async || {
            let answer = lost.request("tools/list", "{}").await.json();
            let outcome = &answer["error"]["data"]["litellm.ai/server_outcomes"]["dead"]["status"];
            (outcome == "unreachable").then_some(())
        })
        .await;
        Self { near, switchboard, _manifests: manifests }
    }

    pub(crate) fn address(&self) -> SocketAddr {
        split(&self.switchboard.mcp).0
    }

    /// The calls that have arrived at any server.
    pub(crate) fn calls(&self) -> Vec<Received> {
        self.near.received_of("tools/call")
    }
}
