//! What a caller's own values make a server list to them, while that is read.

use std::time::Duration;

use serde_json::json;
use tests::upstream::Script;
use tests::wait::until;

use super::scene::Scene;

/// How long the server takes to list, in milliseconds.
const SLOW: u64 = 1500;

#[tokio::test(flavor = "multi_thread")]
async fn calls_wait_for_a_list_of_the_callers_own_that_is_being_read_and_only_they() {
    let scene = Scene::with(Script::echo(), &json!({}));
    let before = scene.upstream.posts("tools/list");
    scene.upstream.change(|script| script.list_after = SLOW);
    let mut lister = scene.client().header("x-mcp-up-x-who", "somebody");
    let mut caller = scene.client().header("x-mcp-up-x-who", "somebody");
    let mut plain = scene.client();
    let listing = tokio::spawn(async move { lister.tools().await });
    until("the list is being read", Duration::from_secs(5), || {
        (scene.upstream.posts("tools/list") > before).then_some(())
    });
    let calling = tokio::spawn(async move { caller.call("up-echo", "{}").await });
    assert!(!plain.call("up-echo", "{}").await.is_tool_error());
    assert!(!listing.is_finished(), "a call without values of the caller's own does not wait");
    let answer = calling.await.unwrap();
    assert!(!answer.is_tool_error(), "{answer:?}");
    assert_eq!(listing.await.unwrap(), ["up-echo"]);
    assert_eq!(scene.upstream.posts("tools/list"), before + 1, "the call shares the list");
    assert_eq!(scene.upstream.posts("tools/call"), 2);
}
