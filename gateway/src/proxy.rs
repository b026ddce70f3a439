//! A request, from top to bottom: headers, caller, body, messages, answer.

use std::sync::Arc;
use std::time::{Duration, Instant};

use crate::caller::Caller;
use bytes::{Bytes, BytesMut};
use crds::snapshot::UnixSeconds;
use http::header::{CONTENT_TYPE, HeaderName, WWW_AUTHENTICATE};
use http::request::Parts;
use http::{HeaderValue, Method, Request, Response, StatusCode};
use http_body_util::BodyExt;
use hyper::body::{Body as _, Incoming};

use crate::body::Body;
use crate::budget::Held;
use crate::client_session::ClientSessions;
use crate::client_session::get;
use crate::denial::{self, Denial, Reason, RequestId};
use crate::event;
use crate::exchange::{Answer, Exchange};
use crate::front::{self, Door, Path};
use crate::gateway::{Gateway, View};
use crate::head::Head;
use crate::hop::Hop;
use crate::identify::{Identity, identify, verify};
use crate::inbound_sse;
use crate::json::INTERNAL_ERROR;
use crate::methods;
use crate::networks::Side;
use crate::owned;
use crate::passed_stream;
use crate::peer::Peer;
use crate::peers::ForwardError;
use crate::protected_resource::{self, Resource};
use crate::reject::{NotTaken, Reject};
use crate::rest;
use crate::revision::Revision;
use crate::scan::{self, FaultKind, Message};
use crate::scope::Scope;
use crate::serve::GoesOn;
use crate::session::{Told, What};

/// The largest request body, in bytes.
pub(crate) const MAX_BODY: usize = 4 * 1024 * 1024;
/// How long a body may take to arrive.
const BODY_TIMEOUT: Duration = Duration::from_secs(30);
/// The header that carries a legacy session id.
pub const SESSION_ID: HeaderName = HeaderName::from_static("mcp-session-id");

/// Answers one HTTP request.
pub async fn handle(gateway: Arc<Gateway>, hop: Hop, goes_on: GoesOn, request: Request<Incoming>) -> Response<Body> {
    let rest = rest::Endpoint::read(request.uri().path());
    let resource = Resource::asked(&gateway.view.load().table, hop, &request);
    let answered = match rest {
        None if protected_resource::is_metadata(request.uri().path()) => {
            describe(&gateway, hop, resource.as_ref(), request)
        }
        None => respond(&gateway, hop, &goes_on, request).await,
        Some(endpoint) => Box::pin(rest::respond(&gateway, hop, (endpoint, &goes_on), request)).await,
    };
    let reject = match (answered, hop) {
        (Ok(response), _) => return response,
        (Err(Reject::InvalidCredential(_)), Hop::Client { address, .. })
            if !gateway.guesses.take(Peer::from(address), Instant::now()) =>
        {
            Reject::TooManyGuesses
        }
        (Err(reject), _) => reject,
    };
    gateway.metrics.reject(reject.as_str());
    let id = denied(&gateway, hop, &reject);
    let challenge = resource.and_then(|resource| resource.challenge(&gateway.view.load().table, &reject));
    let response = match (rest, challenge) {
        (None, None) => reject.into_response(),
        (None, Some(challenge)) => {
            let mut response = reject.into_response();
            response.headers_mut().insert(WWW_AUTHENTICATE, challenge);
            response
        }
        (Some(endpoint), _) => rest::refusal(endpoint, reject),
    };
    RequestId::on(id, response)
}

/// The id of a refusal that is a denial. What is refused for its form, or for want of room, says so to the caller itself.
fn denied(gateway: &Gateway, hop: Hop, reject: &Reject) -> Option<RequestId> {
    let (reason, binding) = match reject {
        // Told of where it was found.
        Reject::NoSuchServer(_, id) => return *id,
        Reject::Unauthenticated => (Reason::Unauthenticated, None),
        Reject::InvalidCredential(NotTaken { reason, binding }) => (*reason, binding.as_deref()),
        Reject::Origin => (Reason::Origin, None),
        Reject::Host => (Reason::Host, None),
        _ => return None,
    };
    let address = match hop {
        Hop::Client { address, .. } => Some(address),
        Hop::Peer { .. } => None,
    };
    let revision = gateway.view.load().table.version.revision;
    gateway.deny_request(&Denial { binding, address, ..Denial::new(reason, revision) })
}

