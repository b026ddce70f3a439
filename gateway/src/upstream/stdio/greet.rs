//! What a child is asked first: whether it speaks 2026-07-28, else
//! `initialize` (R5; 2026-07-28, basic/versioning).

use std::pin::pin;
use std::sync::Arc;

use bytes::Bytes;
use futures_util::future::{Either, select};
use tokio::time::{Duration, Instant, timeout};

use super::session::{Refused, Session};
use crate::upstream::era::{self, Era, Found};
use crate::upstream::handshake::{self, Hello, INITIALIZED};
use crate::upstream::{Messages, Outcome, Outgoing, ReplyBody, UpstreamError};

/// How long a server may be silent before it is greeted as a legacy one. A slow starter may still turn out to be modern.
const SILENCE: Duration = Duration::from_secs(2);

/// Greets a child. `legacy`: it was one before, and is not asked whether it still is unless it refuses to be.
pub(super) async fn greet(session: &Arc<Session>, legacy: bool, deadline: Instant) -> Result<Hello, UpstreamError> {
    if !legacy {
        return probe(session, deadline).await;
    }
    match initialize(session, deadline).await {
        Err(error) if error.outcome == Outcome::UnsupportedProtocol => {
            modern_or(error, discover(session, deadline)).await
        }
        greeted => greeted,
    }
}

async fn probe(session: &Arc<Session>, deadline: Instant) -> Result<Hello, UpstreamError> {
    let mut discovered = pin!(discover(session, deadline));
    match timeout(SILENCE, &mut discovered).await {
        Ok(Ok(Found::Modern(hello))) => return Ok(hello),
        Ok(Ok(Found::Legacy)) => return initialize(session, deadline).await,
        Ok(Err(error)) => return Err(error),
        Err(_) => {}
    }
    match select(discovered, pin!(initialize(session, deadline))).await {
        Either::Left((Ok(Found::Modern(hello)), refused)) => {
            // Its answer to the other question is on its way, and is nothing to it.
            let _ = timeout(SILENCE, refused).await;
            Ok(hello)
        }
        Either::Left((_, initialized)) => initialized.await,
        Either::Right((Err(error), discovered)) if error.outcome == Outcome::UnsupportedProtocol => {
            modern_or(error, discovered).await
        }
        Either::Right((greeted, _)) => greeted,
    }
}

/// A server that refused `initialize` with `refused` is modern, or nothing that is spoken here.
async fn modern_or(
    refused: UpstreamError,
    discovered: impl Future<Output = Result<Found, UpstreamError>>,
) -> Result<Hello, UpstreamError> {
    match discovered.await {
        Ok(Found::Modern(hello)) => Ok(hello),
        _ => Err(refused),
    }
}

async fn discover(session: &Arc<Session>, deadline: Instant) -> Result<Found, UpstreamError> {
    let render = |id, _| era::discover(id);
    let (response, _) = ask(session, ("server/discover", &render), deadline).await?;
    era::found(&response)
}

async fn initialize(session: &Arc<Session>, deadline: Instant) -> Result<Hello, UpstreamError> {
    let render = |id, _| handshake::initialize(id, session.capabilities());
    let (response, id) = ask(session, ("initialize", &render), deadline).await?;
    let hello = handshake::hello(&response, id)?;
    session.notify(INITIALIZED);
    Ok(hello)
}

/// Sends one request; its response and its id.
async fn ask(
    session: &Arc<Session>,
    (method, render): (&str, &(dyn Fn(u64, Era) -> Bytes + Send + Sync)),
    deadline: Instant,
) -> Result<(Bytes, u64), UpstreamError> {
    let outgoing = Outgoing { method, render, mirror: &|_| {}, deadline };
    let mut reply = session.request(&outgoing, Era::Legacy, ()).await.map_err(|refused| match refused {
        Refused::Ended => UpstreamError::new(Outcome::Unreachable, "the server's process ended"),
        Refused::Failed(error) => error,
    })?;
    let ReplyBody::Messages(messages) = &mut reply.body else {
        return Err(UpstreamError::new(Outcome::UpstreamError, format!("the answer to {method} is no message")));
    };
    Ok((last(messages).await?, reply.id))
}

async fn last(messages: &mut Messages) -> Result<Bytes, UpstreamError> {
    let mut last = None;
    while let Some(message) = messages.next().await {
        last = Some(message?);
    }
    last.ok_or_else(|| UpstreamError::new(Outcome::Unreachable, "the server's process ended"))
}
