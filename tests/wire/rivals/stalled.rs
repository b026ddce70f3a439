//! A gateway that waits for all servers, or begins with each anew, is as slow as the slowest of them, and gives nothing
//! of the others when its own time is over.

use std::time::{Duration, Instant};

use serde_json::json;
use tests::client::Client;
use tests::manifests::Manifests;
use tests::process::{Options, Switchboard};
use tests::upstream::{Does, Script, Tool, Upstream};
use tests::wait::{until, until_async};

use crate::scene::{KEY, Transport, server};

/// Far above what a list or a call takes, and far below every time that is given to a server.
const AT_ONCE: Duration = Duration::from_secs(1);
const SOON: Duration = Duration::from_secs(30);
/// Calls that hang at once.
const HANGING: u64 = 20;

#[tokio::test(flavor = "multi_thread")]
async fn servers_that_hang_in_initialize_in_a_list_or_in_calls_cost_the_others_no_time() {
    for mode in ["Shared", "PerClient"] {
        let scripts = [
            ("begins", Script { at_initialize: Some(Does::Hang), ..Script::echo() }),
            ("lists", Script { at_list: Some(Does::Hang), ..Script::echo() }),
            ("calls", Script::with([Tool::new("hang", Does::Hang)])),
            ("fine", Script::echo()),
        ];
        let manifests = Manifests::default();
        let upstreams = scripts.map(|(name, script)| {
            let upstream = Upstream::start(script);
            let spec = json!({"sessionMode": mode});
            manifests.server(name, &server(Transport::Http, &upstream, &json!(null), &spec));
            upstream
        });
        manifests.key("all", KEY, &["begins", "lists", "calls", "fine"]);
        let switchboard = Switchboard::start(manifests.path(), &Options::default());
        let mut client = Client::new(&switchboard.mcp).key(KEY);
        client.initialize("2025-11-25").await;
        // They are not ready together: those that hang are given their time.
        until_async("the servers that work are listed", SOON, async || {
            let list = client.request("tools/list", "{}").await.json();
            let tools = list["result"]["tools"].as_array()?;
            (tools.len() == 2).then_some(())
        })
        .await;

        let session = client.session().unwrap().to_owned();
        let calls: Vec<_> = (0..HANGING)
            .map(|_| {
                let mut other = Client::new(&switchboard.mcp).key(KEY).header("mcp-session-id", &session);
                other.set_header("mcp-protocol-version", "2025-11-25");
                tokio::spawn(async move { other.call("calls-hang", "{}").await })
            })
            .collect();
        until("the calls hang", SOON, || (upstreams[2].posts("tools/call") == HANGING).then_some(()));
        for tool in ["begins-echo", "lists-echo"] {
            let mut other = Client::new(&switchboard.mcp).key(KEY);
            tokio::spawn(async move { other.call(tool, "{}").await });
        }
        for round in 0..20 {
            let began = Instant::now();
            assert_eq!(client.tools().await, ["calls-hang", "fine-echo"], "{mode}");
            assert!(began.elapsed() < AT_ONCE, "{mode}: list {round} took {:?}", began.elapsed());
            let began = Instant::now();
            let mut another = Client::new(&switchboard.mcp).key(KEY);
            another.initialize("2025-11-25").await;
            let modern = another.modern("tools/call", Some("fine-echo"), r#""name":"fine-echo","arguments":{}"#).await;
            assert_eq!(modern.text(), "echo", "{mode}");
            assert_eq!(client.call("fine-echo", "{}").await.text(), "echo", "{mode}");
            assert!(began.elapsed() < AT_ONCE, "{mode}: a session and calls {round} took {:?}", began.elapsed());
        }
        assert!(calls.iter().all(|call| !call.is_finished()), "{mode}: they hang to the end");
        for call in calls {
            call.abort();
        }
    }
}
