//! One request to a token endpoint, by the one connector (R20): resolved,
//! checked, no redirect followed, the answer bounded in size and time.

use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use crds::snapshot::{ClientAuthentication, TokenClient, TokenRequest};
use http::{HeaderMap, HeaderValue, Method, Request, StatusCode, header};
use http_body_util::{BodyExt, Full, Limited};

use super::answer::{self, Granted};
use super::form;
use super::subject::SubjectToken;
use crate::egress::{Egress, EgressError};
use crate::upstream::http::headers::USER_AGENT;
use crate::upstream::http::target::Target;
use crate::upstream::pool::Pool;
use crate::upstream::{Endpoint, Outcome, UpstreamError};

/// How long a token endpoint may take in all.
const WITHIN: Duration = Duration::from_secs(10);
/// The largest answer, in bytes.
const MAX_ANSWER: usize = 64 * 1024;

/// Where and for what a server's tokens are asked for.
pub(super) struct TokenEndpoint {
    /// `namespace/name` of the server.
    pub(super) server: String,
    request: TokenRequest,
    client: TokenClient,
    target: Target,
    headers: HeaderMap,
    egress: Arc<Egress>,
}

/// Why there is no token. Nothing that the endpoint sent is in it (R21).
#[derive(Debug, thiserror::Error)]
pub(super) enum TokenError {
    /// No connection.
    #[error("its token endpoint cannot be reached: {0}")]
    Unreachable(#[from] EgressError),
    /// It ended without an answer that can be read.
    #[error("the connection to its token endpoint broke")]
    Broke,
    /// It took too long.
    #[error("its token endpoint did not answer within {} s", WITHIN.as_secs())]
    Late,
    /// It is somewhere else.
    #[error("its token endpoint answered with a redirect, and none is followed")]
    Redirect,
    /// It gives none.
    #[error("its token endpoint answered HTTP {status}{}", in_brackets(*.error))]
    Refused {
        /// The status.
        status: u16,
        /// Which of the known errors it named.
        error: Option<&'static str>,
    },
    /// It gave something that is of no use.
    #[error("the answer of its token endpoint {0}")]
    Unreadable(&'static str),
}

fn in_brackets(error: Option<&'static str>) -> String {
    error.map(|error| format!(" ({error})")).unwrap_or_default()
}

impl TokenEndpoint {
    /// That of a server, as it is declared.
    pub(super) fn new(server: &Endpoint, request: &TokenRequest, egress: Arc<Egress>) -> Result<Self, UpstreamError> {
        let unusable = |what: &str| UpstreamError::new(Outcome::UpstreamError, what);
        let client = server.secrets.token_client.clone();
        let client = client.ok_or_else(|| unusable("the client of the server's token endpoint is missing"))?;
        let target = Target::parse(&client.url);
        let target = target.map_err(|_| unusable("the URL of the server's token endpoint cannot be read"))?;
        let mut headers = HeaderMap::with_capacity(8);
        headers.insert(header::HOST, target.authority.clone());
        headers.insert(header::ACCEPT, HeaderValue::from_static("application/json"));
        headers.insert(header::CONTENT_TYPE, HeaderValue::from_static("application/x-www-form-urlencoded"));
        headers.insert(header::ACCEPT_ENCODING, HeaderValue::from_static("identity"));
        headers.insert(header::USER_AGENT, HeaderValue::from_static(USER_AGENT));
        if request.authentication == ClientAuthentication::Basic {
            let value = HeaderValue::from_str(&form::basic(&client));
            let mut value = value.map_err(|_| unusable("the client of the server's token endpoint is unusable"))?;
            value.set_sensitive(true);
            headers.insert(header::AUTHORIZATION, value);
        }
        Ok(Self { server: server.server.id.clone(), request: request.clone(), client, target, headers, egress })
    }

    /// `scheme://host[:port]`, all of the URL that may be shown.
    pub(super) fn origin(&self) -> &str {
        &self.request.origin
    }

    /// Asks for a token: the gateway's own, or one in exchange for a caller's.
    pub(super) async fn ask(&self, subject: Option<&SubjectToken>) -> Result<Granted, TokenError> {
        let asked = tokio::time::timeout(WITHIN, self.exchange(subject)).await;
        let (status, body) = asked.unwrap_or(Err(TokenError::Late))?;
        if status.is_redirection() {
            return Err(TokenError::Redirect);
        }
        answer::read(status, &body, &self.request.grant)
    }

    /// Over a connection of its own: tokens are asked for too seldom for one to be kept.
    async fn exchange(&self, subject: Option<&SubjectToken>) -> Result<(StatusCode, Bytes), TokenError> {
        let Target { https, host, port, path, .. } = &self.target;
        let connected = self.egress.connect(host, *port, *https, WITHIN).await?;
        let connection = Arc::new(Pool::default()).open(connected, &self.egress).await;
        let mut connection = connection.map_err(|_| TokenError::Broke)?;
        let body = form::body(&self.request, &self.client, subject.map(SubjectToken::text));
        let mut request = Request::new(Full::new(Bytes::from(body)));
        *request.method_mut() = Method::POST;
        *request.uri_mut() = path.clone();
        request.headers_mut().clone_from(&self.headers);
        let response = connection.sender.send_request(request).await.map_err(|_| TokenError::Broke)?;
        let (head, body) = response.into_parts();
        match Limited::new(body, MAX_ANSWER).collect().await {
            Ok(body) => Ok((head.status, body.to_bytes())),
            Err(error) if error.is::<http_body_util::LengthLimitError>() => {
                Err(TokenError::Unreadable("is larger than any token"))
            }
            Err(_) => Err(TokenError::Broke),
        }
    }
}
