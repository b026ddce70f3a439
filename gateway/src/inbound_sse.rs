//! HTTP+SSE towards old clients (2024-11-05, transports; R12): a GET opens the
//! one stream of a session and says where to post to; each POST is
//! authenticated like any other, is answered 202, and what it asks for comes
//! on the stream.
//!
//! The stream belongs to the process that took the GET, and so does all that
//! is known of its session: where to post to is said before `initialize`, so
//! that neither revision nor capabilities can be sealed in it.

use std::sync::Arc;
use std::time::Duration;

use crate::caller::Caller;
use bytes::Bytes;
use crds::snapshot::UnixSeconds;
use http::header::{CONTENT_TYPE, HeaderValue};
use http::request::Parts;
use http::{Request, Response, StatusCode};
use hyper::body::Incoming;
use tokio::sync::{OwnedSemaphorePermit, oneshot};
use tokio::time::sleep;

use self::answers::deliver;
use self::endpoint::Endpoint;
use self::stream::SseStream;
use self::streams::Place;
use crate::body::{Body, Stream};
use crate::budget::Held;
use crate::client_session::ClientSessions;
use crate::client_session::get;
use crate::event;
use crate::exchange::{Answer, Exchange};
use crate::front::MESSAGES;
use crate::gateway::Gateway;
use crate::hop::Hop;
use crate::identify::Identity;
use crate::methods;
use crate::owned;
use crate::proxy::{self, Admitted, admit};
use crate::reject::Reject;
use crate::revision::Revision;
use crate::scan;
use crate::serve::GoesOn;
use crate::session::{Session, Told, What};

mod answers;
pub mod endpoint;
mod stream;
pub mod streams;

/// The longest that it takes to see that a caller's dates have passed.
const LOOK: Duration = Duration::from_secs(30);

/// What a POST gets that is accepted, or why it is not.
type Accepted = oneshot::Sender<Result<Response<Body>, Reject>>;

/// Opens a stream for whoever was admitted. `path`: where the client asked for it, as it wrote that.
pub fn open(gateway: &Arc<Gateway>, admitted: &Admitted<'_>, path: &str) -> Result<Response<Body>, Reject> {
    if !admitted.head.accepts_events() {
        return Err(Reject::NotAcceptable);
    }
    let Admitted { caller, identity, now, .. } = admitted;
    let endpoint = Endpoint::begin(gateway.own, *now).map_err(|_| Reject::Internal)?;
    let id = endpoint.seal(&gateway.sealer, caller.id()).map_err(|_| Reject::Internal)?;
    // A path alone: which host and scheme the client came by, nobody here knows.
    let uri = format!("{}{MESSAGES}?{}={id}", path.trim_end_matches('/'), endpoint::PARAMETER);
    let (stream, body) = SseStream::open((path, identity.side), event::endpoint(&uri));
    let place = gateway.sse.enter((endpoint.nonce, caller.id()), stream).ok_or(Reject::TooManyStreams)?;
    tokio::spawn(keep(gateway.clone(), place, (identity.clone(), caller.id().to_owned()), endpoint.expires));
    let mut response = Response::new(Body::Stream(body));
    let headers = response.headers_mut();
    headers.insert(CONTENT_TYPE, HeaderValue::from_static(event::MEDIA_TYPE));
    headers.insert("cache-control", HeaderValue::from_static("no-cache"));
    headers.insert("x-accel-buffering", HeaderValue::from_static("no"));
    Ok(response)
}

/// Keeps a stream until it ends, and what is known of its session no longer.
async fn keep(gateway: Arc<Gateway>, place: Place, (identity, caller): (Identity, String), expires: UnixSeconds) {
    let mut leaving = gateway.sse.leaving();
    let left = async {
        // The sender is the gateway's: it goes away after everything else.
        let _ = leaving.wait_for(|leaving| *leaving).await;
        place.stream().is_idle().await;
    };
    let over = async {
        tokio::select! {
            () = lost(&gateway, (&identity, &caller), expires) => {}
            () = left => {}
        }
    };
    place.stream().keep(over).await;
    if let Some(session) = place.stream().session() {
        // Its id was told to nobody: nobody else has to know.
        gateway.sessions.note(Told { session: session.key(), what: What::Ended }, crate::clock::now());
        gateway.clients.end(&session.nonce);
    }
}

/// Returns when a caller is nobody any more, or not by this key, or when the stream expires.
async fn lost(gateway: &Gateway, (identity, caller): (&Identity, &str), expires: UnixSeconds) {
    let mut revision = gateway.revision.subscribe();
    loop {
        revision.mark_unchanged();
        let now = crate::clock::now();
        let view = gateway.view.load_full();
        let Some(caller) = view.table.still(identity, caller, now) else { return };
        let until = identity.until(&caller, now).map_or(expires, |until| until.min(expires));
        let Some(left) = u64::try_from(until - now).ok().filter(|left| *left > 0) else { return };
        drop(view);
        tokio::select! {
            // Its sender is the gateway's.
            Ok(()) = revision.changed() => {}
            () = sleep(LOOK.min(Duration::from_secs(left))) => {}
        }
    }
}

/// Takes a message. What it asks for is worked on though the client does not wait for the 202: it listens elsewhere.
pub async fn post(gateway: Arc<Gateway>, hop: Hop, request: Request<Incoming>) -> Result<Response<Body>, Reject> {
    let (accepted, hears) = oneshot::channel();
    tokio::spawn(async move {
        let mut accepted = Some(accepted);
        if let Err(reject) = take(&gateway, hop, request, &mut accepted).await
            && let Some(accepted) = accepted
        {
            // Whoever posted it may have gone.
            let _ = accepted.send(Err(reject));
        }
    });
    hears.await.unwrap_or(Err(Reject::Internal))
}

