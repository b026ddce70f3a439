//! The level of logs that a client wants, told to the sessions that are the client's own.

use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use tokio::time::Instant;

use crate::log_level::LogLevel;
use crate::upstream::{Outgoing, ReplyBody, Upstream};

/// How long a server may take to note it.
const PATIENCE: Duration = Duration::from_secs(30);

/// Tells a server in the background. One that logs nothing says so, or not; what it sends is filtered anyway.
pub fn tell(upstream: &Arc<Upstream>, level: LogLevel) {
    let upstream = upstream.clone();
    tokio::spawn(async move {
        let render = |id: u64, _| {
            let level = level.as_str();
            let message =
                format!(r#"{{"jsonrpc":"2.0","id":{id},"method":"logging/setLevel","params":{{"level":"{level}"}}}}"#);
            Bytes::from(message)
        };
        let deadline = Instant::now() + PATIENCE;
        let outgoing = Outgoing { method: "logging/setLevel", render: &render, mirror: &|_| {}, deadline };
        // Read to its end, or it would be cancelled.
        if let Ok(reply) = upstream.send(&outgoing).await
            && let ReplyBody::Messages(mut messages) = reply.body
        {
            let to_end = async { while messages.next().await.is_some() {} };
            let _ = tokio::time::timeout_at(deadline, to_end).await;
        }
    });
}
