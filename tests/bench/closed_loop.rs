//! A closed loop: so many callers, each with a connection and a call under
//! way, until so many calls are done.

use std::cell::Cell;
use std::time::{Duration, Instant};

use bytes::Bytes;
use http::{HeaderMap, Request};
use http_body_util::{BodyExt, Full};
use tests::client::{connect, split};
use tests::load::successful_call;
use tokio::task::LocalSet;

/// Calls of one round, all callers together.
const CALLS: u32 = 12_000;

/// A round ends after this even if calls are left.
const AT_MOST: Duration = Duration::from_secs(3);

/// What every caller sends.
pub(crate) struct Calls {
    url: String,
    headers: HeaderMap,
    body: Bytes,
}

/// What a round came to.
pub(crate) struct Done {
    /// Calls that were answered, each well.
    pub(crate) calls: u32,
    /// How long they took together.
    pub(crate) took: Duration,
}

impl Calls {
    /// Calls with these parts.
    pub(crate) fn new(url: &str, key: &str, session: Option<String>, body: String) -> Self {
        let mut headers = HeaderMap::new();
        headers.insert("x-litellm-api-key", key.parse().unwrap());
        headers.insert("mcp-protocol-version", "2025-11-25".parse().unwrap());
        headers.insert("content-type", "application/json".parse().unwrap());
        headers.insert("accept", "application/json, text/event-stream".parse().unwrap());
        headers.insert("host", split(url).0.to_string().parse().unwrap());
        if let Some(session) = session {
            headers.insert("mcp-session-id", session.parse().unwrap());
        }
        Self { url: url.to_owned(), headers, body: body.into() }
    }
}

/// Runs one round.
pub(crate) fn run(calls: &Calls, callers: usize) -> Done {
    run_at_most(calls, callers, CALLS, AT_MOST)
}

/// Runs a round of so many calls, or of so long.
pub(crate) fn run_at_most(calls: &Calls, callers: usize, count: u32, at_most: Duration) -> Done {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    let (left, done) = (Cell::new(count), Cell::new(0));
    let (address, path) = split(&calls.url);
    let started = Instant::now();
    let caller = async || {
        let mut connection = connect(address).await.unwrap();
        while left.get() > 0 && started.elapsed() < at_most {
            left.set(left.get() - 1);
            let mut request = Request::post(&path).body(Full::new(calls.body.clone())).unwrap();
            *request.headers_mut() = calls.headers.clone();
            connection.ready().await.unwrap();
            let (head, body) = connection.send_request(request).await.unwrap().into_parts();
            let body = body.collect().await.unwrap().to_bytes();
            successful_call(head.status, &body).unwrap();
            done.set(done.get() + 1);
        }
    };
    runtime.block_on(LocalSet::new().run_until(join_all((0..callers).map(|_| caller()))));
    Done { calls: done.get(), took: started.elapsed() }
}

/// Runs all futures to their end, in one task.
async fn join_all<F: Future<Output = ()>>(futures: impl Iterator<Item = F>) {
    let mut left: Vec<_> = futures.map(|future| Some(Box::pin(future))).collect();
    std::future::poll_fn(|context| {
        for slot in &mut left {
            if slot.as_mut().is_some_and(|future| future.as_mut().poll(context).is_ready()) {
                *slot = None;
            }
        }
        if left.iter().all(Option::is_none) { std::task::Poll::Ready(()) } else { std::task::Poll::Pending }
    })
    .await;
}
