//! Any process of a fleet answers any of it.

use http::StatusCode;
use serde_json::json;
use tests::client::Client;
use tests::fleet::Fleet;
use tests::manifests::Manifests;
use tests::upstream::{Does, Script, Tool, Upstream, stdio};

use super::super::scene::KEY;
use super::{READS, SERVER, call, read, text};

#[tokio::test(flavor = "multi_thread")]
async fn every_process_answers_alike() {
    let up = Upstream::start(Script::echo());
    let manifests = Manifests::default();
    let child = |mode: &str| {
        let script = Script::with([Tool::new("echo", Does::Echo), Tool::new("pid", Does::Pid)]);
        json!({"stdio": stdio::manifest(&script), "sessionMode": mode})
    };
    manifests.http("near", &up.url());
    for mode in ["PerCaller", "PerClient", "Shared"] {
        manifests.server(&mode.to_lowercase(), &child(mode));
    }
    manifests.group("all", "all", &["near", "shared"]).key("scene", KEY, &["near", "percaller", "perclient", "shared"]);
    let fleet = Fleet::start(&manifests, 2).await;
    let client = |number: usize| Client::new(&fleet.process(number).mcp).key(KEY);
    for path in READS {
        let [one, other] = [read(&client(0), path).await, read(&client(1), path).await];
        assert_eq!((one.status, text(&one)), (StatusCode::OK, text(&other)), "{path}");
    }
    assert_eq!(read(&client(0), SERVER).await.json().as_array().unwrap().len(), 4);
    for server in ["near", "percaller", "perclient", "shared"] {
        for number in [0, 1] {
            let answer = call(&client(number), (server, "echo"), r#"{"a":1e400}"#).await;
            assert_eq!(answer.status, StatusCode::OK, "{server} at {number}: {answer:?}");
            assert!(text(&answer).contains(r#""arguments":{"a":1e400}"#), "{server} at {number}: {answer:?}");
        }
    }
}