/// Answers who asks how to get in: whoever that is.
fn describe(
    gateway: &Gateway,
    hop: Hop,
    resource: Option<&Resource>,
    request: Request<Incoming>,
) -> Result<Response<Body>, Reject> {
    let (parts, _) = request.into_parts();
    let view = gateway.view.load();
    read_head(&view, hop, &parts)?;
    if parts.method != Method::GET {
        return Err(Reject::Method("GET"));
    }
    resource.and_then(|resource| resource.metadata(&view.table)).ok_or(Reject::NotFound)
}

async fn respond(
    gateway: &Arc<Gateway>,
    hop: Hop,
    goes_on: &GoesOn,
    request: Request<Incoming>,
) -> Result<Response<Body>, Reject> {
    let (parts, body) = request.into_parts();
    let before = gateway.view.load_full();
    let (door, admitted) = admit(gateway, &before, hop, &parts).await?;
    match door {
        Door::Mcp if parts.method == Method::DELETE => return Box::pin(end_session(gateway, &admitted)).await,
        Door::Mcp if parts.method == Method::GET => {
            return Box::pin(open_stream(gateway, &before, (&admitted, hop), &parts)).await;
        }
        Door::Mcp => {}
        Door::Sse => return inbound_sse::open(gateway, &admitted, parts.uri.path()),
        Door::Messages => {
            drop(admitted);
            return inbound_sse::post(gateway.clone(), hop, Request::from_parts(parts, body)).await;
        }
    }
    if !admitted.head.accepts_both() {
        return Err(Reject::NotAcceptable);
    }
    let mut bytes = gateway.budget.hold();
    let body = read_body(&admitted.head, body, &mut bytes).await?;
    // A body may take its time: who was somebody at its beginning is asked again if anything was put in force meanwhile.
    let after = gateway.view.load_full();
    let (view, admitted) = if Arc::ptr_eq(&before.table, &after.table) {
        (&before, admitted)
    } else {
        (&after, admit(gateway, &after, hop, &parts).await?.1)
    };
    let Admitted { head, identity, caller, scope, now } = admitted;
    let incoming = scan::request(&body).map_err(|fault| refuse(&fault))?;
    let (revision, session) = methods::revision(gateway, &head, &incoming, (&caller, now))?;
    let capabilities = methods::capabilities(&body, &incoming, session.as_ref());
    let (scope, head, headers) = (&scope, &head, &parts.headers);
    let exchange = Exchange {
        gateway,
        view,
        caller: &caller,
        identity: &identity,
        scope,
        head,
        headers,
        path: parts.uri.path(),
        revision,
        session,
        capabilities,
        goes_on,
        now,
    };
    if let (Hop::Client { .. }, Some(peers)) = (hop, gateway.peers.get()) {
        if owned::is_for_all(&incoming) {
            peers.pass_on((&parts, identity.side), &body);
        }
        if let Some(needed) = owned::needs_owner(&exchange, &incoming)
            && let Some(response) =
                Box::pin(owned::answer_there(gateway, hop, needed, &parts, (&body, &incoming))).await?
        {
            return Ok(response);
        }
    }
    let answered = match &incoming {
        scan::Incoming::One(message) => {
            let answered = methods::answer(&exchange, &body, message, false).await;
            answered.and_then(|(answer, session)| into_response(answer, session))
        }
        scan::Incoming::Batch(messages) => {
            let answered = Box::pin(batch(&exchange, &body, messages, &mut bytes)).await;
            answered.and_then(|answer| into_response(answer, None))
        }
    };
    match answered {
        Err(Reject::Elsewhere(owner, if_gone)) => {
            Box::pin(owned::elsewhere(gateway, hop, (owner, if_gone), &parts, (&body, &incoming))).await
        }
        answered => answered,
    }
}

/// What the headers of a request settle, by one view.
pub struct Admitted<'r> {
    /// The headers, read.
    pub head: Head<'r>,
    /// Who is calling, and by which credential.
    pub identity: Identity,
    /// The same.
    pub caller: Caller<'r>,
    /// What the request is narrowed to.
    pub scope: Scope,
    /// When it came.
    pub now: UnixSeconds,
}

