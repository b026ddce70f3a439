//! A gateway behind TLS, known by an authority that only the sidecar is told of.

use http::StatusCode;
use tests::certificates::Issued;
use tests::mount::Mount;
use tests::sidecar::Sidecar;
use tests::upstream::Script;

use super::super::scene::KEY;
use super::super::tls::Certified;
use super::refusal;

#[tokio::test(flavor = "multi_thread")]
async fn a_gateway_is_known_by_the_authorities_that_the_file_names_at_that_time() {
    let certified = Certified::of(Script::echo());
    let mut volume = Mount::of(&["token", "ca.crt"]);
    let stranger = Issued::new();
    volume.put(&[("token", KEY), ("ca.crt", &stranger.certificate)]);
    let authorities = volume.file("ca.crt");
    let arguments = ["--gateway-ca", authorities.to_str().unwrap()];
    let mut sidecar = Sidecar::start_with(&certified.origin(), volume, &arguments, &[]);
    let mut agent = sidecar.agent();
    let answer = agent.request("tools/list", "{}").await;
    assert_eq!(answer.status, StatusCode::BAD_GATEWAY);
    let said = refusal(&answer);
    assert!(said.contains(&certified.origin()) && said.contains("TLS: the certificate is not valid"), "{said}");

    let both = format!("{}{}", stranger.certificate, certified.issued.certificate);
    sidecar.volume.put(&[("token", KEY), ("ca.crt", &both)]);
    assert_eq!(agent.tools().await, ["up-echo"], "without a restart");
    for broken in ["", "no certificate"] {
        sidecar.volume.put(&[("token", KEY), ("ca.crt", broken)]);
        // On a connection of its own.
        let mut streams = Vec::new();
        for _ in 0..3 {
            let mut agent = sidecar.agent();
            agent.initialize("2025-11-25").await;
            streams.push(agent.listen(&[]).await);
        }
        assert!(streams.iter().all(|stream| stream.status == StatusCode::OK), "the last good ones stay");
    }
    assert!(sidecar.logs().contains("last good authorities stay"));
}

#[tokio::test(flavor = "multi_thread")]
async fn without_a_file_it_trusts_whom_the_machine_does() {
    let certified = Certified::of(Script::echo());
    let sidecar = Sidecar::start(&certified.origin(), KEY);
    let answer = sidecar.agent().request("tools/list", "{}").await;
    assert_eq!(answer.status, StatusCode::BAD_GATEWAY);
    let mut volume = Mount::of(&["token"]);
    volume.put(&[("token", KEY)]);
    let trusted = certified.secret.trusted();
    let trusted = [("SSL_CERT_FILE", trusted.to_str().unwrap())];
    let sidecar = Sidecar::start_with(&certified.origin(), volume, &[], &trusted);
    assert_eq!(sidecar.agent().tools().await, ["up-echo"]);
}
