//! A client of HTTP/2: any number of requests at once over one connection, in
//! clear text by prior knowledge, or over TLS.

use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use http::{Method, Request, Response, Uri};
use http_body_util::{BodyExt, Full};
use hyper::body::Incoming;
use hyper::client::conn::http2::{Builder, SendRequest};
use hyper_util::rt::{TokioExecutor, TokioIo};
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::TcpStream;
use tokio::task::JoinHandle;
use tokio::time::timeout;
use tokio_rustls::TlsConnector;
use tokio_rustls::rustls::crypto::ring::default_provider;
use tokio_rustls::rustls::pki_types::{CertificateDer, ServerName};
use tokio_rustls::rustls::{ClientConfig, RootCertStore};

use crate::client::Answer;
use crate::stream::Stream;

/// How long any one request may take, its whole answer included.
const DEADLINE: Duration = Duration::from_secs(30);

/// A connection.
pub struct Http2 {
    sender: SendRequest<Full<Bytes>>,
    /// `http://HOST:PORT`
    origin: String,
    connection: JoinHandle<hyper::Result<()>>,
}

impl Http2 {
    /// Connects to this URL, in clear text.
    pub async fn clear(url: &str) -> Self {
        let stream = connect(url).await;
        Self::over(stream, url).await
    }

    /// Connects to this URL over TLS, and trusts this certificate alone; an error if it is shown another.
    pub async fn tls(url: &str, trusted: &CertificateDer<'static>) -> std::io::Result<Self> {
        let mut roots = RootCertStore::empty();
        roots.add(trusted.clone()).unwrap();
        let config = ClientConfig::builder_with_provider(Arc::new(default_provider()));
        let config = config.with_safe_default_protocol_versions().unwrap().with_root_certificates(roots);
        let mut config = config.with_no_client_auth();
        config.alpn_protocols = vec![b"h2".to_vec()];
        let name = ServerName::try_from("localhost").unwrap();
        let stream = TlsConnector::from(Arc::new(config)).connect(name, connect(url).await).await?;
        assert_eq!(stream.get_ref().1.alpn_protocol(), Some(&b"h2"[..]));
        Ok(Self::over(stream, url).await)
    }

    async fn over(stream: impl AsyncRead + AsyncWrite + Unpin + Send + 'static, url: &str) -> Self {
        let (sender, connection) = Builder::new(TokioExecutor::new()).handshake(TokioIo::new(stream)).await.unwrap();
        let uri: Uri = url.parse().unwrap();
        let origin = format!("{}://{}", uri.scheme_str().unwrap(), uri.authority().unwrap());
        Self { sender, origin, connection: tokio::spawn(connection) }
    }

    /// Sends a request, and waits for the head of its answer.
    pub async fn ask(
        &self,
        method: &Method,
        path: &str,
        headers: &[(&str, &str)],
        body: impl Into<Bytes>,
    ) -> hyper::Result<Response<Incoming>> {
        let target = if path.starts_with('/') { format!("{}{path}", self.origin) } else { path.to_owned() };
        let mut request = Request::builder().method(method).uri(target);
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        let mut sender = self.sender.clone();
        sender.ready().await?;
        timeout(DEADLINE, sender.send_request(request.body(Full::new(body.into())).unwrap())).await.expect("an answer")
    }

    /// The same, and the whole answer.
    pub async fn send(
        &self,
        method: &Method,
        path: &str,
        headers: &[(&str, &str)],
        body: impl Into<Bytes>,
    ) -> hyper::Result<Answer> {
        let (head, body) = self.ask(method, path, headers, body).await?.into_parts();
        let body = timeout(DEADLINE, body.collect()).await.expect("the whole answer")?.to_bytes();
        Ok(Answer { status: head.status, headers: head.headers, body })
    }

    /// POSTs a message to `/mcp` with this key, and gives the whole answer.
    pub async fn post(&self, key: &str, headers: &[(&str, &str)], body: impl Into<Bytes>) -> hyper::Result<Answer> {
        self.send(&Method::POST, "/mcp", &of_a_post(key, headers), body).await
    }

    /// GETs a stream with this key.
    pub async fn listen(&self, path: &str, key: &str, headers: &[(&str, &str)]) -> hyper::Result<Stream> {
        let mut all = vec![("accept", "text/event-stream"), ("x-litellm-api-key", key)];
        all.extend_from_slice(headers);
        let response = self.ask(&Method::GET, path, &all, "").await?;
        Ok(Stream::of(response, self.sender.clone()))
    }

    /// POSTs a message to `/mcp` with this key whose answer is a stream.
    pub async fn stream(&self, key: &str, headers: &[(&str, &str)], body: impl Into<Bytes>) -> hyper::Result<Stream> {
        let response = self.ask(&Method::POST, "/mcp", &of_a_post(key, headers), body).await?;
        Ok(Stream::of(response, self.sender.clone()))
    }

    /// Waits until the server has closed the connection; an error if that was not in good order.
    pub async fn closed(self, within: Duration) -> hyper::Result<()> {
        timeout(within, self.connection).await.expect("the connection is closed").unwrap()
    }
}

fn of_a_post<'h>(key: &'h str, headers: &[(&'h str, &'h str)]) -> Vec<(&'h str, &'h str)> {
    let accept = ("accept", "application/json, text/event-stream");
    let mut all = vec![("content-type", "application/json"), accept, ("x-litellm-api-key", key)];
    all.extend_from_slice(headers);
    all
}

async fn connect(url: &str) -> TcpStream {
    let uri: Uri = url.parse().unwrap();
    let stream = TcpStream::connect(uri.authority().unwrap().as_str()).await.unwrap();
    stream.set_nodelay(true).unwrap();
    stream
}
