//! One HTTP exchange with an upstream: over an idle connection if there is a
//! good one, else over a new one, and never twice of what may have been
//! processed (R7). Where a token is fetched first, each bears the one in hand.

use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use http::{HeaderMap, Method, Request, Response, StatusCode, Uri};
use http_body_util::Full;
use hyper::body::Incoming;

use super::target::Target;
use crate::egress::{Egress, EgressError};
use crate::upstream::pool::{Lease, Pool};
use crate::upstream::tokens::Token;
use crate::upstream::{Outcome, UpstreamError};

/// All that it takes to send requests to one upstream.
pub(crate) struct Client {
    pub(crate) target: Target,
    /// What every POST bears; sessions add to it.
    pub(crate) headers: HeaderMap,
    /// What each request bears besides, if that is fetched.
    pub(crate) token: Option<Arc<Token>>,
    /// To connect, and for what must not wait for a caller's deadline.
    pub(crate) connect_timeout: Duration,
    /// The largest reply, in bytes.
    pub(crate) max_response: u64,
    pub(crate) egress: Arc<Egress>,
    pub(crate) pool: Arc<Pool>,
}

/// A request without its headers.
struct Bare<'r> {
    method: Method,
    path: &'r Uri,
    body: Bytes,
}

/// Whether a request may be sent again after a byte of it was written.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Repeat {
    /// It may have had an effect.
    Never,
    /// It has none, and a reused connection may have been closed under it.
    Once,
}

impl Repeat {
    /// Whether a request of this MCP method may be sent again. What is not known to be harmless is not.
    pub(crate) fn of(method: &str) -> Self {
        let harmless = matches!(method, "initialize" | "ping" | "server/discover" | "subscriptions/listen")
            || method.ends_with("/list");
        if harmless { Repeat::Once } else { Repeat::Never }
    }
}

impl Client {
    /// POSTs a message; the response's head, whatever its status.
    pub(crate) async fn post(
        &self,
        path: &Uri,
        headers: &HeaderMap,
        message: Bytes,
        repeat: Repeat,
    ) -> Result<Response<Incoming>, UpstreamError> {
        self.send(&Bare { method: Method::POST, path, body: message }, headers, repeat).await
    }

    /// A request without a body.
    pub(crate) async fn bare(
        &self,
        method: Method,
        headers: &HeaderMap,
        repeat: Repeat,
    ) -> Result<Response<Incoming>, UpstreamError> {
        self.send(&Bare { method, path: &self.target.path, body: Bytes::new() }, headers, repeat).await
    }

    /// GETs a stream that may go on for ever, over a connection of its own that carries nothing else.
    pub(crate) async fn stream(&self, headers: &HeaderMap) -> Result<Response<Incoming>, UpstreamError> {
        let bare = Bare { method: Method::GET, path: &self.target.path, body: Bytes::new() };
        let bearer = match &self.token {
            Some(token) => Some((token, token.bearer().await?)),
            None => None,
        };
        let request = match &bearer {
            Some((_, bearer)) => bare.with(bearer.on(headers)),
            None => bare.with(headers.clone()),
        };
        let mut own = self.connect().await?;
        let response = own.sender.try_send_request(request).await.map_err(|failed| broke(&failed.into_error()))?;
        if let (Some((token, bearer)), StatusCode::UNAUTHORIZED) = (bearer, response.status()) {
            token.refused(&bearer);
        }
        Ok(response)
    }

    /// With the token in hand, if there is one. Where the server refuses it, what is harmless goes once more with another;
    /// a call does not (R7), and the next one has another token.
    async fn send(
        &self,
        bare: &Bare<'_>,
        headers: &HeaderMap,
        repeat: Repeat,
    ) -> Result<Response<Incoming>, UpstreamError> {
        let Some(token) = &self.token else { return self.exchange(bare, headers, repeat).await };
        let bearer = token.bearer().await?;
        let response = self.exchange(bare, &bearer.on(headers), repeat).await?;
        if response.status() != StatusCode::UNAUTHORIZED {
            return Ok(response);
        }
        token.refused(&bearer);
        if repeat == Repeat::Never {
            return Ok(response);
        }
        let other = token.bearer().await?;
        if other.is(&bearer) {
            return Ok(response);
        }
        drop(response);
        let response = self.exchange(bare, &other.on(headers), repeat).await?;
        if response.status() == StatusCode::UNAUTHORIZED {
            token.refused(&other);
        }
        Ok(response)
    }

    async fn exchange(
        &self,
        bare: &Bare<'_>,
        headers: &HeaderMap,
        repeat: Repeat,
    ) -> Result<Response<Incoming>, UpstreamError> {
        let mut request = bare.with(headers.clone());
        while let Some(mut idle) = self.pool.checkout() {
            match idle.sender.try_send_request(request).await {
                Ok(response) => return Ok(done(idle, response)),
                Err(mut failed) => match failed.take_message() {
                    // No byte of it was written: the connection closed before.
                    Some(unsent) => request = unsent,
                    None if repeat == Repeat::Once => {
                        request = bare.with(headers.clone());
                        break;
                    }
                    None => return Err(broke(&failed.into_error())),
                },
            }
        }
        let mut fresh = self.connect().await?;
        match fresh.sender.try_send_request(request).await {
            Ok(response) => Ok(done(fresh, response)),
            Err(failed) => Err(broke(&failed.into_error())),
        }
    }

    async fn connect(&self) -> Result<Lease, UpstreamError> {
        let Target { https, host, port, .. } = &self.target;
        let connected = self.egress.connect(host, *port, *https, self.connect_timeout).await?;
        self.pool.open(connected, &self.egress).await.map_err(|error| broke(&error))
    }
}

impl Bare<'_> {
    fn with(&self, headers: HeaderMap) -> Request<Full<Bytes>> {
        let mut request = Request::new(Full::new(self.body.clone()));
        request.method_mut().clone_from(&self.method);
        request.uri_mut().clone_from(self.path);
        *request.headers_mut() = headers;
        request
    }
}

fn done(lease: Lease, response: Response<Incoming>) -> Response<Incoming> {
    lease.give_back(response.headers());
    response
}

/// The failure of a connection. What hyper says of a parse error may quote the server, so only its class is told.
pub(crate) fn broke(error: &hyper::Error) -> UpstreamError {
    if error.is_parse() {
        return UpstreamError::new(Outcome::UpstreamError, "the server does not answer in HTTP/1.1");
    }
    UpstreamError::new(Outcome::Unreachable, "the connection to the server broke")
}

impl From<EgressError> for UpstreamError {
    fn from(error: EgressError) -> Self {
        UpstreamError::new(Outcome::Unreachable, format!("the server cannot be reached: {error}"))
    }
}
