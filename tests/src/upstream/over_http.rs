//! A scripted server over Streamable HTTP (`/mcp`) and HTTP+SSE (`/sse`).

use std::convert::Infallible;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;

use bytes::Bytes;
use http::{Method, Request, Response, StatusCode};
use http_body_util::BodyExt;
use hyper::body::{Body, Frame, Incoming};
use hyper::service::service_fn;
use hyper_util::rt::{TokioIo, TokioTimer};
use tokio::net::TcpListener;
use tokio::sync::mpsc;

use super::answer::{Memory, Message, Next, answer};
use super::modern;
use super::script::{BODY_OF_ERRORS, Form, Script};
use super::{Received, State};

/// Bytes of a body that is written while it travels, or the end of the connection in its midst.
pub(super) type Piece = Result<Bytes, std::io::Error>;

/// How much of a large result is written at once.
const CHUNK: usize = 64 * 1024;

/// Between the half of a message and the end of its connection, so that the half has left.
const BEFORE_A_CUT: Duration = Duration::from_millis(20);

/// Accepts connections for ever.
pub(super) async fn serve(listener: TcpListener, state: Arc<State>) {
    loop {
        let Ok((stream, _)) = listener.accept().await else { continue };
        // Small replies leave at once; the socket is local.
        let _ = stream.set_nodelay(true);
        *state.connections.lock().unwrap() += 1;
        let state = Arc::clone(&state);
        let service = service_fn(move |request| {
            let state = Arc::clone(&state);
            async move { Ok::<_, Infallible>(respond(&state, request).await) }
        });
        tokio::spawn(
            hyper::server::conn::http1::Builder::new()
                .timer(TokioTimer::new())
                .serve_connection(TokioIo::new(stream), service),
        );
    }
}

async fn respond(state: &Arc<State>, request: Request<Incoming>) -> Response<Reply> {
    let (head, body) = request.into_parts();
    let Ok(body) = body.collect().await else { return status(StatusCode::BAD_REQUEST) };
    let body = body.to_bytes();
    let script = Arc::clone(&state.script.lock().unwrap());
    let method = serde_json::from_slice::<Message<'_>>(&body).map(|m| m.method.into_owned()).unwrap_or_default();
    if head.method == Method::POST {
        *state.posts.lock().unwrap().entry(method.clone()).or_default() += 1;
    }
    if script.keep {
        state.received.lock().unwrap().push(received(&head, &method, &body));
    }
    let header = |name: &str| head.headers.get(name).and_then(|value| value.to_str().ok());
    let is_refused = script.required.as_ref().is_some_and(|(name, value)| header(name) != Some(value))
        || script.tokens.as_ref().is_some_and(|tokens| !tokens.takes(header("authorization")));
    if is_refused {
        return refusal(401);
    }
    let caller = script.caller_header.as_deref().and_then(|name| header(name)?.split(' ').next_back());
    match (&head.method, head.uri.path()) {
        (&Method::GET, "/sse") => open_stream(state),
        (&Method::GET, "/mcp") if script.listens => listen_in_session(state, header("mcp-session-id")),
        (&Method::POST, "/messages") => {
            let stream = head.uri.query().and_then(|query| query.strip_prefix("session=")?.parse().ok());
            message_of_stream(state, &script, stream, caller, &body)
        }
        (&Method::POST, "/mcp") if script.modern_only => {
            modern_post(state, &script, &head.headers, caller, &body).await
        }
        (&Method::POST, "/mcp") => post(state, &script, header("mcp-session-id"), caller, &method, &body).await,
        (&Method::DELETE, "/mcp") => {
            let session = header("mcp-session-id").unwrap_or_default();
            let known = state.sessions.lock().unwrap().memories.remove(session).is_some();
            status(if known { StatusCode::OK } else { StatusCode::NOT_FOUND })
        }
        _ => status(StatusCode::METHOD_NOT_ALLOWED),
    }
}

fn received(head: &http::request::Parts, method: &str, body: &Bytes) -> Received {
    let text = |value: &http::HeaderValue| String::from_utf8_lossy(value.as_bytes()).into_owned();
    Received {
        http_method: head.method.to_string(),
        path: head.uri.to_string(),
        headers: head.headers.iter().map(|(name, value)| (name.to_string(), text(value))).collect(),
        method: method.to_owned(),
        body: body.clone(),
    }
}

