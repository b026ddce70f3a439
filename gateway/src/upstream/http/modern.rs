//! A server of 2026-07-28 over Streamable HTTP: no session, each request in a
//! POST that says for itself what it is, in headers too (R6).

use bytes::Bytes;
use http::{HeaderMap, HeaderValue};

use super::client::{Client, Repeat};
use super::headers::{METHOD, PROTOCOL_VERSION};
use super::reply;
use super::session::{Failure, Forgotten, whole};
use crate::upstream::era::{self, Era, Found, MODERN};
use crate::upstream::handshake::Hello;
use crate::upstream::{Outcome, Outgoing, Reply, UpstreamError};

/// A server that answered as a modern one.
pub(super) struct Modern {
    /// What every POST bears.
    headers: HeaderMap,
    hello: Hello,
}

impl Modern {
    /// Asks a server what it speaks; none if it is of the legacy era, an error if that does not show (R5).
    pub(super) async fn probe(client: &Client, id: u64) -> Result<Option<Self>, UpstreamError> {
        let mut headers = client.headers.clone();
        headers.insert(PROTOCOL_VERSION, HeaderValue::from_static(MODERN));
        let asked = with_method(&headers, "server/discover")?;
        let response = client.post(&client.target.path, &asked, era::discover(id), Repeat::Once).await?;
        let found = match reply::read(response, id, client.max_response, None).await {
            Ok(reply) => era::found(&whole(reply, client.max_response).await?)?,
            Err(refusal) => refusal.of_discover()?,
        };
        match found {
            Found::Modern(hello) => Ok(Some(Self { headers, hello })),
            Found::Legacy => Ok(None),
        }
    }

    /// What the server said of itself.
    pub(super) fn hello(&self) -> &Hello {
        &self.hello
    }

    /// One request, in exactly one POST.
    pub(super) async fn send(
        &self,
        client: &Client,
        id: u64,
        request: Bytes,
        outgoing: &Outgoing<'_>,
    ) -> Result<Reply, Failure> {
        let mut headers = with_method(&self.headers, outgoing.method)?;
        (outgoing.mirror)(&mut headers);
        let response = client.post(&client.target.path, &headers, request, Repeat::of(outgoing.method)).await?;
        let refusal = match reply::read(response, id, client.max_response, None).await {
            Ok(body) => return Ok(Reply { id, era: Era::Modern, body }),
            Err(refusal) => refusal,
        };
        if refusal.headers_refused() {
            let what = "the server finds that headers differ from the request; what it lists is read again";
            return Err(Failure::Stale(UpstreamError::new(Outcome::UpstreamError, what)));
        }
        let forgotten = Forgotten { refusal, id, era: Era::Modern };
        // As a server of the legacy era says that a request without a session is not for it.
        if forgotten.refusal.version_refused() || forgotten.refusal.session_missing() {
            return Err(Failure::Forgotten(forgotten));
        }
        forgotten.into_reply().map_err(Failure::Failed)
    }
}

fn with_method(headers: &HeaderMap, method: &str) -> Result<HeaderMap, UpstreamError> {
    let unsendable = |_| UpstreamError::new(Outcome::UpstreamError, "the method cannot stand in a header");
    let mut headers = headers.clone();
    headers.insert(METHOD, HeaderValue::from_str(method).map_err(unsendable)?);
    Ok(headers)
}
