//! Several processes without a shared store: what is begun at one goes on at
//! any other, and what ends at one has ended at all.

use http::{Method, StatusCode};
use tests::client::{Answer, Client, get};
use tests::fleet::Fleet;
use tests::manifests::Manifests;
use tests::process::{Options, Switchboard};
use tests::upstream::{Does, Form, Script, Tool, Upstream};

use super::scene::KEY;

const LEVELS: [&str; 3] = ["debug", "info", "error"];

/// One server before all of them, whose tool `up-talks` logs on every level.
pub(crate) struct Scene {
    pub(crate) fleet: Fleet,
    pub(crate) upstream: Upstream,
    manifests: Manifests,
}

impl Scene {
    /// So many processes, all ready.
    pub(crate) async fn of(count: usize) -> Self {
        let (manifests, upstream) = server();
        Self { fleet: Fleet::start(&manifests, count).await, upstream, manifests }
    }

    /// A client of one process, with a session if it is given one.
    pub(crate) fn client(&self, number: usize, session: Option<&Client>) -> Client {
        let mut client = Client::new(&self.fleet.process(number).mcp).key(KEY);
        if let Some(session) = session {
            client.set_header("mcp-session-id", session.session().unwrap());
            client.set_header("mcp-protocol-version", "2025-11-25");
        }
        client
    }

    /// A session that this process began.
    pub(crate) async fn begin(&self, number: usize) -> Client {
        let mut client = self.client(number, None);
        client.initialize("2025-11-25").await;
        client
    }
}

fn server() -> (Manifests, Upstream) {
    let logs = Does::Logs(LEVELS.map(ToOwned::to_owned).to_vec());
    let upstream = Upstream::start(Script { form: Form::EventStream, ..Script::with([Tool::new("talks", logs)]) });
    let manifests = Manifests::default();
    manifests.http("up", &upstream.url()).key("scene", KEY, &["up"]);
    (manifests, upstream)
}

