//! TLS: a server is who its certificate says, or it is not asked.
//!
//! The trusted roots are the machine's, so the test runs itself once more with
//! `SSL_CERT_FILE` set, as a person would.

use std::process::Command;
use std::sync::Arc;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use crds::snapshot::HttpWire;
use rcgen::{Certificate, CertificateParams, DnType, KeyPair};
use rustls::pki_types::PrivateKeyDer;
use tokio::net::TcpListener;
use tokio_rustls::TlsAcceptor;

use crate::calls::{call, upstream};
use crate::server::{Script, Seen, serve, streamable};

#[test]
fn a_trusted_certificate_of_the_right_name_is_spoken_to_and_no_other() {
    if let Some(url) = std::env::var_os("TEST_TLS_URL") {
        return ask(url.to_str().unwrap());
    }
    let runtime = tokio::runtime::Runtime::new().unwrap();
    let (cert, signing_key) = self_signed("the server");
    let (stranger, _) = self_signed("somebody else");
    let directory = std::path::Path::new(env!("CARGO_TARGET_TMPDIR"));
    let key = PrivateKeyDer::try_from(signing_key.serialize_der()).unwrap();
    let config = rustls::ServerConfig::builder_with_provider(Arc::new(rustls::crypto::ring::default_provider()))
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_no_client_auth()
        .with_single_cert(vec![cert.der().clone()], key)
        .unwrap();
    let script = Arc::new(Script::default());
    let port = runtime.block_on(listen(TlsAcceptor::from(Arc::new(config)), Arc::clone(&script)));
    // The port is of this run alone, and so are the files.
    let write = |name: &str, certificate: &Certificate| {
        let path = directory.join(format!("{name}-{port}.pem"));
        let encoded = STANDARD.encode(certificate.der());
        std::fs::write(&path, format!("-----BEGIN CERTIFICATE-----\n{encoded}\n-----END CERTIFICATE-----\n")).unwrap();
        path
    };
    let (trusted, other) = (write("trusted", &cert), write("other", &stranger));
    let run = |host: &str, roots: &std::path::Path| -> String {
        let output = Command::new(std::env::current_exe().unwrap())
            .args(["--exact", "tls::a_trusted_certificate_of_the_right_name_is_spoken_to_and_no_other", "--nocapture"])
            .env("TEST_TLS_URL", format!("https://{host}:{port}/mcp"))
            .env("SSL_CERT_FILE", roots)
            .env_remove("SSL_CERT_DIR")
            .output()
            .unwrap();
        assert!(output.status.success(), "{output:?}");
        String::from_utf8(output.stdout).unwrap()
    };
    let answer = run("localhost", &trusted);
    assert!(answer.contains("answered\n"), "{answer}");
    let seen = script.seen().len();
    let answer = run("127.0.0.1", &trusted);
    assert!(answer.contains("TLS: the certificate is of another name\n"), "{answer}");
    let answer = run("localhost", &other);
    assert!(answer.contains("TLS: the certificate's issuer is not trusted\n"), "{answer}");
    assert_eq!(script.seen().len(), seen, "a server that is not trusted hears nothing");
    for file in [trusted, other] {
        std::fs::remove_file(file).unwrap();
    }
}

fn self_signed(name: &str) -> (Certificate, KeyPair) {
    let key = KeyPair::generate().unwrap();
    let mut params = CertificateParams::new(vec!["localhost".to_owned()]).unwrap();
    params.distinguished_name.push(DnType::CommonName, name);
    (params.self_signed(&key).unwrap(), key)
}

fn ask(url: &str) {
    let runtime = tokio::runtime::Runtime::new().unwrap();
    match runtime.block_on(call(&upstream(url, HttpWire::Auto))) {
        Ok(_) => println!("answered"),
        Err(error) => println!("{error}"),
    }
}

async fn listen(acceptor: TlsAcceptor, script: Arc<Script>) -> u16 {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let port = listener.local_addr().unwrap().port();
    tokio::spawn(async move {
        loop {
            let (stream, _) = listener.accept().await.unwrap();
            if let Ok(stream) = acceptor.accept(stream).await {
                tokio::spawn(serve(stream, Arc::clone(&script), Arc::new(|seen: &Seen, _: &Script| streamable(seen))));
            }
        }
    });
    port
}
