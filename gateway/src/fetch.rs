//! One document from one https URL, by the one connector (R20): no redirect,
//! no proxy, bounded in size and time, over a connection of its own.

use std::time::Duration;

use bytes::Bytes;
use http::header::{ACCEPT, HOST};
use http::{HeaderValue, Request, StatusCode};
use http_body_util::{BodyExt, Empty, Limited};
use hyper_util::rt::TokioIo;
use tokio::io::{AsyncRead, AsyncWrite};

use crate::egress::{Egress, EgressError, Stream};
use crate::upstream::http::target::Target;

/// The largest document, in bytes.
const LARGEST: usize = 1 << 20;

/// Why there is no document. Nothing that the other side sent is in it.
#[derive(Debug, thiserror::Error)]
pub(crate) enum FetchError {
    /// The URL is none, or not https.
    #[error("its address is not an https URL")]
    Url,
    /// It cannot be connected to.
    #[error(transparent)]
    Egress(#[from] EgressError),
    /// It does not answer in HTTP, or breaks off.
    #[error("the connection broke, or is no HTTP")]
    Broken,
    /// It answers something else.
    #[error("it answers {0}")]
    Status(StatusCode),
    /// It is too large.
    #[error("it is over 1 MiB, or breaks off")]
    TooLarge,
    /// It takes too long.
    #[error("no answer in time")]
    Timeout,
}

/// GETs a document within this time.
pub(crate) async fn get(egress: &Egress, url: &str, within: Duration) -> Result<Vec<u8>, FetchError> {
    tokio::time::timeout(within, get_unbounded(egress, url, within)).await.unwrap_or(Err(FetchError::Timeout))
}

async fn get_unbounded(egress: &Egress, url: &str, within: Duration) -> Result<Vec<u8>, FetchError> {
    let target = Target::parse(url).map_err(|_| FetchError::Url)?;
    if !target.https {
        return Err(FetchError::Url);
    }
    let connected = egress.connect(&target.host, target.port, true, within).await?;
    match connected.stream {
        Stream::Plain(io) => exchange(io, &target).await,
        Stream::Tls(io) => exchange(*io, &target).await,
    }
}

async fn exchange(
    io: impl AsyncRead + AsyncWrite + Unpin + Send + 'static,
    target: &Target,
) -> Result<Vec<u8>, FetchError> {
    let (mut sender, connection) =
        hyper::client::conn::http1::handshake(TokioIo::new(io)).await.map_err(|_| FetchError::Broken)?;
    // It ends with the sender, or when the other side goes.
    let driver = tokio::spawn(connection);
    let mut request = Request::new(Empty::<Bytes>::new());
    *request.uri_mut() = target.path.clone();
    request.headers_mut().insert(HOST, target.authority.clone());
    request.headers_mut().insert(ACCEPT, HeaderValue::from_static("application/json"));
    let response = sender.send_request(request).await.map_err(|_| FetchError::Broken)?;
    if response.status() != StatusCode::OK {
        return Err(FetchError::Status(response.status()));
    }
    let body = Limited::new(response.into_body(), LARGEST).collect().await.map_err(|_| FetchError::TooLarge)?;
    driver.abort();
    Ok(body.to_bytes().to_vec())
}
