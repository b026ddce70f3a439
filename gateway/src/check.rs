//! Does a gateway answer at a URL? What `helm test` asks, by way of the
//! Service, from a pod that has nothing but this binary.
//!
//! It asks without a key, so that nobody has to make one for it: a gateway
//! then wants one, by 401 and `WWW-Authenticate: Bearer`, or answers whom it
//! lets in without.

use std::time::Duration;

use bytes::Bytes;
use http::header::{ACCEPT, CONTENT_TYPE, HOST, WWW_AUTHENTICATE};
use http::{Request, Response, StatusCode, Uri};
use http_body_util::Full;
use hyper::body::Incoming;
use hyper::client::conn::http1;
use hyper_util::rt::TokioIo;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::time::{Instant, sleep, timeout};

use crate::egress::{Egress, EgressError, EgressPolicy, Stream};

/// How long one try may take.
const PATIENCE: Duration = Duration::from_secs(5);
/// Between two tries.
const AGAIN: Duration = Duration::from_millis(500);
/// A request that every revision has, and that changes nothing.
const PING: &[u8] = br#"{"jsonrpc":"2.0","id":1,"method":"ping"}"#;

/// Why nothing there is taken for a gateway.
#[derive(Debug, thiserror::Error)]
pub enum CheckError {
    /// This is no address of a gateway.
    #[error("not a URL of a gateway: write it as in http://HOST:PORT/mcp")]
    Url,
    /// There is no connection.
    #[error(transparent)]
    Connect(#[from] EgressError),
    /// The connection broke, or what came is not HTTP/1.1.
    #[error("no answer in HTTP/1.1")]
    Http(#[from] hyper::Error),
    /// It took too long.
    #[error("no answer within {} s", PATIENCE.as_secs())]
    Timeout,
    /// Something else answers there.
    #[error("the answer is {0}, and no gateway's")]
    Foreign(StatusCode),
}

/// Asks at `url` until a gateway answers; for `within` at most, and then says why not. Gives the status of the answer:
/// 401, or 200 where callers without a key are let in.
pub async fn check(url: &str, within: Duration) -> Result<StatusCode, CheckError> {
    let url: Uri = url.parse().map_err(|_| CheckError::Url)?;
    let end = Instant::now() + within;
    loop {
        match timeout(PATIENCE, ask(&url)).await.unwrap_or(Err(CheckError::Timeout)) {
            Err(error) if !matches!(error, CheckError::Url) && Instant::now() + AGAIN < end => sleep(AGAIN).await,
            answer => return answer,
        }
    }
}

async fn ask(url: &Uri) -> Result<StatusCode, CheckError> {
    let tls = match url.scheme_str() {
        Some("http") => false,
        Some("https") => true,
        _ => return Err(CheckError::Url),
    };
    let authority = url.authority().ok_or(CheckError::Url)?;
    let host = authority.host().trim_matches(['[', ']']);
    let port = url.port_u16().unwrap_or(if tls { 443 } else { 80 });
    let path = url.path_and_query().map_or("/", |path| path.as_str());
    let request = Request::post(path)
        .header(HOST, authority.as_str())
        .header(CONTENT_TYPE, "application/json")
        .header(ACCEPT, "application/json, text/event-stream")
        .body(Full::new(Bytes::from_static(PING)))
        .map_err(|_| CheckError::Url)?;
    // Whoever runs the check says where it leads: loopback too.
    let egress = Egress::new(EgressPolicy { allow_loopback: true, ..EgressPolicy::default() });
    let response = match egress.connect(host, port, tls, PATIENCE).await?.stream {
        Stream::Plain(io) => send(io, request).await?,
        Stream::Tls(io) => send(*io, request).await?,
    };
    let wants_a_key =
        response.headers().get(WWW_AUTHENTICATE).is_some_and(|value| value.as_bytes().starts_with(b"Bearer"));
    match response.status() {
        StatusCode::UNAUTHORIZED if wants_a_key => Ok(StatusCode::UNAUTHORIZED),
        StatusCode::OK if is_message(&response) => Ok(StatusCode::OK),
        other => Err(CheckError::Foreign(other)),
    }
}

async fn send(
    io: impl AsyncRead + AsyncWrite + Send + Unpin + 'static,
    request: Request<Full<Bytes>>,
) -> Result<Response<Incoming>, CheckError> {
    let (mut sender, connection) = http1::handshake(TokioIo::new(io)).await?;
    tokio::spawn(connection);
    Ok(sender.send_request(request).await?)
}

/// Whether the answer is of a kind that MCP has.
fn is_message(response: &Response<Incoming>) -> bool {
    let kind = response.headers().get(CONTENT_TYPE).and_then(|kind| kind.to_str().ok()).unwrap_or_default();
    kind.starts_with("application/json") || kind.starts_with("text/event-stream")
}
