//! The sidecar: beside an agent that has no key, before a gateway that wants
//! one. Both are processes of their own.

use serde_json::json;
use tests::client::Answer;
use tests::process::{Options, Switchboard};
use tests::sidecar::Sidecar;
use tests::upstream::{Script, Upstream};

use super::scene::{KEY, Scene};

mod ending;
mod faults;
mod identity;
mod rim;
mod streams;
mod tls;
mod token;

/// A scene, and a sidecar before it with its key.
struct Beside {
    scene: Scene,
    sidecar: Sidecar,
}

impl Beside {
    fn of(script: Script) -> Self {
        Self::before(Scene::of(script))
    }

    fn before(scene: Scene) -> Self {
        let sidecar = Sidecar::start(&origin(&scene.switchboard.mcp), KEY);
        Self { scene, sidecar }
    }
}

/// The URL of a gateway without its path.
fn origin(mcp: &str) -> String {
    mcp.strip_suffix("/mcp").unwrap().to_owned()
}

/// A sidecar before a server that keeps all that it is sent, in the place of a gateway.
fn before_a_witness(script: Script) -> (Upstream, Sidecar) {
    let witness = Upstream::start(Script { sessions: false, ..script });
    let sidecar = Sidecar::start(&origin(&witness.url()), KEY);
    (witness, sidecar)
}

/// The message of a refusal that the sidecar made itself.
fn refusal(answer: &Answer) -> String {
    assert_eq!(answer.headers["content-type"], "application/json", "{answer:?}");
    let body = answer.json();
    assert_eq!((&body["jsonrpc"], &body["id"]), (&json!("2.0"), &json!(null)), "{body}");
    body["error"]["message"].as_str().unwrap_or_else(|| panic!("a message in {body}")).to_owned()
}

/// The gateway of this scene once more, at the address where it was.
fn again(scene: &Scene, address: &str) -> Switchboard {
    let options = Options { arguments: vec!["--listen".into(), address.into()], ..Options::default() };
    let again = scene.switchboard.start_again(scene.manifests.path(), &options);
    again.ready();
    again
}