#[expect(clippy::too_many_arguments, reason = "the parts of one request, read by nobody else")]
async fn post(
    state: &Arc<State>,
    script: &Script,
    session: Option<&str>,
    caller: Option<&str>,
    method: &str,
    body: &[u8],
) -> Response<Reply> {
    let mut fresh = None;
    let mut memory = Memory::default();
    if script.sessions {
        let mut sessions = state.sessions.lock().unwrap();
        if method == "initialize" {
            sessions.last += 1;
            let id = format!("scripted-{}", sessions.last);
            sessions.memories.insert(id.clone(), Memory::default());
            fresh = Some(id);
        } else {
            match session.map(|id| sessions.memories.get(id).cloned()) {
                None => return status(StatusCode::BAD_REQUEST),
                Some(None) => return unknown_session(script.unknown_session),
                Some(Some(known)) => memory = known,
            }
        }
    }
    *state.taken.lock().unwrap().entry(method.to_owned()).or_default() += 1;
    let next = answer(script, &mut memory, caller, body);
    if let Some(session) = session
        && let Some(kept) = state.sessions.lock().unwrap().memories.get_mut(session)
    {
        *kept = memory;
    }
    if let Next::Ask { questions, response } = next {
        return asking(state, session, questions, response);
    }
    if method.is_empty() {
        state.answered(session, body);
    }
    let mut response = say(script.form, next).await;
    if let Some(id) = fresh {
        response.headers_mut().insert("mcp-session-id", id.parse().unwrap());
    }
    response
}

/// A request of 2026-07-28, which stands for itself.
async fn modern_post(
    state: &Arc<State>,
    script: &Script,
    headers: &http::HeaderMap,
    caller: Option<&str>,
    body: &[u8],
) -> Response<Reply> {
    if let Some(refused) = modern::refusal(script, Some(headers), body) {
        let mut response = with_type("application/json", Reply::whole(refused.to_string()));
        *response.status_mut() = StatusCode::BAD_REQUEST;
        return response;
    }
    let next = answer(script, &mut Memory::default(), caller, body);
    match &next {
        Next::Listen => listen(state, body),
        Next::Never => never(state),
        Next::Say { messages, .. } => {
            let code = modern::status(messages.last().map_or(&[][..], |message| message));
            let mut response = say(script.form, next).await;
            *response.status_mut() = StatusCode::from_u16(code).unwrap();
            response
        }
        _ => say(script.form, next).await,
    }
}

/// A stream on which [`super::Upstream::tell`] is heard.
fn listen(state: &State, body: &[u8]) -> Response<Reply> {
    let request: serde_json::Value = serde_json::from_slice(body).unwrap();
    let (sender, reply) = Reply::written(64);
    sender.try_send(Ok(event(&modern::acknowledged(&request)).into())).expect("a fresh channel has room");
    state.subscribers.lock().unwrap().push((request["id"].clone(), sender));
    with_type("text/event-stream", reply)
}

/// A stream with progress and no end; [`super::Upstream::waiting`] counts those whose client is still there.
fn never(state: &State) -> Response<Reply> {
    let (sender, reply) = Reply::written(64);
    sender.try_send(Ok(Bytes::from_static(b": waiting\n\n"))).expect("a fresh channel has room");
    state.waiting.lock().unwrap().push(sender);
    with_type("text/event-stream", reply)
}

