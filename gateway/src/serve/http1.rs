//! A connection of HTTP/1.1: one request after the other.

use std::convert::Infallible;
use std::future::Future;
use std::net::IpAddr;
use std::pin::pin;

use http::header::CONNECTION;
use http::{HeaderValue, Request, Response};
use hyper::body::Incoming;
use hyper::server::conn::http1::Builder;
use hyper::service::service_fn;
use hyper_util::rt::{TokioIo, TokioTimer};
use tokio::io::{AsyncRead, AsyncWrite};

use super::going_on::Place;
use super::{Conversation, GoesOn, HEAD_TIMEOUT};
use crate::body::Body;

/// What hyper buffers of a head; beyond it the connection is answered 431 and closed without our body.
const MAX_HEAD_BUFFER: usize = 256 * 1024;

impl<H, F> Conversation<H>
where
    H: Fn(Request<Incoming>, IpAddr, GoesOn) -> F + Send + Sync + 'static,
    F: Future<Output = Response<Body>> + Send + 'static,
{
    /// Answers a connection's requests.
    pub(super) async fn http1<S>(self, stream: S)
    where
        S: AsyncRead + AsyncWrite + Unpin + Send + 'static,
    {
        let Self { address, handler, drain, mut end } = self;
        let place = Place::default();
        let service = service_fn(move |request| {
            let (response, drain) = (place.begin(|goes_on| handler(request, address, goes_on)), drain.clone());
            async move {
                let mut response = response.await?;
                if drain.is_leaving() {
                    // So that the next request of this client goes elsewhere, and none meets a connection that is being closed.
                    response.headers_mut().insert(CONNECTION, HeaderValue::from_static("close"));
                }
                Ok::<_, Infallible>(response)
            }
        });
        let connection = Builder::new()
            .timer(TokioTimer::new())
            .header_read_timeout(HEAD_TIMEOUT)
            .max_buf_size(MAX_HEAD_BUFFER)
            .serve_connection(TokioIo::new(stream), service);
        let mut connection = pin!(connection);
        tokio::select! {
            biased;
            _ = connection.as_mut() => return,
            _ = end.wait_for(|end| *end) => {}
        }
        connection.as_mut().graceful_shutdown();
        let _ = connection.await;
    }
}
