//! Listens to what a modern server tells unasked: that a list of it changed
//! (2026-07-28, basic/patterns/subscriptions). Legacy servers tell it on the
//! streams of their sessions.

use std::time::Duration;

use bytes::Bytes;
use tokio::sync::watch;
use tokio::time::Instant;

use crate::upstream::handshake::Changes;
use crate::upstream::message::{self, Kind};
use crate::upstream::{Era, Messages, Outcome, Outgoing, ReplyBody, Upstream, UpstreamError, era};

/// What is sent to listen.
const METHOD: &str = "subscriptions/listen";
/// The server's word that it listens.
const ACKNOWLEDGED: &str = "notifications/subscriptions/acknowledged";
/// How long a server may take to open the stream.
const OPENS: Duration = Duration::from_secs(30);
/// How long a stream is kept at most: a child waits for the end of what it was asked for no longer.
pub(crate) const LONGEST: Duration = Duration::from_secs(60 * 60);
/// Between two attempts to listen, at first and at most.
const SOON: Duration = Duration::from_secs(1);
const LATE: Duration = Duration::from_secs(60);

/// Listens to a server for as long as it says in `changes` that it has something to tell, again and again; each time
/// that it begins to, or tells of a change, there is a reason to list the server.
pub async fn keep(upstream: &Upstream, mut changes: watch::Receiver<Changes>) {
    let mut backoff = SOON;
    loop {
        let Ok(wanted) = changes.wait_for(|changes| *changes != Changes::default()).await.map(|wanted| *wanted) else {
            return;
        };
        let begun = Instant::now();
        tokio::select! {
            ended = listen(upstream, wanted) => if let Err(error) = ended {
                tracing::debug!("a server was not listened to any more: {error}");
            },
            // An error: nobody lists the server any more.
            _ = changes.wait_for(|changes| *changes != wanted) => continue,
        }
        backoff = if begun.elapsed() > LATE { SOON } else { (backoff * 2).min(LATE) };
        tokio::time::sleep(backoff).await;
    }
}

/// Listens until the server ends it.
async fn listen(upstream: &Upstream, wanted: Changes) -> Result<(), UpstreamError> {
    let until = Instant::now() + LONGEST;
    let mut messages = open(upstream, &filter(wanted), until).await?;
    let ended = loop {
        let message = match tokio::time::timeout_at(until, messages.next()).await {
            Ok(Some(Ok(message))) => message,
            Ok(Some(Err(error))) => break Err(error),
            Ok(None) | Err(_) => break Ok(()),
        };
        if let Some(Kind::Notification { method, .. }) = message::kind(&message)
            && (method == ACKNOWLEDGED || message::is_list_changed(&method))
        {
            upstream.suspect();
        }
    };
    // It may be gone, and tells nothing until it is listened to again.
    upstream.suspect();
    ended
}

/// The members of a filter of these lists, as JSON.
fn filter(Changes { tools, prompts, resources }: Changes) -> String {
    let lists = [("toolsListChanged", tools), ("promptsListChanged", prompts), ("resourcesListChanged", resources)];
    let named: Vec<_> =
        lists.iter().filter(|(_, wanted)| *wanted).map(|(name, _)| format!(r#""{name}":true"#)).collect();
    named.join(",")
}

/// The stream of what a server tells of what `filter` has, the members of `notifications` as JSON.
pub(crate) async fn open(upstream: &Upstream, filter: &str, until: Instant) -> Result<Messages, UpstreamError> {
    let params = format!(r#""notifications":{{{filter}}}"#);
    let render = |id: u64, era: Era| -> Bytes { era::request(id, METHOD, params.as_bytes(), era) };
    let outgoing = Outgoing { method: METHOD, render: &render, mirror: &|_| {}, deadline: until };
    let opened = tokio::time::timeout(OPENS, upstream.send(&outgoing)).await;
    match opened.unwrap_or_else(|_| Err(UpstreamError::timeout(METHOD)))?.body {
        ReplyBody::Messages(messages) => Ok(messages),
        // Its answer, at once: it does not listen after all.
        ReplyBody::Json(_) => Err(UpstreamError::new(Outcome::UpstreamError, "it opened no stream")),
    }
}
