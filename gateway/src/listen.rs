//! `subscriptions/listen`: a stream on which a modern client is told what it
//! asked to be told, and nothing else (2026-07-28, basic/patterns/subscriptions).
//!
//! In: what it wants, and the views as they come. Out: first the part of it
//! that is honoured, then a notification for each list that changed as this
//! client sees it (R10), all tagged with the id of the request; at the end,
//! if it is ours, the request's result. Who goes away has ended it.

use std::pin::pin;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use tokio::sync::{mpsc, watch};
use tokio::time::{MissedTickBehavior, interval, timeout};

use self::filter::Filter;
use self::places::Most;
use self::resources::{Told, Update, Wanted};
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
pub mod resources;

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
pub async fn answer(exchange: &Exchange<'_>, asked: Asked<'_>) -> Answer {
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
    let caller: Arc<str> = exchange.caller.id().into();
    let Some(place) = exchange.gateway.listens.take(&caller) else {
        return Answer::Rejected(Reject::TooManyStreams);
    };
    let watcher = Watcher {
        gateway: exchange.gateway.clone(),
        identity: exchange.identity.clone(),
        caller,
        headers: exchange.headers.clone(),
        path: exchange.path.to_owned(),
        revision: exchange.revision,
        session: None,
        capabilities: exchange.capabilities,
        kinds: filter.kinds(),
    };
    let resources = resources::find(exchange, filter.resources()).await;
    let (sender, stream) = Stream::channel(QUEUE);
    let views = watcher.views(exchange.view);
    let listen = Listen { id: Bytes::copy_from_slice(asked.id), watcher, sender };
    let view = exchange.view.clone();
    tokio::spawn(async move {
        listen.run((view, views), &filter, resources).await;
        drop(place);
    });
    Answer::Events(stream)
}

impl Listen {
    /// Tells until it ends. A client that does not read is cut off.
    async fn run(&self, views: (Arc<View>, watch::Receiver<u64>), filter: &Filter, resources: Vec<Wanted>) {
        let ended = tokio::select! {
            told = self.tell(views, filter, resources) => told,
            _ = self.watcher.gateway.drain.closed() => Ok(()),
            () = self.sender.closed() => Err(Gone),
            () = self.live() => Ok(()),
        };
        if ended.is_ok() && self.send(&self.result()).await.is_ok() {
            let _ = timeout(PATIENCE, self.sender.send(Chunk::End)).await;
        }
    }

    /// Tells of what changed, until the one who listens has lost everything, or a server that tells of resources ends.
    async fn tell(
        &self,
        (mut view, mut views): (Arc<View>, watch::Receiver<u64>),
        filter: &Filter,
        resources: Vec<Wanted>,
    ) -> Result<(), Gone> {
        let mut told = Told::begin(resources).await;
        // What changes once it is acknowledged is told.
        let Some(mut seen) = self.watcher.seen(&view).await else { return Ok(()) };
        let honoured = format!(r#""notifications":{},"#, filter.honoured(&told.honoured));
        self.send(&self.notification("notifications/subscriptions/acknowledged", &honoured)).await?;
        loop {
            let next = {
                let mut next = pin!(self.watcher.next(&view, &mut views, std::future::pending()));
                loop {
                    tokio::select! {
                        next = &mut next => break next,
                        Some(update) = told.messages.recv() => match update {
                            Some(update) => self.update(&update).await?,
                            None => return Ok(()),
                        }
                    }
                }
            };
            // Of what was acknowledged nothing is left out in silence: its end has the client ask anew.
            let Some(next) = next.filter(|next| told.is_of(next)) else { return Ok(()) };
            view = next;
            let Some(now) = self.watcher.seen(&view).await else { return Ok(()) };
            for method in changed(&seen, &now) {
                self.send(&self.notification(method, "")).await?;
            }
            seen = now;
        }
    }

    /// Tells of a resource, if its caller may still read it.
    async fn update(&self, update: &Update) -> Result<(), Gone> {
        let (server, native) = update.of();
        let message = update.for_client(&self.id);
        match message.filter(|_| self.watcher.may_read(&self.watcher.gateway.view.load(), server, native)) {
            Some(message) => self.send(&message).await,
            None => Ok(()),
        }
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
