//! R13, R14: who may come, and with how much.

use http::{Method, StatusCode};
use tests::client::{Client, split};
use tests::http2::Http2;
use tests::raw;
use tests::sidecar::refused;
use tests::upstream::Script;

use super::super::scene::{KEY, PING};
use super::{Beside, before_a_witness, refusal};

#[test]
fn r14_it_listens_on_loopback_alone_and_its_gateway_is_an_origin() {
    for address in ["0.0.0.0:0", "[::]:0", "10.0.0.7:0", "localhost:0"] {
        let (code, errors) = refused(&["--gateway", "http://127.0.0.1:1", "--listen", address]);
        assert_eq!(code, Some(2), "{address}: {errors}");
        assert!(errors.contains("--listen"), "{errors}");
    }
    for url in ["http://127.0.0.1:1/secret", "http://user:secret@127.0.0.1:1", "secret.svc"] {
        let (code, errors) = refused(&["--gateway", url, "--listen", "127.0.0.1:0", "--admin", "127.0.0.1:0"]);
        assert_eq!(code, Some(1), "{url}: {errors}");
        assert!(errors.contains("--gateway: ") && !errors.contains("secret"), "{errors}");
    }
    let (code, errors) = refused(&["--gateway", "https://127.0.0.1:1", "--gateway-ca", "/nowhere/ca.crt"]);
    assert_eq!(code, Some(1));
    assert!(errors.contains("/nowhere/ca.crt: entity not found"), "{errors}");
}

#[tokio::test(flavor = "multi_thread")]
async fn r14_only_who_names_loopback_is_answered_and_no_page_of_another_origin() {
    let (witness, sidecar) = before_a_witness(Script::echo());
    let own = sidecar.mcp.strip_suffix("/mcp").unwrap();
    let host = own.strip_prefix("http://").unwrap();
    let mut agent = sidecar.agent();
    for headers in [
        &[("host", "localhost:6270")][..],
        &[("host", "127.0.0.1")],
        &[("host", "[::1]:6270")],
        &[("host", host), ("origin", own)],
    ] {
        assert_eq!(agent.send(&Method::POST, headers, PING).await.status, StatusCode::OK, "{headers:?}");
    }
    let passed = witness.all_posts();
    for headers in [
        &[("host", "agent.example.com")][..],
        &[("host", "127.0.0.1.evil.example")],
        &[("host", "0.0.0.0")],
        &[("host", host), ("origin", "https://evil.example")],
        &[("host", host), ("origin", "null")],
        &[("host", host), ("origin", "http://127.0.0.1:1")],
    ] {
        let answer = agent.send(&Method::POST, headers, PING).await;
        assert_eq!(answer.status, StatusCode::FORBIDDEN, "{headers:?}");
        refusal(&answer);
    }
    assert_eq!(witness.all_posts(), passed);
    // Kubelet asks by loopback here, and its port is a loopback listener too.
    let mut probe = Client::new(&format!("{}/livez", sidecar.admin));
    assert_eq!(probe.send(&Method::GET, &[], "").await.status, StatusCode::OK);
    assert_eq!(probe.send(&Method::GET, &[("host", "evil.example")], "").await.status, StatusCode::FORBIDDEN);
    assert_eq!(probe.post("{}").await.status, StatusCode::METHOD_NOT_ALLOWED);
    assert_eq!(probe.path("/mcp").send(&Method::GET, &[], "").await.status, StatusCode::NOT_FOUND);
}

#[tokio::test(flavor = "multi_thread")]
async fn r13_what_is_too_large_is_refused_as_the_gateway_would() {
    let Beside { scene, sidecar } = Beside::of(Script::echo());
    let (address, _) = split(&sidecar.mcp);
    let head =
        |more: &str| format!("POST /mcp HTTP/1.1\r\nHost: {address}\r\nContent-Type: application/json\r\n{more}");
    let large = vec![b' '; 4 * 1024 * 1024 + 1];
    let reply = raw::exchange(address, &head(&format!("Content-Length: {}\r\n", large.len())), &large).await;
    assert_eq!(reply.status(), Some(StatusCode::PAYLOAD_TOO_LARGE), "{}", reply.text);
    let chunked = [format!("{:x}\r\n", large.len()).as_bytes(), &large, b"\r\n0\r\n\r\n"].concat();
    let reply = raw::exchange(address, &head("Transfer-Encoding: chunked\r\n"), &chunked).await;
    assert_eq!(reply.status(), Some(StatusCode::PAYLOAD_TOO_LARGE), "the gateway's own: {}", reply.text);
    let padding = "x".repeat(65 * 1024);
    let reply = raw::exchange(address, &head(&format!("X-Padding: {padding}\r\nContent-Length: 0\r\n")), b"").await;
    assert_eq!(reply.status(), Some(StatusCode::REQUEST_HEADER_FIELDS_TOO_LARGE), "{}", reply.text);
    let twice = head(&format!("Authorization: {KEY}\r\nAuthorization: {KEY}\r\nContent-Length: 0\r\n"));
    assert_eq!(raw::exchange(address, &twice, b"").await.status(), Some(StatusCode::BAD_REQUEST));
    assert_eq!(sidecar.agent().tools().await, ["up-echo"], "and goes on");
    drop(scene);
}

/// An agent may speak HTTP/2 by prior knowledge, as to the gateway.
#[tokio::test(flavor = "multi_thread")]
async fn requests_of_http_2_go_on_over_http_1() {
    let Beside { scene, sidecar } = Beside::of(Script::echo());
    let http2 = Http2::clear(&sidecar.mcp).await;
    let call = r#"{"jsonrpc":"2.0","id":1,"method":"tools/call","params":{"name":"up-echo","arguments":{}}}"#;
    for _ in 0..3 {
        let answer = http2.post("sb-of-nobody", &[], call).await.unwrap();
        assert!(answer.status == StatusCode::OK && !answer.is_tool_error(), "{answer:?}");
    }
    assert_eq!(scene.upstream.posts("tools/call"), 3);
}