async fn take(
    gateway: &Arc<Gateway>,
    hop: Hop,
    request: Request<Incoming>,
    accepted: &mut Option<Accepted>,
) -> Result<(), Reject> {
    let (parts, body) = request.into_parts();
    let before = gateway.view.load_full();
    let (_, admitted) = admit(gateway, &before, hop, &parts).await?;
    let stream = stream_of(gateway, &parts, (&admitted.caller, admitted.now));
    let mut bytes = gateway.budget.hold();
    let body = proxy::read_body(&admitted.head, body, &mut bytes).await?;
    let stream = match stream {
        Err(Reject::Elsewhere(owner, _)) => {
            let incoming = scan::request(&body).map_err(|fault| proxy::refuse(&fault))?;
            let forwarded = owned::elsewhere(gateway, hop, (owner, None), &parts, (&body, &incoming)).await?;
            if let Some(accepted) = accepted.take() {
                let _ = accepted.send(Ok(forwarded));
            }
            return Ok(());
        }
        stream => stream?,
    };
    // As with every body: who was somebody at its beginning is asked again.
    let view = gateway.view.load_full();
    let (_, Admitted { head, identity, caller, scope, now }) = admit(gateway, &view, hop, &parts).await?;
    let incoming = scan::request(&body).map_err(|fault| proxy::refuse(&fault))?;
    let session = stream.session();
    // No other transport is spoken here, and none that can say its revision in a header.
    let revision = session.map_or(Revision::V2024_11_05, |session| session.revision);
    if matches!(incoming, scan::Incoming::Batch(_)) && !revision.has_batches() {
        return Err(Reject::Invalid("an array of messages is a request in revision 2025-03-26 only".into()));
    }
    let capabilities = session.map(|session| session.capabilities).unwrap_or_default();
    let (scope, head, headers, goes_on) = (&scope, &head, &parts.headers, &GoesOn::default());
    let view = &view;
    let exchange = Exchange {
        gateway,
        view,
        caller: &caller,
        identity: &identity,
        scope,
        head,
        headers,
        path: stream.path(),
        revision,
        session,
        capabilities,
        goes_on,
        now,
    };
    if let scan::Incoming::One(message) = &incoming
        && (message.id.is_none() || message.method.is_none())
    {
        // Nothing comes of it on the stream; and it must not wait behind calls, which may themselves wait for it.
        methods::answer(&exchange, &body, message, false).await?;
        accept(accepted);
        return Ok(());
    }
    let place = stream.enter().await?;
    accept(accepted);
    tokio::select! {
        () = answer(&exchange, &stream, (&body, incoming), (&mut bytes, place)) => {}
        () = stream.over() => {}
    }
    Ok(())
}

fn accept(accepted: &mut Option<Accepted>) {
    if let Some(accepted) = accepted.take() {
        // Whoever posted it may have gone: what comes of it is not told here.
        let _ = accepted.send(Ok(proxy::empty(StatusCode::ACCEPTED)));
    }
}

/// The stream that a POST is for. One of another process is for that to take.
fn stream_of(
    gateway: &Gateway,
    parts: &Parts,
    (caller, now): (&Caller<'_>, UnixSeconds),
) -> Result<Arc<SseStream>, Reject> {
    let endpoint = endpoint::id(parts.uri.query());
    let endpoint = endpoint.and_then(|id| Endpoint::open(&gateway.sealer, id, caller.id(), now));
    let endpoint = endpoint.ok_or(Reject::NoSuchSession)?;
    if endpoint.owner != gateway.own {
        return Err(Reject::Elsewhere(endpoint.owner, None));
    }
    let stream = gateway.sse.get(endpoint.nonce);
    stream.filter(|stream| caller.goes_on(stream.side().is_outside())).ok_or(Reject::NoSuchSession)
}

async fn answer(
    exchange: &Exchange<'_>,
    stream: &Arc<SseStream>,
    (body, incoming): (&Bytes, scan::Incoming<'_>),
    (bytes, _place): (&mut Held<'_>, OwnedSemaphorePermit),
) {
    let mut own = None;
    let (id, answered) = match &incoming {
        scan::Incoming::One(message) => {
            let answered = match methods::answer(exchange, body, message, false).await {
                Ok((answer, None)) => Ok(answer),
                Ok((answer, Some(session))) => begin(exchange, stream, &session).map(|begun| {
                    own = Some(begun);
                    answer
                }),
                Err(reject) => Err(reject),
            };
            (message.id.map(|id| id.token), answered)
        }
        scan::Incoming::Batch(messages) => (None, Box::pin(proxy::batch(exchange, body, messages, bytes)).await),
    };
    let id = id.unwrap_or(b"null");
    let answer = answered.unwrap_or_else(Answer::Rejected);
    deliver(stream, &exchange.gateway.budget, id, answer).await;
    if let Some(own) = own {
        tokio::spawn(answers::listen(stream.clone(), own));
    }
}

/// Begins the stream's session; gives what comes of it beside answers. Its id stays here: that of the stream leads to it.
fn begin(exchange: &Exchange<'_>, stream: &SseStream, id: &str) -> Result<Stream, Reject> {
    let Exchange { gateway, caller, .. } = exchange;
    let session = gateway.sessions.of(caller, id.as_bytes(), exchange.now).ok_or(Reject::Internal)?;
    let session = Session { has_one_stream: true, ..session };
    let client = ClientSessions::of(gateway, &session, caller)?;
    if stream.begin(session).is_err() {
        gateway.clients.end(&session.nonce);
        return Err(Reject::Invalid("this stream is initialized already; open another".into()));
    }
    let watcher = client.watcher(gateway, exchange.identity.clone(), exchange.headers, stream.path());
    get::open(watcher, exchange.view.clone(), client)
}
