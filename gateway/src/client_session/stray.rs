//! What a server that is there for one client says to it, on the stream of a call or beside all of them: what the client
//! can be asked, what it wants to hear, and nothing else.

use std::sync::{Arc, Weak};

use bytes::Bytes;
use crds::snapshot::{Item, UnixSeconds};
use tokio::sync::mpsc;

use super::ClientSession;
use super::asked::{Asked, Asker};
use crate::log_level::LogLevel;
use crate::scan::{self, Call, Edit, splice};
use crate::upstream::Upstream;
use crate::upstream::message::{answer_alone, is_list_changed};

/// What such a server says that waits to be looked at. What comes when it is full is dropped by the upstream's reader.
pub const QUEUE: usize = 64;
/// How long a server's request that is part of no call waits for its answer, in seconds.
const PATIENCE: UnixSeconds = 600;

/// What becomes of a message.
pub enum Said {
    /// It goes to the client.
    ToClient(Bytes),
    /// The server is answered at once.
    Answered(Bytes),
    /// One of the server's lists is another now.
    ListChanged,
    /// Nobody wants it.
    Nothing,
}

/// Looks at what a server says beside its answers until its session ends. `server`: its id; `outdate` is called when one
/// of its lists changed.
pub async fn keep(
    mut strays: mpsc::Receiver<Bytes>,
    (upstream, client): (Weak<Upstream>, Weak<ClientSession>),
    server: String,
    outdate: impl Fn() + Send + Sync,
) {
    while let Some(message) = strays.recv().await {
        let (Some(upstream), Some(client)) = (upstream.upgrade(), client.upgrade()) else { return };
        let expires = crate::clock::now() + PATIENCE;
        match client.said(&upstream, &server, &message, (None, expires)) {
            Said::ToClient(message) => client.send(&server, &message),
            Said::Answered(answer) => upstream.answer(answer).await,
            Said::ListChanged => {
                outdate();
                client.lists_changed.notify_one();
            }
            Said::Nothing => {}
        }
    }
}

impl ClientSession {
    /// What becomes of a message of a server that is no response. What is asked is part of `call`, if that is known, and
    /// is not waited for after `expires`.
    pub fn said(
        &self,
        upstream: &Arc<Upstream>,
        server: &str,
        message: &Bytes,
        (call, expires): (Option<u64>, UnixSeconds),
    ) -> Said {
        match scan::message(message) {
            Ok(scan::Upstream::Request(request)) => {
                let Some(id) = &request.id else { return Said::Nothing };
                if self.session.capabilities.has_method(&request.method.value) {
                    let id_bytes = message.slice_ref(id.token);
                    let asked =
                        Asked { by: Asker::Server { upstream: Arc::downgrade(upstream), id: id_bytes }, call, expires };
                    if let Some(given) = self.ask(asked) {
                        return Said::ToClient(edited(message, Edit::replace(id.span, &given[..])));
                    }
                }
                let id = str::from_utf8(id.token).ok();
                id.map_or(Said::Nothing, |id| Said::Answered(answer_alone(id, &request.method.value)))
            }
            Ok(scan::Upstream::Notification(notification)) => self.notified(upstream, server, message, &notification),
            Ok(scan::Upstream::Response(_)) | Err(_) => Said::Nothing,
        }
    }

    fn notified(&self, upstream: &Arc<Upstream>, server: &str, message: &Bytes, call: &Call<'_>) -> Said {
        match &*call.method.value {
            "notifications/message" => {
                let level = call.level.as_ref().and_then(|level| LogLevel::from_wire(&level.value));
                let wanted = self.gateway.upgrade().map(|gateway| gateway.sessions.log_level(&self.session));
                let is_wanted = level.zip(wanted).is_some_and(|(level, wanted)| level >= wanted);
                if is_wanted { Said::ToClient(message.clone()) } else { Said::Nothing }
            }
            "notifications/cancelled" => {
                let id = call.request_id.as_ref();
                let given = id.and_then(|id| Some((id, self.withdraw(upstream, id.token)?)));
                given.map_or(Said::Nothing, |(id, given)| {
                    Said::ToClient(edited(message, Edit::replace(id.span, &given[..])))
                })
            }
            "notifications/resources/updated" => {
                let Some(uri) = &call.uri else { return Said::Nothing };
                let subscriptions = self.subscriptions.lock();
                let said = subscriptions.said(server, &uri.value).filter(|_| self.may_read(server, &uri.value));
                said.map_or(Said::Nothing, |said| {
                    Said::ToClient(edited(message, Edit::replace(uri.span, &crate::json::quoted(said)[..])))
                })
            }
            "notifications/elicitation/complete" => Said::ToClient(message.clone()),
            method if is_list_changed(method) => Said::ListChanged,
            _ => Said::Nothing,
        }
    }

    /// Whether the client's caller may read a resource of a server now.
    fn may_read(&self, server: &str, uri: &str) -> bool {
        let Some(gateway) = self.gateway.upgrade() else { return false };
        let view = gateway.view.load();
        let snapshot = &view.table.snapshot;
        let server = snapshot.servers.iter().position(|known| known.id == server);
        let now = crate::clock::now();
        let side = view.table.networks.side_told(!self.session.outside);
        let token = self.token();
        let mut callers = gateway.callers_of(&view.table, (&self.caller, token.as_ref()), side, now);
        server.is_some_and(|server| {
            callers.any(|caller| caller.allows(snapshot, now, server as u32, Item::Resource(uri)))
        })
    }
}

fn edited(message: &Bytes, edit: Edit<'_>) -> Bytes {
    let mut out = Vec::with_capacity(message.len() + edit.with.len());
    splice(message, &[edit], &mut out);
    out.into()
}
