//! A gateway that writes its servers into its sessions refuses all of them once a server is added or removed.

use http::{Method, StatusCode};
use serde_json::json;
use tests::stream::Stream;
use tests::upstream::{Does, Form, Script, Tool, Upstream};

use crate::asking::{ABLE, ALICE, Clients, call};

/// The next message has to be that the list of tools changed; there may be more of them.
async fn told_of_tools(stream: &mut Stream) {
    while stream.message().await["method"] != "notifications/tools/list_changed" {}
}

#[tokio::test(flavor = "multi_thread")]
async fn servers_that_come_and_go_end_no_session_no_stream_and_no_call() {
    let ask = Tool::new("ask", Does::Ask(vec![("roots/list".to_owned(), "{}".to_owned())]));
    let note = Tool::new("note", Does::Remember);
    let clients = Clients::of(Script { form: Form::EventStream, listens: true, ..Script::with([ask, note]) });
    let more = Upstream::start(Script::echo());
    let mut client = clients.session(ALICE, "2025-06-18", ABLE).await;
    let mut stream = client.listen(&[]).await;
    assert_eq!(client.call("up-note", r#"{"text":"of before"}"#).await.text(), "");
    let mut called = call(&client).await;
    let asked = called.message().await;

    clients.manifests.http("more", &more.url()).key("alice", ALICE, &["up", "more"]);
    told_of_tools(&mut stream).await;
    let all = ["more-echo", "up-ask", "up-note"];
    let mut tools = client.tools().await;
    tools.sort();
    assert_eq!(tools, all, "the session sees the new server");
    assert_eq!(client.call("more-echo", "{}").await.text(), "echo");

    clients.manifests.remove("McpServer-more.yaml");
    told_of_tools(&mut stream).await;
    assert_eq!(client.tools().await, all[1..], "and sees it go");

    // The call that was under way all the time ends as if nothing had been.
    let answer = format!(r#"{{"jsonrpc":"2.0","id":{},"result":{{"of":"before"}}}}"#, asked["id"]);
    assert_eq!(client.post(answer).await.status, StatusCode::ACCEPTED);
    let last = called.message().await;
    assert_eq!(last["result"]["structuredContent"]["answers"][0]["result"], json!({"of": "before"}), "{last}");
    assert_eq!(called.next().await, None);
    assert_eq!(
        client.call("up-note", r#"{"text":""}"#).await.text(),
        "of before",
        "it is the same session at the server"
    );

    // The stream is the one of before too: it ends with the session, and not sooner.
    clients.manifests.http("more", &more.url());
    told_of_tools(&mut stream).await;
    assert_eq!(client.send(&Method::DELETE, &[], "").await.status, StatusCode::NO_CONTENT);
    while stream.next().await.is_some() {}
}