/// Settles, from the headers alone, whether the request is for us, by which transport, who is calling, and what about.
pub async fn admit<'r>(
    gateway: &Gateway,
    view: &'r View,
    hop: Hop,
    parts: &'r Parts,
) -> Result<(Door, Admitted<'r>), Reject> {
    let head = read_head(view, hop, parts)?;
    let path = Path::read(parts.uri.path()).ok_or(Reject::NotFound)?;
    if !path.door.takes(&parts.method) {
        return Err(Reject::Method(path.door.methods()));
    }
    if parts.method != Method::POST && head.version.and_then(Revision::from_wire).is_some_and(Revision::is_modern) {
        return Err(Reject::Method("POST"));
    }
    let admitted =
        admit_to(gateway, view, (head, hop.side(&view.table.networks, &parts.headers)), path.names()).await?;
    match path.names().filter(|_| admitted.scope.is_empty()) {
        Some(names) => {
            let id = denial::of_scope(gateway, view, (&admitted.caller, admitted.now), names);
            Err(Reject::NoSuchServer(names.to_owned(), id))
        }
        None => Ok((path.door, admitted)),
    }
}

/// The headers of a request that names this gateway and comes from where it may.
pub fn read_head<'r>(view: &View, hop: Hop, parts: &'r Parts) -> Result<Head<'r>, Reject> {
    let settings = &view.table.snapshot.settings;
    let head = Head::read(&parts.headers, &settings.client_side_auth_header)?;
    if let Hop::Client { listener, .. } = hop {
        front::check(&parts.uri, &head, listener, &settings.allowed_origins)?;
    }
    Ok(head)
}

/// Who is calling from this side, and what these names of a path, or without any the headers, narrow that to.
pub async fn admit_to<'r>(
    gateway: &Gateway,
    view: &'r View,
    (head, side): (Head<'r>, Side),
    names: Option<&str>,
) -> Result<Admitted<'r>, Reject> {
    let table = &view.table;
    let now = crate::clock::now();
    let who = match identify(&gateway.tokens, table, &head, now) {
        Some(who) => who?,
        None => Box::pin(verify(&gateway.tokens, table, head.key.unwrap_or_default(), now)).await?,
    };
    let identity = Identity { who, side };
    let caller = table.caller(&identity).ok_or_else(|| Reject::InvalidCredential(NotTaken::new(Reason::Revoked)))?;
    let scope = Scope::read(table, &caller, now, names, &head.filters);
    Ok(Admitted { head, identity, caller, scope, now })
}

/// Ends a session everywhere: once this is answered, no process that could be reached knows it any more.
async fn end_session(gateway: &Gateway, admitted: &Admitted<'_>) -> Result<Response<Body>, Reject> {
    let id = admitted.head.session.ok_or_else(|| Reject::Invalid("Mcp-Session-Id names the session to end".into()))?;
    let session = gateway.sessions.of(&admitted.caller, id, admitted.now).ok_or(Reject::NoSuchSession)?;
    let told = Told { session: session.key(), what: What::Ended };
    gateway.sessions.note(told, admitted.now);
    gateway.clients.end(&session.nonce);
    if let Some(peers) = gateway.peers.get() {
        peers.tell(&[told]).await;
    }
    Ok(empty(StatusCode::NO_CONTENT))
}

