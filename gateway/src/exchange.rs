//! One message of a request, with everything that answering it needs.

use std::sync::Arc;

use crate::caller::Caller;
use bytes::Bytes;
use crds::snapshot::{Item, ServerIndex, SessionMode, Transport, UnixSeconds};
use http::{HeaderMap, StatusCode};

use crate::body::Stream;
use crate::caller_part::caller_part;
use crate::capabilities::Capabilities;
use crate::catalogue::List;
use crate::client_session::{ClientSession, ClientSessions};
use crate::denial::RequestId;
use crate::gateway::{Gateway, View};
use crate::head::Head;
use crate::identify::{Identity, Who};
use crate::json;
use crate::permit::{Permit, permit};
use crate::reject::Reject;
use crate::revision::Revision;
use crate::scope::Scope;
use crate::serve::GoesOn;
use crate::session::Session;
use crate::upstream::CallerPart;
use crate::upstream::tokens::SubjectToken;

/// What a request says and sees, settled before its messages are answered.
#[derive(Clone, Copy)]
pub struct Exchange<'r> {
    /// The gateway.
    pub gateway: &'r Arc<Gateway>,
    /// What it ran when the request came.
    pub view: &'r Arc<View>,
    /// Who is calling.
    pub caller: &'r Caller<'r>,
    /// The same, and by which key.
    pub identity: &'r Identity,
    /// What the request is narrowed to.
    pub scope: &'r Scope,
    /// Its headers, read.
    pub head: &'r Head<'r>,
    /// Its headers.
    pub headers: &'r HeaderMap,
    /// The path that it was asked for at, which narrows it too.
    pub path: &'r str,
    /// The revision that it speaks.
    pub revision: Revision,
    /// Its legacy session, if it has one.
    pub session: Option<Session>,
    /// What its client can be asked for.
    pub capabilities: Capabilities,
    /// Whether it goes on though its client has gone.
    pub goes_on: &'r GoesOn,
    /// When it came.
    pub now: UnixSeconds,
}

/// The answer to one message.
pub enum Answer {
    /// A response, with the HTTP status that it has if it is the only one.
    Message(StatusCode, Bytes),
    /// The same of a denial, which has an id if the log has been told of it.
    Denied(Option<RequestId>, StatusCode, Bytes),
    /// Messages as they come, as an event stream.
    Events(Stream),
    /// A response too large to be held, as it comes.
    Json(Stream),
    /// Nothing: the message was no request, or one that its client cancelled.
    Accepted,
    /// The whole request is refused, after all.
    Rejected(Reject),
}

impl Exchange<'_> {
    /// Whether the caller may use an item of a server.
    pub fn permit(&self, server: ServerIndex, item: Item) -> Option<Permit> {
        permit(&self.view.table, (self.caller, self.now), self.scope, server, item)
    }

    /// The servers in scope of which the caller may use anything that the list shows, in the snapshot's order.
    pub fn servers(&self, list: List) -> impl Iterator<Item = ServerIndex> {
        let access = self.caller.access(&self.view.table, self.now);
        let shared = (0..access.len()).map(move |at| access[at]).filter(move |(_, share)| list.is_in(share));
        shared.map(|(server, _)| server).filter(|server| self.scope.holds_server(*server))
    }

    /// What is kept of the client's session, if the server has a session for each client and the client has one; the
    /// process that keeps it has to be this one.
    pub fn client_of(&self, server: ServerIndex) -> Result<Option<Arc<ClientSession>>, Reject> {
        let mode = self.view.table.servers[server as usize].endpoint.server.sessions;
        match self.session.filter(|_| mode == SessionMode::PerClient) {
            Some(session) => ClientSessions::of(self.gateway, &session, self.caller).map(Some),
            None => Ok(None),
        }
    }

    /// The same for a subscription: an HTTP server tells of a resource in the session that subscribed, so that each client
    /// that does has one with it, whatever is shared otherwise. What a child keeps, another child would not see.
    pub fn subscriber_of(&self, server: ServerIndex) -> Result<Option<Arc<ClientSession>>, Reject> {
        let server = &self.view.table.servers[server as usize].endpoint.server;
        let may_have = server.sessions == SessionMode::PerClient || matches!(server.transport, Transport::Http { .. });
        match self.session.filter(|_| may_have) {
            Some(session) => ClientSessions::of(self.gateway, &session, self.caller).map(Some),
            None => Ok(None),
        }
    }

    /// What the caller adds to requests to a server.
    pub fn caller_part(&self, server: ServerIndex) -> CallerPart {
        let request = (self.head, self.headers);
        let mut part = caller_part(&self.view.table, server, self.scope, request, || self.token());
        if self.view.table.servers[server as usize].endpoint.server.sessions == SessionMode::PerClient {
            part.capabilities = self.capabilities;
        }
        part
    }

    /// The token by which the caller was identified; none if it was something else. An API key is sent to nobody.
    fn token(&self) -> Option<SubjectToken> {
        let Who::Token(bearer) = &self.identity.who else { return None };
        SubjectToken::new(self.head.key?, Some(bearer.token.expires))
    }
}

impl Answer {
    /// A result, given as JSON.
    pub fn result(id: &[u8], result: &[u8]) -> Self {
        let mut out = Vec::with_capacity(result.len() + id.len() + 40);
        json::result(id, result, &mut out);
        Answer::Message(StatusCode::OK, out.into())
    }

    /// An error over HTTP 200.
    pub fn error(id: &[u8], code: i32, message: &str) -> Self {
        Self::error_with(StatusCode::OK, id, (code, message), None)
    }

    /// An error with a status and, perhaps, data.
    pub fn error_with(status: StatusCode, id: &[u8], (code, message): (i32, &str), data: Option<&[u8]>) -> Self {
        let mut out = Vec::with_capacity(message.len() + id.len() + 80);
        json::error(id, code, message, data, &mut out);
        Answer::Message(status, out.into())
    }
}