/// Over Streamable HTTP an answer is the response of the POST.
async fn say(form: Form, next: Next) -> Response<Reply> {
    match next {
        Next::Nothing => status(StatusCode::ACCEPTED),
        Next::Never | Next::Listen => std::future::pending().await,
        Next::Page => with_type("text/html", Reply::whole("<html><body>It works!</body></html>")),
        Next::Status { status: code, location } => {
            let mut response = refusal(code);
            if let Some(location) = location {
                response.headers_mut().insert("location", location.parse().unwrap());
            }
            response
        }
        Next::Say { after, messages } => {
            if after > Duration::ZERO {
                tokio::time::sleep(after).await;
            }
            if let (Form::Json, [message]) = (form, messages.as_slice()) {
                return with_type("application/json", Reply::whole(message.clone()));
            }
            let events: Vec<u8> = messages.iter().flat_map(|message| event(message)).collect();
            with_type("text/event-stream", Reply::whole(events))
        }
        Next::Half(message) => {
            let (sender, reply) = Reply::written(2);
            let half = message.slice(..message.len() / 2);
            tokio::spawn(async move {
                let _ = sender.send(Ok(half)).await;
                tokio::time::sleep(BEFORE_A_CUT).await;
                let _ = sender.send(Err(std::io::ErrorKind::ConnectionReset.into())).await;
            });
            let mut response = with_type("application/json", reply);
            response.headers_mut().insert("content-length", message.len().into());
            response
        }
        Next::Exit => {
            let (sender, reply) = Reply::written(1);
            let _ = sender.send(Err(std::io::ErrorKind::ConnectionReset.into())).await;
            with_type("application/json", reply)
        }
        // What asks has a stream of its own.
        Next::Ask { .. } => status(StatusCode::INTERNAL_SERVER_ERROR),
        Next::Stream { head, filler, tail } => {
            let stream = form == Form::EventStream || tail.is_none();
            let (sender, reply) = Reply::written(2);
            tokio::spawn(write_large(sender, stream, head, filler, tail));
            with_type(if stream { "text/event-stream" } else { "application/json" }, reply)
        }
    }
}

/// Over HTTP+SSE an answer travels on the stream that the session's GET opened.
fn message_of_stream(
    state: &Arc<State>,
    script: &Script,
    stream: Option<u64>,
    caller: Option<&str>,
    body: &[u8],
) -> Response<Reply> {
    let sender = stream.and_then(|stream| state.streams.lock().unwrap().get(&stream).cloned());
    let (Some(stream), Some(sender)) = (stream, sender) else { return status(StatusCode::NOT_FOUND) };
    let name = format!("stream {stream}");
    if serde_json::from_slice::<Message<'_>>(body).is_ok_and(|message| message.method.is_empty()) {
        state.answered(Some(&name), body);
    }
    let next = {
        let mut sessions = state.sessions.lock().unwrap();
        answer(script, sessions.memories.entry(name).or_default(), caller, body)
    };
    let state = Arc::clone(state);
    tokio::spawn(async move {
        // A stream whose reader is gone takes nothing; there is nobody to tell.
        match next {
            Next::Nothing | Next::Never | Next::Listen | Next::Status { .. } | Next::Ask { .. } => {}
            Next::Page => drop(sender.send(Ok(Bytes::from(event(b"<html></html>")))).await),
            Next::Say { after, messages } => {
                tokio::time::sleep(after).await;
                for message in messages {
                    let _ = sender.send(Ok(Bytes::from(event(&message)))).await;
                }
            }
            Next::Half(message) => {
                let _ = sender.send(Ok([b"data: ", &message[..message.len() / 2]].concat().into())).await;
                let _ = sender.send(Err(std::io::ErrorKind::ConnectionReset.into())).await;
            }
            Next::Exit => {
                state.streams.lock().unwrap().remove(&stream);
                let _ = sender.send(Err(std::io::ErrorKind::ConnectionReset.into())).await;
            }
            Next::Stream { head, filler, tail } => write_large(sender, true, head, filler, tail).await,
        }
    });
    status(StatusCode::ACCEPTED)
}

fn open_stream(state: &State) -> Response<Reply> {
    let (sender, reply) = Reply::written(64);
    let id = {
        let mut sessions = state.sessions.lock().unwrap();
        sessions.last += 1;
        sessions.last
    };
    let first = format!("event: endpoint\ndata: /messages?session={id}\n\n");
    sender.try_send(Ok(first.into())).expect("a fresh channel has room");
    state.streams.lock().unwrap().insert(id, sender);
    with_type("text/event-stream", reply)
}

/// The stream of a session for what no answer carries.
fn listen_in_session(state: &State, session: Option<&str>) -> Response<Reply> {
    let Some(session) = session else { return status(StatusCode::BAD_REQUEST) };
    let (sender, reply) = Reply::written(64);
    state.listeners.lock().unwrap().insert(session.to_owned(), sender);
    with_type("text/event-stream", reply)
}

