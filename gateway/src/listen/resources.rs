//! Resources that a client listens to: a stream with each of their servers, by
//! the servers' own URIs. What a server tells comes home by the URI that the
//! client said, as long as its caller may read the resource.
//!
//! Servers of 2026-07-28 over HTTP alone tell of them here: to a legacy one only
//! a session is subscribed, and a child's standard output does not say which
//! of its listeners is told.

use std::collections::HashMap;
use std::sync::{Arc, Weak};
use std::time::Duration;

use bytes::Bytes;
use crds::snapshot::{ServerIndex, Transport};
use futures_util::future::join_all;
use serde::Deserialize;
use tokio::sync::mpsc;
use tokio::task::JoinSet;
use tokio::time::{Instant, timeout, timeout_at};

use super::places::{Most, Place};
use crate::exchange::Exchange;
use crate::gateway::View;
use crate::json;
use crate::listening::{self, LONGEST};
use crate::route::{Target, resource};
use crate::scan::{self, Call};
use crate::upstream::{CallerPart, Messages, Upstream, UpstreamError, era};
use crate::upstreams::ServerUpstreams;

/// The most streams with servers for clients that listen.
pub const MOST: Most = Most { all: 1024, of_caller: 64 };
/// The most resources of one request; of more, the first are honoured.
const MAX_URIS: usize = 64;
/// How long servers may take to say what they honour.
const PATIENCE: Duration = Duration::from_secs(5);
/// Messages of all servers that wait for the client.
const QUEUE: usize = 8;

/// The resources of one server that the caller may read.
pub struct Wanted {
    /// The server's id.
    server: String,
    upstreams: Arc<ServerUpstreams>,
    upstream: Arc<Upstream>,
    index: ServerIndex,
    part: CallerPart,
    /// By the server's URI, what the client said.
    uris: HashMap<String, String>,
    place: Place,
}

/// What servers tell.
pub struct Told {
    /// Messages as they come; none where a server's stream has ended.
    pub messages: mpsc::Receiver<Option<Update>>,
    /// The URIs that are honoured, as the client said them.
    pub honoured: Vec<String>,
    servers: Vec<(String, Weak<ServerUpstreams>)>,
    /// Ends with this.
    reading: JoinSet<()>,
}

/// A server's word that a resource is another now.
pub struct Update {
    message: Bytes,
    server: Arc<str>,
    native: String,
    said: String,
}

/// Finds the resources, and who tells of them, within five seconds. What the caller may not read, or nobody tells of, is left out.
pub async fn find(exchange: &Exchange<'_>, uris: &[String]) -> Vec<Wanted> {
    let mut all: Vec<Wanted> = Vec::new();
    let until = Instant::now() + PATIENCE;
    for uri in uris.iter().take(MAX_URIS) {
        // Once the time is over, what is found without waiting still counts.
        let Ok(Target::Found(found)) = timeout_at(until, resource(exchange, uri)).await else { continue };
        let (index, native) = (found.permit.server(), found.called.name().to_owned());
        let same = |wanted: &&mut Wanted| wanted.index == index && wanted.part.digest() == found.part.digest();
        match all.iter_mut().find(same) {
            Some(wanted) => drop(wanted.uris.insert(native, uri.clone())),
            None => all.extend(begin(exchange, index, found.part, (native, uri.clone()))),
        }
    }
    all
}

/// The first resource of a server, if the server tells of any.
fn begin(exchange: &Exchange<'_>, index: ServerIndex, part: CallerPart, uri: (String, String)) -> Option<Wanted> {
    let upstreams = exchange.view.upstreams[index as usize].clone()?;
    let server = &upstreams.endpoint.server;
    let is_http = matches!(server.transport, Transport::Http { .. });
    if !is_http || upstreams.own().protocol() != Some(era::MODERN) {
        return None;
    }
    let place = exchange.gateway.listens_upstream.take(&exchange.caller.id().into())?;
    let upstream = upstreams.open(exchange.caller, part.clone(), None).ok()?.upstream;
    let server = server.id.clone();
    Some(Wanted { server, upstreams, upstream, index, part, uris: HashMap::from([uri]), place })
}

