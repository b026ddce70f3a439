//! GET: a session's own stream, and the way back to one that broke (2025-11-25, basic/transports).

use std::sync::Arc;
use std::time::Duration;

use crds::snapshot::{Digest128, UnixSeconds};
use http::HeaderMap;
use tokio::sync::watch;

use super::sealed::EventId;
use super::{ClientSession, OWN_STREAM};
use crate::body::{Chunk, Stream};
use crate::catalogue::List;
use crate::exchange::Exchange;
use crate::front::Path;
use crate::gateway::{Gateway, View};
use crate::head::Head;
use crate::identify::Identity;
use crate::list;
use crate::reject::Reject;
use crate::scope::Scope;

/// Chunks that wait for a slow client.
const QUEUE: usize = 4;
/// How long changes gather before lists are looked at again.
const GATHER: Duration = Duration::from_millis(50);
/// The header by which a client says what it has.
const LAST_EVENT_ID: &str = "last-event-id";

/// The lists that clients are told of, each kind with its lists.
const KINDS: [(&str, &[List]); 3] = [
    ("notifications/tools/list_changed", &[List::Tools]),
    ("notifications/prompts/list_changed", &[List::Prompts]),
    ("notifications/resources/list_changed", &[List::Resources, List::Templates]),
];

/// A digest of what the client sees of each kind.
pub(super) type Seen = [Digest128; KINDS.len()];

/// Who opened a stream: what it takes to see what they see, later.
pub struct Watcher {
    /// The gateway.
    pub gateway: Arc<Gateway>,
    /// Who opened it.
    pub identity: Identity,
    /// The headers that they sent.
    pub headers: HeaderMap,
    /// The path that they asked for.
    pub path: String,
}

/// Answers a GET of a session.
pub fn open(watcher: Watcher, view: Arc<View>, client: Arc<ClientSession>) -> Result<Stream, Reject> {
    let (number, reader) = match watcher.headers.get(LAST_EVENT_ID) {
        None => (OWN_STREAM, client.own.read()),
        Some(last) => {
            let id = EventId::open(&client.sealer, &client.session, last.as_bytes());
            let id = id.ok_or_else(|| Reject::Invalid("Last-Event-ID is none of this session".into()))?;
            let known = client.stream(id.stream).and_then(|outbox| outbox.read_after(id.sequence));
            // What is not known any more is as if it had never been: there is the session's own stream.
            known.map_or_else(|| (OWN_STREAM, client.own.read()), |reader| (id.stream, reader))
        }
    };
    let (sender, stream) = Stream::channel(QUEUE);
    if let Some(beginning) = client.beginning(number, reader.after()) {
        // A fresh queue has room.
        let _ = sender.try_send(Chunk::Data(beginning));
    }
    let indexed = watcher.gateway.indexed.subscribe();
    tokio::spawn(async move {
        let reading = reader.run(sender);
        tokio::select! {
            () = reading => {}
            () = watcher.watch(view, &client, number, indexed) => {}
        }
    });
    Ok(stream)
}

impl Watcher {
    /// Tells the client of lists that changed, as it sees them; returns when the one who opened the stream has lost
    /// everything.
    async fn watch(
        self,
        mut view: Arc<View>,
        client: &Arc<ClientSession>,
        stream: u64,
        mut indexed: watch::Receiver<u64>,
    ) {
        if !Arc::ptr_eq(&view, &self.gateway.view.load()) {
            indexed.mark_changed();
        }
        loop {
            let Some(left) = self.left(&view, client) else { return };
            if stream == OWN_STREAM {
                self.tell(&view, client).await;
            }
            tokio::select! {
                changed = indexed.changed() => {
                    if changed.is_err() {
                        return;
                    }
                    // Whoever has lost everything is cut off at once; lists have a moment.
                    if self.left(&self.gateway.view.load_full(), client).is_none() {
                        return;
                    }
                    tokio::time::sleep(GATHER).await;
                    indexed.mark_unchanged();
                }
                () = client.lists_changed.notified() => {}
                () = tokio::time::sleep(left) => return,
            }
            view = self.gateway.view.load_full();
        }
    }

    /// How long the one who opened the stream is still somebody; none if they are nobody now, or may use nothing.
    fn left(&self, view: &View, client: &ClientSession) -> Option<Duration> {
        let now = crate::clock::now();
        let caller = view.table.still(self.identity, &client.caller, now)?;
        if view.table.access(caller, now).is_empty() {
            return None;
        }
        let of_key = match self.identity {
            Identity::Known { expires, .. } => expires,
            Identity::Anonymous => None,
        };
        let ends = [caller.expires, caller.access_until, of_key].into_iter().flatten();
        let first = ends.fold(client.session.expires, UnixSeconds::min);
        u64::try_from(first - now).ok().map(Duration::from_secs)
    }

    /// Tells which lists are other ones than the client knows of, and notes that it does now.
    async fn tell(&self, view: &Arc<View>, client: &Arc<ClientSession>) {
        let Some(seen) = self.seen(view, client).await else { return };
        let before = client.seen.lock().replace(seen);
        for ((method, _), (now, before)) in KINDS.iter().zip(seen.iter().zip(before.unwrap_or(seen))) {
            if *now != before {
                client.tell(format!(r#"{{"jsonrpc":"2.0","method":"{method}"}}"#).as_bytes());
            }
        }
    }

    async fn seen(&self, view: &Arc<View>, client: &ClientSession) -> Option<Seen> {
        let now = crate::clock::now();
        let table = &view.table;
        let caller = table.still(self.identity, &client.caller, now)?;
        let head = Head::read(&self.headers, &table.snapshot.settings.client_side_auth_header).ok()?;
        let path = Path::read(&self.path)?;
        let scope = Scope::read(table, caller, now, path.names(), &head.filters);
        let exchange = Exchange {
            gateway: &self.gateway,
            view,
            caller,
            identity: self.identity,
            scope: &scope,
            head: &head,
            headers: &self.headers,
            revision: client.session.revision,
            session: Some(client.session),
            capabilities: client.session.capabilities,
            goes_on: &crate::serve::GoesOn::default(),
            now,
        };
        let mut seen = [Digest128([0; 16]); KINDS.len()];
        for (kind, (_, lists)) in seen.iter_mut().zip(KINDS) {
            *kind = list::digest(&exchange, lists).await;
        }
        Some(seen)
    }
}