/// How many logs come with a call; which has to be answered.
async fn logs(client: &mut Client) -> usize {
    let answer = client.call("up-talks", "{}").await;
    let messages = answer.messages();
    assert!(String::from_utf8_lossy(messages.last().unwrap()).contains(r#""result":"#), "{answer:?}");
    messages.len() - 1
}

async fn set_level(client: &mut Client, level: &str) -> Answer {
    client.request("logging/setLevel", &format!(r#"{{"level":"{level}"}}"#)).await
}

async fn end(client: &mut Client) -> StatusCode {
    client.send(&Method::DELETE, &[], "").await.status
}

fn outcome(outcome: &str) -> String {
    format!(r#"switchboard_forwarded_requests_total{{outcome="{outcome}"}}"#)
}

#[tokio::test(flavor = "multi_thread")]
async fn r9_a_session_of_one_process_is_known_to_all_and_its_end_too() {
    let scene = Scene::of(3).await;
    let first = scene.begin(0).await;
    let mut others = [scene.client(1, Some(&first)), scene.client(2, Some(&first))];
    for client in &mut others {
        assert_eq!(client.tools().await, ["up-talks"]);
        assert_eq!(logs(client).await, LEVELS.len());
    }
    assert_eq!(end(&mut others[0]).await, StatusCode::NO_CONTENT);
    for number in [2, 0, 1] {
        let mut client = scene.client(number, Some(&first));
        assert_eq!(client.request("ping", "{}").await.status, StatusCode::NOT_FOUND, "at once, at {number}");
        assert_eq!(end(&mut client).await, StatusCode::NOT_FOUND, "{number}");
    }
    assert!(scene.begin(1).await.session().is_some(), "and another begins");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_log_level_that_is_set_at_any_process_holds_at_all() {
    let scene = Scene::of(3).await;
    let first = scene.begin(0).await;
    for (at, level, expected) in [(1, "error", 1), (0, "info", 2), (2, "error", 1), (2, "debug", 3)] {
        let answer = set_level(&mut scene.client(at, Some(&first)), level).await;
        assert_eq!(answer.json()["result"], serde_json::json!({}), "{answer:?}");
        for number in 0..3 {
            let found = logs(&mut scene.client(number, Some(&first))).await;
            assert_eq!(found, expected, "{level}, set at {at}, seen at {number}");
        }
    }
    for (number, forwarded) in [(0, 0), (1, 1), (2, 2)] {
        assert_eq!(scene.fleet.metric(number, &outcome("answered")).await, forwarded, "{number}: to the owner alone");
    }
    let bad = set_level(&mut scene.client(1, Some(&first)), "loud").await;
    assert_eq!((bad.status, bad.code()), (StatusCode::OK, Some(-32602)), "the owner's answer is the answer");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_process_that_comes_later_knows_what_came_before() {
    let (manifests, upstream) = server();
    let mut fleet = Fleet::announce(&manifests, 3);
    fleet.start_next();
    fleet.start_next();
    let mut scene = Scene { fleet, upstream, manifests };
    scene.fleet.meet().await;
    let (ended, quiet) = (scene.begin(0).await, scene.begin(0).await);
    assert_eq!(end(&mut scene.client(1, Some(&ended))).await, StatusCode::NO_CONTENT);
    set_level(&mut scene.client(0, Some(&quiet)), "error").await;
    scene.fleet.start_next();
    assert_eq!(scene.client(2, Some(&ended)).request("ping", "{}").await.status, StatusCode::NOT_FOUND);
    assert_eq!(logs(&mut scene.client(2, Some(&quiet))).await, 1);

    // Another one that comes again has forgotten nothing either, and what comes then is told to it at once.
    scene.fleet.drain(1);
    let other = scene.begin(2).await;
    scene.fleet.restart(1);
    assert_eq!(scene.client(1, Some(&ended)).request("ping", "{}").await.status, StatusCode::NOT_FOUND);
    assert_eq!(end(&mut scene.client(2, Some(&other))).await, StatusCode::NO_CONTENT);
    assert_eq!(scene.client(1, Some(&other)).request("ping", "{}").await.status, StatusCode::NOT_FOUND);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_process_that_is_killed_takes_nothing_with_it_that_others_can_do() {
    let mut scene = Scene::of(3).await;
    let first = scene.begin(0).await;
    scene.fleet.kill(0);
    for (number, before, level, after) in [(1, 3, "info", 2), (2, 2, "error", 1)] {
        let mut client = scene.client(number, Some(&first));
        assert_eq!(logs(&mut client).await, before, "{number}");
        assert_eq!(set_level(&mut client, level).await.json()["result"], serde_json::json!({}), "{number}");
        assert_eq!(logs(&mut scene.client(3 - number, Some(&first))).await, after);
    }
    assert_eq!(scene.fleet.metric(1, &outcome("gone")).await, 1);
    assert_eq!(end(&mut scene.client(1, Some(&first))).await, StatusCode::NO_CONTENT);
    assert_eq!(scene.client(2, Some(&first)).request("ping", "{}").await.status, StatusCode::NOT_FOUND);

    // Another process at the same address is not the one that began the session.
    let second = scene.begin(2).await;
    scene.fleet.kill(2);
    scene.fleet.restart(2);
    assert_eq!(set_level(&mut scene.client(1, Some(&second)), "error").await.status, StatusCode::OK);
    assert_eq!(scene.fleet.metric(1, &outcome("gone")).await, 2);
    assert_eq!(logs(&mut scene.client(2, Some(&second))).await, 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_cancellation_reaches_every_process_once() {
    let scene = Scene::of(3).await;
    let first = scene.begin(0).await;
    let told = r#"{"jsonrpc":"2.0","method":"notifications/cancelled","params":{"requestId":7}}"#;
    assert_eq!(scene.client(1, Some(&first)).post(told).await.status, StatusCode::ACCEPTED);
    tests::wait::until_async("both others have it", std::time::Duration::from_secs(10), async || {
        (scene.fleet.metric(1, &outcome("answered")).await == 2).then_some(())
    })
    .await;
    assert_eq!(scene.fleet.metric(0, &outcome("answered")).await, 0, "none passes on what was passed on");
    assert_eq!(scene.fleet.metric(2, &outcome("answered")).await, 0);
    let many = format!("[{told},{}]", super::scene::PING);
    let mut old = scene.client(1, None).header("mcp-protocol-version", "2025-03-26");
    assert_eq!(old.post(many).await.status, StatusCode::OK);
    assert_eq!(scene.fleet.metric(1, &outcome("answered")).await, 2, "a batch is answered here alone");
}

#[tokio::test(flavor = "multi_thread")]
async fn status_lists_the_peers_and_a_process_alone_has_none() {
    let mut scene = Scene::of(2).await;
    let peers =
        async |scene: &Scene| get(&format!("{}/status", scene.fleet.process(0).admin)).await.json()["peers"].clone();
    let address = scene.fleet.peer_address(1).to_string();
    assert_eq!(peers(&scene).await, serde_json::json!([{"address": address, "reachable": true}]));
    scene.fleet.kill(1);
    let gone = serde_json::json!([{"address": address, "reachable": false}]);
    tests::wait::until_async("it is seen to be gone", std::time::Duration::from_secs(10), async || {
        (peers(&scene).await == gone).then_some(())
    })
    .await;

    let alone = Switchboard::start_ready(scene.manifests.path(), &Options::default());
    assert!(get(&format!("{}/status", alone.admin)).await.json().get("peers").is_none());
    assert!(alone.event("listening", std::time::Duration::ZERO, |_| true).get("peers").is_none());
    let mut state = std::fs::read_dir(alone.home().join("state/switchboard")).unwrap();
    assert!(state.all(|file| file.unwrap().file_name() != "peer-authority"), "no authority is made for nobody");
    assert_eq!(scene.upstream.posts("logging/setLevel"), 0);
}
