//! Session ids: sealed, bound to the caller, valid until deleted; any other is 404.

use http::{Method, StatusCode};
use serde_json::json;
use tests::client::Client;
use tests::manifests::Manifests;
use tests::process::{Options, Switchboard};
use tests::upstream::{Script, Upstream};

use super::scene::{KEY, Scene};

#[tokio::test(flavor = "multi_thread")]
async fn r9_an_id_is_short_visible_ascii_and_never_the_same() {
    let scene = Scene::of(Script::echo());
    let (one, other) = (scene.session().await, scene.session().await);
    for id in [one.session().unwrap(), other.session().unwrap()] {
        assert!(id.len() <= 1024 && id.bytes().all(|byte| (0x21..=0x7e).contains(&byte)), "{id}");
    }
    assert_ne!(one.session(), other.session());
}

#[tokio::test(flavor = "multi_thread")]
async fn unknown_forged_foreign_and_deleted_ids_are_404_and_disturb_nothing() {
    let upstream = Upstream::start(Script::echo());
    let manifests = Manifests::default();
    manifests.http("up", &upstream.url()).key("one", KEY, &["up"]).key("other", "sb-other", &["up"]);
    let switchboard = Switchboard::start_ready(manifests.path(), &Options::default());
    let mut client = Client::new(&switchboard.mcp).key(KEY);
    client.initialize("2025-11-25").await;
    let id = client.session().unwrap().to_owned();
    let before = upstream.posts("tools/call");

    let mut others = Client::new(&switchboard.mcp).key("sb-other").header("mcp-protocol-version", "2025-11-25");
    let mut bad = vec!["made-up".to_owned(), id[..id.len() - 1].to_owned(), format!("{id}A")];
    for place in [0, id.len() / 2, id.len() - 2] {
        let mut bytes = id.clone().into_bytes();
        bytes[place] = if bytes[place] == b'A' { b'B' } else { b'A' };
        bad.push(String::from_utf8(bytes).unwrap());
    }
    for forged in &bad {
        let mut forger = Client::new(&switchboard.mcp).key(KEY).header("mcp-session-id", forged);
        for method in ["ping", "tools/list", "tools/call"] {
            let answer = forger.request(method, r#"{"name":"up-echo"}"#).await;
            assert_eq!(answer.status, StatusCode::NOT_FOUND, "{method} with {forged}");
            assert!(answer.json()["error"]["code"].is_i64(), "{answer:?}");
        }
        assert_eq!(forger.send(&Method::DELETE, &[], "").await.status, StatusCode::NOT_FOUND);
    }
    others.set_header("mcp-session-id", &id);
    assert_eq!(others.call("up-echo", "{}").await.status, StatusCode::NOT_FOUND, "a foreign id");
    assert_eq!(others.send(&Method::DELETE, &[], "").await.status, StatusCode::NOT_FOUND, "a foreign DELETE");
    assert_eq!(upstream.posts("tools/call"), before, "none of them reached a server");

    assert!(!client.call("up-echo", "{}").await.is_tool_error(), "the session itself lives on");
    assert!(client.send(&Method::DELETE, &[], "").await.status.is_success());
    assert_eq!(client.call("up-echo", "{}").await.status, StatusCode::NOT_FOUND, "a deleted id");
}

#[tokio::test(flavor = "multi_thread")]
async fn an_id_is_not_a_credential() {
    let scene = Scene::of(Script::echo());
    let client = scene.session().await;
    let mut thief = Client::new(&scene.switchboard.mcp).header("mcp-session-id", client.session().unwrap());
    assert_eq!(thief.call("up-echo", "{}").await.status, StatusCode::UNAUTHORIZED);
}

#[tokio::test(flavor = "multi_thread")]
async fn r9_a_session_survives_a_restart_and_a_rotated_key() {
    let mut scene = Scene::of(Script::echo());
    let client = scene.session().await;
    let id = client.session().unwrap().to_owned();
    let keys = json!([
        {"name": "only", "sha256": tests::manifests::sha256(KEY)},
        {"name": "next", "sha256": tests::manifests::sha256("sb-next")},
    ]);
    let spec = json!({"subject": {"type": "Key", "keys": keys}, "grants": {"servers": [{"name": "up"}]}});
    scene.manifests.object("McpKeyBinding", "scene", &spec);
    scene.switchboard.terminate(std::time::Duration::from_secs(20));
    let again = scene.switchboard.start_again(scene.manifests.path(), &Options::default());
    again.ready();
    for key in [KEY, "sb-next"] {
        let mut client = Client::new(&again.mcp).key(key).header("mcp-session-id", &id);
        client.set_header("mcp-protocol-version", "2025-11-25");
        let answer = client.call("up-echo", "{}").await;
        assert!(answer.status == StatusCode::OK && !answer.is_tool_error(), "{answer:?}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_request_without_an_id_is_served_without_one() {
    let scene = Scene::of(Script::echo());
    let mut client = scene.client();
    let answer = client.call("up-echo", "{}").await;
    assert!(!answer.is_tool_error() && answer.headers.get("mcp-session-id").is_none(), "{answer:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn r7_an_upstream_that_forgets_its_session_costs_no_call_and_runs_none_twice() {
    for unknown_session in [404, 400] {
        let scene = Scene::of(Script { unknown_session, ..Script::echo() });
        let mut client = scene.session().await;
        assert!(!client.call("up-echo", "{}").await.is_tool_error());
        scene.upstream.forget_sessions();
        let answer = client.call("up-echo", "{}").await;
        assert!(!answer.is_tool_error(), "{unknown_session}: {answer:?}");
        // One that worked, one that was refused unseen, one that worked.
        assert_eq!(scene.upstream.posts("tools/call"), 3);
        assert_eq!(scene.upstream.sessions(), 1);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn r7_a_call_that_was_cut_is_not_sent_again() {
    use tests::upstream::{Does, Tool};
    let scene = Scene::of(Script::with([Tool::new("half", Does::Half), Tool::new("fails", Does::Status(500))]));
    let mut client = scene.session().await;
    for (index, tool) in ["up-half", "up-fails"].into_iter().enumerate() {
        assert!(client.call(tool, "{}").await.is_tool_error());
        assert_eq!(scene.upstream.posts("tools/call"), index as u64 + 1);
    }
}
