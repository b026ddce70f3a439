//! The port for peers lets in those who have a certificate of the
//! authority, and nobody else learns anything there.

use std::net::SocketAddr;
use std::sync::Arc;

use gateway::peers::authority::{Credentials, new_signing_key};
use http::StatusCode;
use tests::client::split;
use tests::raw;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio_rustls::TlsConnector;
use tokio_rustls::rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use tokio_rustls::rustls::crypto::ring::default_provider;
use tokio_rustls::rustls::pki_types::{CertificateDer, ServerName, UnixTime};
use tokio_rustls::rustls::{ClientConfig, DigitallySignedStruct, Error, SignatureScheme};

use super::peers::Scene;
use super::scene::{KEY, PING};

const QUESTIONS: [&str; 3] = ["/peer/hello", "/peer/sessions", "/mcp"];

/// What comes back, to the end of the connection; whatever went wrong on the way is no answer.
async fn ask(connector: &TlsConnector, address: SocketAddr, request: &str) -> String {
    let mut answer = Vec::new();
    let talk = async {
        let name = ServerName::try_from("peer.switchboard.internal").unwrap();
        let mut stream = connector.connect(name, TcpStream::connect(address).await?).await?;
        stream.write_all(request.as_bytes()).await?;
        stream.read_to_end(&mut answer).await
    };
    let _ = talk.await;
    String::from_utf8_lossy(&answer).into_owned()
}

fn question(path: &str) -> String {
    format!("GET {path} HTTP/1.1\r\nHost: peer\r\nConnection: close\r\n\r\n")
}

fn ping(headers: &str) -> String {
    format!(
        "POST /mcp HTTP/1.1\r\nHost: elsewhere.example\r\nConnection: close\r\nContent-Type: application/json\r\nAccept: application/json, text/event-stream\r\n{headers}Content-Length: {}\r\n\r\n{PING}",
        PING.len()
    )
}

/// With the key of the fleet's own authority, as a peer has it.
fn as_peer(scene: &Scene) -> TlsConnector {
    let path = scene.fleet.process(0).home().join("state/switchboard/peer-authority");
    Credentials::issue(&std::fs::read(path).unwrap()).unwrap().connector
}

/// Trusts everybody.
#[derive(Debug)]
struct Anybody;

impl ServerCertVerifier for Anybody {
    fn verify_server_cert(
        &self,
        _: &CertificateDer<'_>,
        _: &[CertificateDer<'_>],
        _: &ServerName<'_>,
        _: &[u8],
        _: UnixTime,
    ) -> Result<ServerCertVerified, Error> {
        Ok(ServerCertVerified::assertion())
    }

    fn verify_tls12_signature(
        &self,
        _: &[u8],
        _: &CertificateDer<'_>,
        _: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        Ok(HandshakeSignatureValid::assertion())
    }

    fn verify_tls13_signature(
        &self,
        _: &[u8],
        _: &CertificateDer<'_>,
        _: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        Ok(HandshakeSignatureValid::assertion())
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        default_provider().signature_verification_algorithms.supported_schemes()
    }
}

/// A client that trusts everybody: without a certificate, or with one of another authority.
fn stranger(with_certificate: bool) -> TlsConnector {
    let provider = Arc::new(default_provider());
    let config = ClientConfig::builder_with_provider(provider).with_safe_default_protocol_versions().unwrap();
    let config = config.dangerous().with_custom_certificate_verifier(Arc::new(Anybody));
    if !with_certificate {
        return Arc::new(config.with_no_client_auth()).into();
    }
    let theirs = Credentials::issue(&new_signing_key().unwrap()).unwrap();
    let resolver = theirs.connector.config().client_auth_cert_resolver.clone();
    Arc::new(config.with_client_cert_resolver(resolver)).into()
}

#[tokio::test(flavor = "multi_thread")]
async fn r9_who_has_no_certificate_of_the_authority_is_told_nothing() {
    let scene = Scene::of(2).await;
    let address = scene.fleet.peer_address(0);
    let peer = as_peer(&scene);
    for path in QUESTIONS {
        for with_certificate in [false, true] {
            let answer = ask(&stranger(with_certificate), address, &question(path)).await;
            assert_eq!(answer, "", "{path}, with a certificate of another authority: {with_certificate}");
        }
        let head = format!("GET {path} HTTP/1.1\r\nHost: {address}\r\n");
        let plain = raw::exchange(address, &head, b"").await;
        assert!(plain.text.len() < 16 && !plain.text.contains("HTTP"), "at most an alert: {plain:?}");
        assert!(ask(&peer, address, &question(path)).await.starts_with("HTTP/1.1 "), "and a peer is: {path}");
        let (clients, _) = split(&scene.fleet.process(0).mcp);
        let head = format!("GET {path} HTTP/1.1\r\nHost: {clients}\r\nx-api-key: {KEY}\r\n");
        let status = raw::exchange(clients, &head, b"").await.status();
        assert!(status.is_some_and(|status| status.is_client_error()), "clients have none of it: {status:?}");
    }
    assert!(scene.begin(0).await.session().is_some(), "nobody was disturbed");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_request_for_another_boot_is_misdirected_and_each_is_identified_again() {
    let scene = Scene::of(2).await;
    let (address, peer) = (scene.fleet.peer_address(0), as_peer(&scene));
    let hello = ask(&peer, address, &question("/peer/hello")).await;
    let boot = hello.lines().find_map(|line| line.strip_prefix("switchboard-boot: ")).unwrap().to_owned();
    let status = async |headers: &str| {
        let answer = ask(&peer, address, &ping(headers)).await;
        answer.get(9..12).and_then(|status| status.parse::<StatusCode>().ok())
    };
    let key = format!("x-api-key: {KEY}\r\n");
    assert_eq!(status(&format!("{key}switchboard-boot: {boot}\r\n")).await, Some(StatusCode::OK));
    assert_eq!(status(&format!("switchboard-boot: {boot}\r\n")).await, Some(StatusCode::UNAUTHORIZED));
    for other in ["", "switchboard-boot: 0123456789abcdef\r\n", "switchboard-boot: \r\n"] {
        assert_eq!(status(&format!("{key}{other}")).await, Some(StatusCode::MISDIRECTED_REQUEST), "{other}");
    }
    // Peers are no guessers: who guessed was counted where the guess came in.
    for _ in 0..150 {
        let wrong = format!("x-api-key: sb-wrong\r\nswitchboard-boot: {boot}\r\n");
        assert_eq!(status(&wrong).await, Some(StatusCode::UNAUTHORIZED));
    }
}
