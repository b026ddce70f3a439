//! GET: a session's own stream, and the way back to one that broke (2025-11-25, basic/transports).

use std::sync::Arc;

use http::HeaderMap;
use tokio::sync::watch;

use super::sealed::EventId;
use super::{ClientSession, OWN_STREAM};
use crate::body::{Chunk, Stream};
use crate::gateway::{Gateway, View};
use crate::identify::Identity;
use crate::own_set::{KINDS, Watcher, changed};
use crate::reject::Reject;

/// Chunks that wait for a slow client.
const QUEUE: usize = 4;
/// The header by which a client says what it has.
const LAST_EVENT_ID: &str = "last-event-id";

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
    let indexed = watcher.views(&view);
    tokio::spawn(async move {
        let reading = reader.run(sender);
        tokio::select! {
            () = reading => {}
            () = watch(watcher, view, &client, number, indexed) => {}
        }
    });
    Ok(stream)
}

/// Tells the client of lists that changed, as it sees them; returns when the one who opened the stream has lost everything.
async fn watch(
    watcher: Watcher,
    mut view: Arc<View>,
    client: &Arc<ClientSession>,
    stream: u64,
    mut indexed: watch::Receiver<u64>,
) {
    loop {
        if stream == OWN_STREAM {
            tell(&watcher, &view, client).await;
        }
        match watcher.next(&view, &mut indexed, client.lists_changed.notified()).await {
            Some(next) => view = next,
            None => return,
        }
    }
}

/// Tells which lists are other ones than the client knows of, and notes that it does now.
async fn tell(watcher: &Watcher, view: &Arc<View>, client: &ClientSession) {
    let Some(seen) = watcher.seen(view).await else { return };
    let before = client.seen.lock().replace(seen).unwrap_or(seen);
    for method in changed(&before, &seen) {
        client.tell(format!(r#"{{"jsonrpc":"2.0","method":"{method}"}}"#).as_bytes());
    }
}

impl ClientSession {
    /// Who opened a stream of the session, to see what they see, later.
    pub fn watcher(&self, gateway: &Arc<Gateway>, identity: Identity, headers: &HeaderMap, path: &str) -> Watcher {
        Watcher {
            gateway: gateway.clone(),
            identity,
            caller: self.caller.clone(),
            headers: headers.clone(),
            path: path.to_owned(),
            revision: self.session.revision,
            session: Some(self.session),
            capabilities: self.session.capabilities,
            kinds: [true; KINDS.len()],
        }
    }
}