/// Asks the client of a session one thing after the other on the stream of its call.
fn asking(
    state: &Arc<State>,
    session: Option<&str>,
    questions: Vec<Bytes>,
    [head, tail]: [String; 2],
) -> Response<Reply> {
    let (sender, reply) = Reply::written(2);
    let (state, session) = (Arc::clone(state), session.unwrap_or_default().to_owned());
    tokio::spawn(async move {
        let mut answers = Vec::new();
        for (number, question) in questions.iter().enumerate() {
            if sender.send(Ok(event(question).into())).await.is_err() {
                return;
            }
            let id = format!("ask-{number}");
            tokio::select! {
                answer = state.answer_to(&session, &id) => answers.push(String::from_utf8(answer.to_vec()).unwrap()),
                () = sender.closed() => return,
            }
        }
        let response = format!("{head}{}{tail}", answers.join(","));
        let _ = sender.send(Ok(event(response.as_bytes()).into())).await;
    });
    with_type("text/event-stream", reply)
}

async fn write_large(sender: mpsc::Sender<Piece>, stream: bool, head: Bytes, mut filler: u64, tail: Option<Bytes>) {
    let chunk = Bytes::from(vec![b'x'; CHUNK]);
    let mut pieces = vec![head];
    if stream {
        pieces.insert(0, Bytes::from_static(b"data: "));
    }
    for piece in pieces {
        if sender.send(Ok(piece)).await.is_err() {
            return;
        }
    }
    while filler > 0 {
        let size = usize::try_from(filler).map_or(CHUNK, |left| left.min(CHUNK));
        if sender.send(Ok(chunk.slice(..size))).await.is_err() {
            return;
        }
        filler -= size as u64;
    }
    for piece in tail.into_iter().chain(stream.then_some(Bytes::from_static(b"\n\n"))) {
        if sender.send(Ok(piece)).await.is_err() {
            return;
        }
    }
}

pub(super) fn event(message: &[u8]) -> Vec<u8> {
    [b"event: message\ndata: ", message, b"\n\n"].concat()
}

fn status(status: StatusCode) -> Response<Reply> {
    let mut response = Response::new(Reply::whole(""));
    *response.status_mut() = status;
    response
}

fn refusal(code: u16) -> Response<Reply> {
    let mut response = with_type("text/plain", Reply::whole(BODY_OF_ERRORS));
    *response.status_mut() = StatusCode::from_u16(code).unwrap();
    response.headers_mut().insert("set-cookie", "inner=1".parse().unwrap());
    response
}

/// What server-everything and others of its kind answer.
fn unknown_session(code: u16) -> Response<Reply> {
    let body =
        r#"{"jsonrpc":"2.0","error":{"code":-32000,"message":"Bad Request: No valid session ID provided"},"id":null}"#;
    let mut response = with_type("application/json", Reply::whole(body));
    *response.status_mut() = StatusCode::from_u16(code).unwrap();
    response
}

fn with_type(content_type: &'static str, body: Reply) -> Response<Reply> {
    let mut response = Response::new(body);
    response.headers_mut().insert("content-type", http::HeaderValue::from_static(content_type));
    response
}

/// A body that stands, or one that is written while it travels.
pub(super) enum Reply {
    Whole(Option<Bytes>),
    Written(mpsc::Receiver<Piece>),
}

impl Reply {
    fn whole(bytes: impl Into<Bytes>) -> Self {
        Self::Whole(Some(bytes.into()).filter(|bytes| !bytes.is_empty()))
    }

    fn written(room: usize) -> (mpsc::Sender<Piece>, Self) {
        let (sender, receiver) = mpsc::channel(room);
        (sender, Self::Written(receiver))
    }
}

impl Body for Reply {
    type Data = Bytes;
    type Error = std::io::Error;

    fn poll_frame(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, Self::Error>>> {
        match self.get_mut() {
            Self::Whole(bytes) => Poll::Ready(bytes.take().map(|bytes| Ok(Frame::data(bytes)))),
            Self::Written(receiver) => {
                receiver.poll_recv(context).map(|piece| piece.map(|piece| piece.map(Frame::data)))
            }
        }
    }

    fn is_end_stream(&self) -> bool {
        matches!(self, Self::Whole(None))
    }

    fn size_hint(&self) -> hyper::body::SizeHint {
        match self {
            Self::Whole(bytes) => hyper::body::SizeHint::with_exact(bytes.as_ref().map_or(0, Bytes::len) as u64),
            Self::Written(_) => hyper::body::SizeHint::default(),
        }
    }
}
