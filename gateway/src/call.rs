//! `tools/call`: one permitted request to one upstream.

use std::time::Duration;

use bytes::Bytes;
use tokio::time::{Instant, timeout_at};

use crate::exchange::{Answer, Exchange};
use crate::failure::{self, Client};
use crate::identify::Identity;
use crate::modern;
use crate::relay::Relay;
use crate::revoked::Holding;
use crate::route::{Target, Tool, route};
use crate::scan::{Edit, MODERN_META, Message, change_members, splice};
use crate::upstream::{Outgoing, UpstreamError};

/// Answers `tools/call`. `whole`: the answer must be one message (a batch).
pub async fn tool(exchange: &Exchange<'_>, body: &Bytes, message: &Message<'_>, id: &[u8], whole: bool) -> Answer {
    let client = Client { id, modern: exchange.revision.is_modern() };
    let Some(name) = message.params.as_ref().and_then(|params| params.name.as_ref()) else {
        return Answer::error(id, -32602, "params.name is missing: it names the tool to call");
    };
    match route(exchange, &name.value).await {
        Target::Tool(tool) => {
            if client.modern
                && let Err(refused) =
                    modern::check_arguments(exchange.headers, tool.called.native(), (body, message), id)
            {
                return refused;
            }
            forward(exchange, body, message, (tool, &name.value), (client, whole)).await
        }
        Target::Down(server, error) => {
            let server = &exchange.view.table.snapshot.servers[server as usize];
            failure::upstream(client, &server.alias, &error)
        }
        Target::Unknown => failure::unknown_tool(client, &name.value),
    }
}

async fn forward(
    exchange: &Exchange<'_>,
    body: &Bytes,
    message: &Message<'_>,
    (tool, called): (Tool, &str),
    (client, whole): (Client<'_>, bool),
) -> Answer {
    let server = tool.permit.server();
    let Some(upstreams) = &exchange.view.upstreams[server as usize] else {
        return failure::unknown_tool(client, called);
    };
    let declared = &upstreams.endpoint.server;
    let deadline = deadline(exchange, declared.timeouts.call);
    let holding = Holding::new(exchange, tool.called.clone());
    let render = |upstream_id: u64| render(body, message, &tool.called.native().name_json, upstream_id);
    let outgoing = Outgoing { method: "tools/call", render: &render, deadline };
    let answered = async {
        let opened = upstreams.open(exchange.caller, tool.part)?;
        let slot = timeout_at(deadline, upstreams.calls.clone().acquire_owned()).await;
        // The semaphore is never closed, so that only time can fail it.
        let slot = slot.ok().and_then(Result::ok).ok_or_else(|| UpstreamError::timeout("waiting for a free slot"))?;
        let reply = opened.upstream.send(&outgoing).await?;
        let relay = Relay {
            id: body.slice_ref(client.id),
            token: progress_token(body, message),
            modern: client.modern,
            server: upstreams.clone(),
            upstream: opened.upstream,
            slot,
            deadline,
            holding: holding.clone(),
        };
        Ok(relay.run(reply, whole).await)
    };
    // What was taken away since the request was read is asked first: nothing is sent for who has lost it.
    tokio::select! {
        biased;
        () = holding.lost() => failure::unknown_tool(client, called),
        answer = answered => answer.unwrap_or_else(|error: UpstreamError| {
            upstreams.failed(&error);
            failure::upstream(client, &holding.server().alias, &error)
        }),
    }
}

/// The call's deadline; no call outlives its caller, or the key that it came by.
fn deadline(exchange: &Exchange<'_>, seconds: u32) -> Instant {
    let mut allowed = Duration::from_secs(u64::from(seconds));
    let of_key = match exchange.identity {
        Identity::Known { expires, .. } => expires,
        Identity::Anonymous => None,
    };
    for expiry in [exchange.caller.expires, exchange.caller.access_until, of_key].into_iter().flatten() {
        let left = u64::try_from(expiry - exchange.now).unwrap_or_default();
        allowed = allowed.min(Duration::from_secs(left));
    }
    Instant::now() + allowed
}

fn progress_token(body: &Bytes, message: &Message<'_>) -> Option<Bytes> {
    let token = message.params.as_ref()?.meta.as_ref()?.progress_token.as_ref()?;
    Some(body.slice_ref(token.token))
}

/// The caller's message for the upstream: another id, the native name, the id as progress token, and without what only
/// the modern protocol has. Every other byte as it came.
fn render(body: &Bytes, message: &Message<'_>, name_json: &[u8], upstream_id: u64) -> Bytes {
    let id = upstream_id.to_string();
    let mut edits = Vec::with_capacity(8);
    if let Some(token) = &message.id {
        edits.push(Edit::replace(token.span, id.as_bytes()));
    }
    if let Some(params) = &message.params {
        if let Some(name) = &params.name {
            edits.push(Edit::replace(name.span, name_json));
        }
        if let Some(meta) = &params.meta {
            if let Some(token) = &meta.progress_token {
                edits.push(Edit::replace(token.span, id.as_bytes()));
            }
            if meta.protocol_version.is_some() {
                // The members were read once already, so that reading them again cannot fail.
                edits.extend(change_members(body, meta.object.span, &MODERN_META, b"").unwrap_or_default());
            }
        }
    }
    edits.sort_unstable_by_key(|edit| edit.span.start);
    let mut out = Vec::with_capacity(message.span.end - message.span.start + name_json.len() + 48);
    let from = message.span.start;
    if from == 0 && message.span.end == body.len() {
        splice(body, &edits, &mut out);
    } else {
        // A message of a batch: its spans count from the start of the body.
        for edit in &mut edits {
            edit.span.start -= from;
            edit.span.end -= from;
        }
        splice(&body[from..message.span.end], &edits, &mut out);
    }
    out.into()
}