impl Told {
    /// Listens to the servers, those that answer in time.
    pub async fn begin(wanted: Vec<Wanted>) -> Self {
        let opened = join_all(wanted.into_iter().map(|wanted| async {
            let opened = timeout(PATIENCE, open(&wanted)).await.ok()?;
            opened
                .inspect_err(|error| tracing::debug!(server = %wanted.server, "no resource is told of: {error}"))
                .ok()
                .map(|opened| (wanted, opened))
        }));
        let (sender, messages) = mpsc::channel(QUEUE);
        let mut told = Self { messages, honoured: Vec::new(), servers: Vec::new(), reading: JoinSet::new() };
        for (mut wanted, (messages, honoured)) in opened.await.into_iter().flatten() {
            wanted.uris.retain(|native, _| honoured.contains(native));
            told.honoured.extend(wanted.uris.values().cloned());
            told.servers.push((wanted.server.clone(), Arc::downgrade(&wanted.upstreams)));
            told.reading.spawn(read(wanted, messages, sender.clone()));
        }
        told.honoured.sort_unstable();
        told
    }

    /// Whether all servers are those that were asked.
    pub fn is_of(&self, view: &View) -> bool {
        let servers = &view.table.snapshot.servers;
        self.servers.iter().all(|(id, known)| {
            let now = servers.iter().position(|server| server.id == *id).and_then(|at| view.upstreams[at].as_ref());
            now.is_some_and(|now| std::ptr::eq(Arc::as_ptr(now), known.as_ptr()))
        })
    }
}

/// The stream of a server, and the URIs that it honours.
async fn open(wanted: &Wanted) -> Result<(Messages, Vec<String>), UpstreamError> {
    #[derive(Deserialize)]
    struct Acknowledged {
        params: Params,
    }
    #[derive(Deserialize)]
    struct Params {
        notifications: Notifications,
    }
    #[derive(Deserialize)]
    #[serde(rename_all = "camelCase")]
    struct Notifications {
        #[serde(default)]
        resource_subscriptions: Vec<String>,
    }
    let mut uris = Vec::new();
    for native in wanted.uris.keys() {
        let comma: &[u8] = if uris.is_empty() { b"" } else { b"," };
        uris.extend_from_slice(comma);
        json::string(native, &mut uris);
    }
    let filter = format!(r#""resourceSubscriptions":[{}]"#, String::from_utf8_lossy(&uris));
    let mut messages = listening::open(&wanted.upstream, &filter, Instant::now() + LONGEST).await?;
    let first = messages.next().await.transpose()?;
    let acknowledged = first.and_then(|first| serde_json::from_slice::<Acknowledged>(&first).ok());
    let honoured = acknowledged.map(|first| first.params.notifications.resource_subscriptions);
    Ok((messages, honoured.unwrap_or_default()))
}

/// Gives on what a server tells of these resources, until it ends.
async fn read(wanted: Wanted, mut messages: Messages, sender: mpsc::Sender<Option<Update>>) {
    let server: Arc<str> = wanted.server.as_str().into();
    while let Some(Ok(message)) = messages.next().await {
        let Some(native) = updated(&message) else { continue };
        let Some(said) = wanted.uris.get(&native).cloned() else { continue };
        let update = Update { message, server: server.clone(), native, said };
        if sender.send(Some(update)).await.is_err() {
            return;
        }
    }
    drop(wanted.place);
    // Nobody there: nobody to tell.
    let _ = sender.send(None).await;
}

/// The server's URI of the resource that a message tells of.
fn updated(message: &[u8]) -> Option<String> {
    match scan::message(message) {
        Ok(scan::Upstream::Notification(Call { method, uri: Some(uri), .. }))
            if method.value == "notifications/resources/updated" =>
        {
            Some(uri.value.into_owned())
        }
        _ => None,
    }
}

impl Update {
    /// The server, and the resource as it knows it.
    pub fn of(&self) -> (&str, &str) {
        (&self.server, &self.native)
    }

    /// The message for the subscription of this id, as JSON; none if it belongs to none of the server's.
    pub fn for_client(&self, id: &[u8]) -> Option<Vec<u8>> {
        let Ok(scan::Upstream::Notification(Call { uri: Some(uri), subscription: Some(subscription), .. })) =
            scan::message(&self.message)
        else {
            return None;
        };
        let said = json::quoted(&self.said);
        let mut edits = [scan::Edit::replace(uri.span, &said[..]), scan::Edit::replace(subscription.span, id)];
        edits.sort_unstable_by_key(|edit| edit.span.start);
        let mut out = Vec::with_capacity(self.message.len() + said.len() + id.len());
        scan::splice(&self.message, &edits, &mut out);
        Some(out)
    }
}