/// The stream of a session, for what no answer carries.
async fn open_stream(
    gateway: &Arc<Gateway>,
    view: &Arc<View>,
    (admitted, hop): (&Admitted<'_>, Hop),
    parts: &Parts,
) -> Result<Response<Body>, Reject> {
    if !admitted.head.accepts_events() {
        return Err(Reject::NotAcceptable);
    }
    let id = admitted.head.session;
    let id = id.ok_or_else(|| Reject::Invalid("Mcp-Session-Id names the session whose stream it is".into()))?;
    let caller = &admitted.caller;
    let session = gateway.sessions.of(caller, id, admitted.now).ok_or(Reject::NoSuchSession)?;
    if session.owner != gateway.own
        && let (Hop::Client { .. }, Some(peers)) = (hop, gateway.peers.get())
    {
        match peers.forward(session.owner, (parts, admitted.identity.side), Bytes::new()).await {
            Ok(response) => return Ok(passed_stream::until_drained(&gateway.drain, response)),
            // The client may come again.
            Err(ForwardError::Broken) => return Err(Reject::Busy),
            Err(ForwardError::Gone) => {}
        }
    }
    // What there is to tell of lists any process can tell, also of a session whose owner is no more.
    let client = ClientSessions::adopt(gateway, &session, caller)?;
    let watcher = client.watcher(gateway, admitted.identity.clone(), &parts.headers, parts.uri.path());
    into_response(Answer::Events(get::open(watcher, view.clone(), client)?), None)
}

/// The refusal of a body that is no request.
pub fn refuse(fault: &scan::Fault) -> Reject {
    let said = fault.to_string();
    match fault.kind {
        FaultKind::Parse => Reject::Parse(said),
        FaultKind::Invalid => Reject::Invalid(said),
        FaultKind::Params => Reject::Params(said),
    }
}

/// The body of a request, within its bounds.
pub async fn read_body(head: &Head<'_>, mut body: Incoming, bytes: &mut Held<'_>) -> Result<Bytes, Reject> {
    if !head.sends_json() {
        return Err(Reject::ContentType);
    }
    if head.encoded {
        return Err(Reject::ContentEncoding);
    }
    if body.size_hint().lower() > MAX_BODY as u64 {
        return Err(Reject::BodyTooLarge);
    }
    let reading = async {
        let mut first = Bytes::new();
        let mut rest = BytesMut::new();
        while let Some(frame) = body.frame().await {
            let chunk = frame.map_err(|_| Reject::BodyIncomplete)?.into_data().unwrap_or_default();
            if !bytes.add(chunk.len()) {
                return Err(Reject::Busy);
            }
            if first.len() + rest.len() + chunk.len() > MAX_BODY {
                return Err(Reject::BodyTooLarge);
            }
            if first.is_empty() && rest.is_empty() {
                first = chunk;
            } else {
                rest.extend_from_slice(&std::mem::take(&mut first));
                rest.extend_from_slice(&chunk);
            }
        }
        Ok(if rest.is_empty() { first } else { rest.freeze() })
    };
    tokio::time::timeout(BODY_TIMEOUT, reading).await.unwrap_or(Err(Reject::BodyIncomplete))
}

/// A batch of 2025-03-26: answered in order, one array of responses, which the pod holds until all are there.
pub async fn batch(
    exchange: &Exchange<'_>,
    body: &Bytes,
    messages: &[Message<'_>],
    bytes: &mut Held<'_>,
) -> Result<Answer, Reject> {
    let mut out = b"[".to_vec();
    for message in messages {
        if message.method.as_ref().is_some_and(|method| method.value == "initialize") {
            return Err(Reject::Invalid("initialize must not be part of a batch".into()));
        }
        let (answer, _) = methods::answer(exchange, body, message, true).await?;
        let id = message.id.as_ref().map_or(&b"null"[..], |id| id.token);
        let answer = match answer {
            // Of one message: the others have their answers.
            Answer::Rejected(reject) => Answer::error(id, INTERNAL_ERROR, &reject.message()),
            answer => answer,
        };
        if let Answer::Message(_, response) | Answer::Denied(_, _, response) = answer {
            if !bytes.add(response.len()) {
                return Err(Reject::Busy);
            }
            if out.len() > 1 {
                out.push(b',');
            }
            out.extend_from_slice(&response);
        }
    }
    if out.len() == 1 {
        return Ok(Answer::Accepted);
    }
    out.push(b']');
    Ok(Answer::Message(StatusCode::OK, out.into()))
}

/// The whole response; with a session id, if it began a session.
pub(crate) fn into_response(answer: Answer, session: Option<String>) -> Result<Response<Body>, Reject> {
    let (status, media_type, body) = match answer {
        Answer::Message(status, response) => (status, "application/json", Body::whole(response)),
        Answer::Denied(id, status, response) => {
            let whole = into_response(Answer::Message(status, response), session)?;
            return Ok(RequestId::on(id, whole));
        }
        Answer::Json(stream) => (StatusCode::OK, "application/json", Body::Stream(stream)),
        Answer::Events(stream) => (StatusCode::OK, event::MEDIA_TYPE, Body::Stream(stream)),
        Answer::Accepted => return Ok(empty(StatusCode::ACCEPTED)),
        Answer::Rejected(reject) => return Err(reject),
    };
    let mut response = Response::new(body);
    *response.status_mut() = status;
    let headers = response.headers_mut();
    headers.insert(CONTENT_TYPE, HeaderValue::from_static(media_type));
    if media_type == event::MEDIA_TYPE {
        headers.insert("cache-control", HeaderValue::from_static("no-cache"));
        headers.insert("x-accel-buffering", HeaderValue::from_static("no"));
    }
    // A sealed id is base64url: always a header value.
    if let Some(value) = session.and_then(|id| HeaderValue::from_str(&id).ok()) {
        headers.insert(SESSION_ID, value);
    }
    Ok(response)
}

/// A response without a body.
pub fn empty(status: StatusCode) -> Response<Body> {
    let mut response = Response::new(Body::Whole(None));
    *response.status_mut() = status;
    response
}
