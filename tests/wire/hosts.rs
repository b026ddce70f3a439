//! R14: which Host and Origin are taken, by the address that is listened on.

use http::{Method, StatusCode};
use tests::client::{Client, split};
use tests::process::{Options, Switchboard};
use tests::raw;
use tests::upstream::Script;

use super::scene::{KEY, PING, Scene};

const FOREIGN: &str = "mcp.example.com";

/// A scene whose both listeners are on this address.
fn at(address: &str) -> Scene {
    let scene = Scene::of(Script::echo());
    let arguments = ["--listen", address, "--admin", address].map(str::to_owned).to_vec();
    let options = Options { arguments, ..Options::default() };
    let switchboard = Switchboard::start_ready(scene.manifests.path(), &options);
    Scene { switchboard, ..scene }
}

/// The status of a ping and of the admin port's liveness with these headers, where they listen on `address`.
async fn statuses(scene: &Scene, headers: &[(&str, &str)]) -> [StatusCode; 2] {
    let mut mcp = scene.client();
    let mut admin = Client::new(&format!("{}/livez", scene.switchboard.admin));
    [mcp.send(&Method::POST, headers, PING).await.status, admin.send(&Method::GET, headers, "").await.status]
}

#[tokio::test(flavor = "multi_thread")]
async fn r14_a_listener_on_loopback_takes_loopback_hosts_only() {
    for address in ["127.0.0.1:0", "[::1]:0", "[::ffff:127.0.0.1]:0"] {
        let scene = at(address);
        for host in ["localhost:8080", "127.0.0.1", "[::1]:8080", "[::ffff:127.0.0.1]"] {
            assert_eq!(statuses(&scene, &[("host", host)]).await, [StatusCode::OK; 2], "{host} at {address}");
        }
        for host in [FOREIGN, "127.0.0.1.evil.example", "[::1", "0.0.0.0", "localhost:http"] {
            assert_eq!(statuses(&scene, &[("host", host)]).await, [StatusCode::FORBIDDEN; 2], "{host} at {address}");
        }
    }
}

/// A proxy on the same machine comes by loopback too, and names the gateway as clients do.
#[tokio::test(flavor = "multi_thread")]
async fn r14_a_listener_on_all_addresses_takes_every_host_by_loopback_too() {
    for address in ["0.0.0.0:0", "[::]:0"] {
        let scene = at(address);
        let origin = format!("https://{FOREIGN}");
        for headers in [&[("host", FOREIGN)][..], &[("host", "localhost")], &[("host", FOREIGN), ("origin", &origin)]] {
            assert_eq!(statuses(&scene, headers).await, [StatusCode::OK; 2], "{headers:?} at {address}");
        }
        let foreign = [("host", FOREIGN), ("origin", "https://evil.example")];
        assert_eq!(statuses(&scene, &foreign).await, [StatusCode::FORBIDDEN; 2], "{address}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn r14_two_hosts_are_400() {
    let scene = Scene::of(Script::echo());
    let (mcp, _) = split(&scene.switchboard.mcp);
    let (admin, _) = split(&scene.switchboard.admin);
    let reply = raw::exchange(mcp, &format!("{}Host: {mcp}\r\n", scene.head(KEY)), PING.as_bytes()).await;
    assert_eq!(reply.status(), Some(StatusCode::BAD_REQUEST), "{}", reply.text);
    assert!(reply.body().contains("Host"), "{}", reply.text);
    let head = format!("GET /livez HTTP/1.1\r\nHost: {admin}\r\nHost: {admin}\r\n");
    assert_eq!(raw::exchange(admin, &head, b"").await.status(), Some(StatusCode::BAD_REQUEST));
}
