//! A connection of HTTP/2: several requests at once, each on a stream.
//!
//! What holds of a connection of HTTP/1.1 holds here of a stream, or of the
//! connection where its client can do harm with that alone: it is closed once
//! it had no request for as long as a head may take, and it is told to go
//! (GOAWAY) where another would be answered with `Connection: close`, which is
//! none of HTTP/2.

use std::convert::Infallible;
use std::future::Future;
use std::net::IpAddr;
use std::pin::pin;
use std::sync::Arc;
use std::time::Duration;

use http::header::CONNECTION;
use http::{Request, Response};
use hyper::body::Incoming;
use hyper::server::conn::http2::Builder;
use hyper::service::service_fn;
use hyper_util::rt::{TokioIo, TokioTimer};
use tokio::io::{AsyncRead, AsyncWrite};

use self::requests::Requests;
use self::streams::{Parts, Streams};
use super::going_on::Place;
use super::{Conversation, GoesOn, HEAD_TIMEOUT, STALL};
use crate::body::Body;
use crate::reject::Reject;

mod requests;
mod streams;

/// Streams of one connection at once (R13).
const MAX_STREAMS: u32 = 128;
/// Requests of one connection at once, those included that go on though their streams were reset: who resets streams does
/// not get around the limit of them.
const MAX_REQUESTS: usize = 2 * MAX_STREAMS as usize;
/// The bytes of a head, for each header 32 more than it has (RFC 9113, 6.5.2): those of 100 headers of 64 KiB, so that what
/// is a little larger is answered in words.
const MAX_HEAD: u32 = 68 * 1024;
/// What a stream may send that nobody has read, in bytes.
const STREAM_WINDOW: u32 = 128 * 1024;
/// What all streams of a connection together may.
const CONNECTION_WINDOW: u32 = 512 * 1024;
/// What hyper takes of a body before its client takes it, in bytes.
const SEND_BUFFER: usize = 64 * 1024;
/// How often it is seen whether the client is there.
const PING: Duration = Duration::from_secs(30);
/// How long it may take to say so.
const PONG: Duration = Duration::from_secs(20);

impl<H, F> Conversation<H>
where
    H: Fn(Request<Incoming>, IpAddr, GoesOn) -> F + Send + Sync + 'static,
    F: Future<Output = Response<Body>> + Send + 'static,
{
    /// Answers a connection's requests.
    pub(super) async fn http2<S>(self, stream: S)
    where
        S: AsyncRead + AsyncWrite + Unpin + Send + 'static,
    {
        let Self { address, handler, drain, mut end } = self;
        let (requests, streams) = (Arc::<Requests>::default(), Streams::default());
        let (all, executor) = (requests.clone(), streams.clone());
        let service = service_fn(move |request| {
            let taken = streams.begin();
            let open = Requests::begin(&all, MAX_REQUESTS).map(Arc::new);
            let handling = open.clone().map(|open| {
                // Each has a room of its own: there are others beside it.
                Place::default().begin(|goes_on| {
                    let answer = handler(request, address, goes_on);
                    async move {
                        let answer = answer.await;
                        drop(open);
                        answer
                    }
                })
            });
            let (all, drain) = (all.clone(), drain.clone());
            async move {
                let mut response = match handling {
                    Some(handling) => handling.await?,
                    None => Reject::Busy.into_response(),
                };
                let closes = response.headers_mut().remove(CONNECTION).is_some();
                if closes || drain.is_leaving() {
                    all.say_last();
                }
                Ok::<_, Infallible>(response.map(|body| Parts::new(body, taken, open)))
            }
        });
        let connection = builder(executor).serve_connection(TokioIo::new(stream), service);
        let mut connection = pin!(connection);
        tokio::select! {
            biased;
            _ = connection.as_mut() => return,
            _ = end.wait_for(|end| *end) => {}
            () = requests.said_last() => {}
            () = requests.idle(HEAD_TIMEOUT) => {}
        }
        // What the client sends until it reads this is answered too.
        connection.as_mut().graceful_shutdown();
        tokio::select! {
            biased;
            _ = connection.as_mut() => {}
            // It does not close a connection that is of no more use, or has not taken the last of an answer.
            () = requests.idle(STALL) => {}
        }
    }
}

/// With the limits of a connection. Beside them hyper bounds how many streams are reset, by the client before they are
/// accepted or because of it, before the connection is given up.
fn builder(executor: Streams) -> Builder<Streams> {
    let mut builder = Builder::new(executor);
    builder
        .timer(TokioTimer::new())
        .max_concurrent_streams(MAX_STREAMS)
        .max_header_list_size(MAX_HEAD)
        .initial_stream_window_size(STREAM_WINDOW)
        .initial_connection_window_size(CONNECTION_WINDOW)
        .max_send_buf_size(SEND_BUFFER)
        .keep_alive_interval(PING)
        .keep_alive_timeout(PONG);
    builder
}

#[cfg(test)]
mod tests;
