//! One request of an agent, on its way to the fleet and back.

use std::net::SocketAddr;
use std::time::Instant;

use crds::names::KEY_HEADERS;
use http::header::{HOST, ORIGIN};
use http::request::Parts;
use http::{HeaderMap, HeaderValue, Method, Request, Response, StatusCode, Uri};
use hyper::body::{Body as _, Incoming};

use super::Sidecar;
use super::refusal::Refusal;
use crate::body::Body;
use crate::front::{self, Door, Path};
use crate::head::Head;
use crate::hop;
use crate::passed_stream;
use crate::proxy::MAX_BODY;
use crate::reject::Reject;
use crate::rest::Endpoint;

impl Sidecar {
    /// Answers a request of an agent; `listener`: the address that is listened on.
    pub(super) async fn handle(&self, listener: SocketAddr, request: Request<Incoming>) -> Response<Body> {
        let rest = Endpoint::read(request.uri().path());
        let answered = self.pass(listener, request).await;
        let outcome = match &answered {
            Ok(response) if response.status() == StatusCode::UNAUTHORIZED => "unauthorized",
            Ok(_) => "answered",
            Err(refusal) => refusal.as_str(),
        };
        self.metrics.requests.with_label_values(&[outcome]).inc();
        answered.unwrap_or_else(|refusal| refusal.into_response(rest))
    }

    async fn pass(&self, listener: SocketAddr, request: Request<Incoming>) -> Result<Response<Body>, Refusal> {
        let (parts, body) = request.into_parts();
        check(&parts, &body, listener).map_err(Refusal::Request)?;
        let bearer = self.token.bearer().map_err(Refusal::NoToken)?;
        let mut passed = Request::new(body);
        *passed.method_mut() = parts.method.clone();
        let path = parts.uri.path_and_query().cloned();
        *passed.uri_mut() = path.map_or_else(|| Uri::from_static("/"), Uri::from);
        *passed.headers_mut() = headers(&parts.headers, self.way.origin.authority.clone(), bearer);
        let origin = || self.way.origin.to_string();
        let response = self.way.send(passed).await.map_err(|why| Refusal::Way(origin(), why))?;
        if response.status().is_redirection() {
            return Err(Refusal::Redirect(origin()));
        }
        if response.status() == StatusCode::UNAUTHORIZED && self.unknown.lock().is_due(Instant::now()) {
            tracing::warn!(
                "{} does not know the holder of the token: is there a McpKeyBinding of the pod's ServiceAccount, and is \
                 the token for the gateway's audience?",
                self.way.origin
            );
        }
        let (mut head, body) = response.into_parts();
        head.headers = hop::end_to_end(&head.headers);
        let response = Response::from_parts(head, Body::Forwarded(body));
        Ok(if is_endless(&parts) { passed_stream::until_drained(&self.drain, response) } else { response })
    }
}

/// Whether a request is one that goes on, from its head alone (R14, R13).
fn check(parts: &Parts, body: &Incoming, listener: SocketAddr) -> Result<(), Reject> {
    let head = Head::read(&parts.headers, "")?;
    front::check(&parts.uri, &head, listener, &[])?;
    if parts.method == Method::CONNECT {
        return Err(Reject::Method(Door::Mcp.methods()));
    }
    // The gateway would say so too, but might close the connection while the rest is being sent.
    if body.size_hint().lower() > MAX_BODY as u64 { Err(Reject::BodyTooLarge) } else { Ok(()) }
}

/// What the gateway is sent of the headers of an agent. Who that is, is said by the token and nothing else; the page that
/// it may come from was judged here.
fn headers(from_agent: &HeaderMap, authority: HeaderValue, bearer: HeaderValue) -> HeaderMap {
    let mut headers = hop::end_to_end(from_agent);
    for name in KEY_HEADERS {
        headers.remove(name);
    }
    headers.remove(ORIGIN);
    headers.insert(HOST, authority);
    // The first of them decides, whatever the release calls its clients' own credentials.
    headers.insert(KEY_HEADERS[0], bearer);
    headers
}

/// Whether the answer is a stream that ends with nothing but its client. That of HTTP+SSE bears the answers to what is
/// posted beside it: it is not ended while these may still come.
fn is_endless(parts: &Parts) -> bool {
    let of_old_client = Path::read(parts.uri.path()).is_some_and(|path| path.door == Door::Sse);
    let listens = parts.headers.get("mcp-method").is_some_and(|method| method == "subscriptions/listen");
    (parts.method == Method::GET && !of_old_client) || (parts.method == Method::POST && listens)
}
