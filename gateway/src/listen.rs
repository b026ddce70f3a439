//! `subscriptions/listen`: a stream on which a modern client is told what it
//! asked to be told, and nothing else (2026-07-28, basic/patterns/subscriptions).
//!
//! In: what it wants, and the views as they come. Out: first the part of it
//! that is honoured, then a notification for each list that changed as this
//! client sees it (R10), all tagged with the id of the request; at the end,
//! if it is ours, the request's result. Who goes away has ended it.

use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use tokio::sync::{mpsc, watch};
use tokio::time::{MissedTickBehavior, interval, timeout};

use self::filter::Filter;
use self::places::Most;
use crate::body::{Chunk, Stream};
use crate::call::Asked;
use crate::event;
use crate::exchange::{Answer, Exchange};
use crate::gateway::View;
use crate::json::{self, INVALID_PARAMS, INVALID_REQUEST};
use crate::modern::SERVER_INFO;
use crate::own_set::{Watcher, changed};
use crate::reject::Reject;

pub mod filter;
pub mod places;

/// The most that listen: each has a connection, of which there are 16,384, and many agents share a key.
pub const MOST: Most = Most { all: 8192, of_caller: 1024 };
/// The longest id, in bytes.
const LONGEST_ID: usize = 1024;
/// Chunks that wait for a slow client.
const QUEUE: usize = 8;
/// How long the queue of a client may stay full, before its stream is cut.
const PATIENCE: Duration = Duration::from_secs(60);
/// How often a stream shows that it lives.
const KEEP_ALIVE: Duration = Duration::from_secs(20);
/// What says of a message which subscription it belongs to.
const TAG: &str = r#""io.modelcontextprotocol/subscriptionId""#;

/// The stream of one request.
struct Listen {
    /// The request's id, as JSON: that of the subscription too.
    id: Bytes,
    watcher: Watcher,
    sender: mpsc::Sender<Chunk>,
}

/// The client takes nothing any more.
struct Gone;

/// Answers it.
pub fn answer(exchange: &Exchange<'_>, asked: Asked<'_>) -> Answer {
    let params = asked.message.params.as_ref().map(|params| params.object.span.of(asked.body));
    let Some(filter) = params.and_then(Filter::read) else {
        return Answer::error(
            asked.id,
            INVALID_PARAMS,
            "params.notifications is missing, or does not say what to tell",
        );
    };
    if asked.id.len() > LONGEST_ID {
        return Answer::error(
            asked.id,
            INVALID_REQUEST,
            "the id is longer than 1,024 bytes, and every message would bear it",
        );
    }
    let caller: Arc<str> = exchange.caller.id.as_str().into();
    let Some(place) = exchange.gateway.listens.take(&caller) else {
        return Answer::Rejected(Reject::TooManyStreams);
    };
    let watcher = Watcher {
        gateway: exchange.gateway.clone(),
        identity: exchange.identity,
        caller,
        headers: exchange.headers.clone(),
        path: exchange.path.to_owned(),
        revision: exchange.revision,
        session: None,
        capabilities: exchange.capabilities,
        kinds: filter.kinds(),
    };
    let (sender, stream) = Stream::channel(QUEUE);
    let views = watcher.views(exchange.view);
    let listen = Listen { id: Bytes::copy_from_slice(asked.id), watcher, sender };
    let view = exchange.view.clone();
    tokio::spawn(async move {
        listen.run(view, views, &filter).await;
        drop(place);
    });
    Answer::Events(stream)
}

impl Listen {
    /// Tells until it ends. A client that does not read is cut off.
    async fn run(&self, view: Arc<View>, views: watch::Receiver<u64>, filter: &Filter) {
        let ended = tokio::select! {
            told = self.tell(view, views, filter) => told,
            _ = self.watcher.gateway.drain.closed() => Ok(()),
            () = self.sender.closed() => Err(Gone),
            () = self.live() => Ok(()),
        };
        if ended.is_ok() && self.send(&self.result()).await.is_ok() {
            let _ = timeout(PATIENCE, self.sender.send(Chunk::End)).await;
        }
    }

    /// Tells of lists that changed, until the one who listens has lost everything.
    async fn tell(&self, mut view: Arc<View>, mut views: watch::Receiver<u64>, filter: &Filter) -> Result<(), Gone> {
        // What changes once it is acknowledged is told.
        let Some(mut seen) = self.watcher.seen(&view).await else { return Ok(()) };
        let honoured = format!(r#""notifications":{},"#, filter.honoured());
        self.send(&self.notification("notifications/subscriptions/acknowledged", &honoured)).await?;
        while let Some(next) = self.watcher.next(&view, &mut views, std::future::pending()).await {
            view = next;
            let Some(now) = self.watcher.seen(&view).await else { return Ok(()) };
            for method in changed(&seen, &now) {
                self.send(&self.notification(method, "")).await?;
            }
            seen = now;
        }
        Ok(())
    }

    /// Shows that the stream lives, for ever.
    async fn live(&self) {
        let mut keep_alive = interval(KEEP_ALIVE);
        keep_alive.set_missed_tick_behavior(MissedTickBehavior::Delay);
        keep_alive.reset();
        loop {
            keep_alive.tick().await;
            // A queue that is full is life enough.
            let _ = self.sender.try_send(Chunk::Data(Bytes::from_static(event::COMMENT)));
        }
    }

    async fn send(&self, message: &[u8]) -> Result<(), Gone> {
        let sent = timeout(PATIENCE, self.sender.send(Chunk::Data(event::message(message)))).await;
        if matches!(sent, Ok(Ok(()))) { Ok(()) } else { Err(Gone) }
    }

    /// A notification; `params` are its members beside `_meta`, each with a comma after it.
    fn notification(&self, method: &str, params: &str) -> Vec<u8> {
        let head = format!(r#"{{"jsonrpc":"2.0","method":"{method}","params":{{{params}"_meta":{{{TAG}:"#);
        [head.as_bytes(), &self.id, b"}}}"].concat()
    }

    /// The response to the request: it has ended rightly.
    fn result(&self) -> Vec<u8> {
        let info =
            format!(r#"{{"resultType":"complete","_meta":{{"io.modelcontextprotocol/serverInfo":{SERVER_INFO},{TAG}:"#);
        let mut out = Vec::with_capacity(256);
        json::result(&self.id, &[info.as_bytes(), &self.id, b"}}"].concat(), &mut out);
        out
    }
}
