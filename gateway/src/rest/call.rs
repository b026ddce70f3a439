//! A call over REST: its body becomes the `tools/call` that it means, with the arguments byte for byte, which goes the way
//! of every other; its answer is the result alone.

use std::sync::Arc;

use bytes::Bytes;
use http::request::Parts;
use http::{Response, StatusCode};
use hyper::body::Incoming;

use super::{Endpoint, exchange, json, named, refusal, takes};
use crate::body::Body;
use crate::call::{self, Asked};
use crate::denial;
use crate::exchange::Answer;
use crate::gateway::{Gateway, View};
use crate::hop::Hop;
use crate::json::detail;
use crate::proxy::{self, Admitted};
use crate::reject::Reject;
use crate::scan::{self, Fault, Kind, Span, ToolCall, change_members, members, splice_part};
use crate::serve::GoesOn;
use crate::upstream::Outcome;

/// The id that such a call has in its JSON-RPC message; its client knows of none.
const ID: &str = r#""mcp-rest""#;

/// Answers a call.
pub(super) async fn respond(
    gateway: &Arc<Gateway>,
    hop: Hop,
    (before, goes_on): (&Arc<View>, &GoesOn),
    (parts, body): (&Parts, Incoming),
) -> Result<Response<Body>, Reject> {
    let admit = async |view| {
        let head = proxy::read_head(view, hop, parts)?;
        let side = hop.side(&view.table.networks, &parts.headers);
        proxy::admit_to(gateway, view, (head, side), None).await
    };
    let admitted: Admitted<'_> = admit(before).await?;
    takes(Endpoint::CallTool, parts)?;
    let mut bytes = gateway.budget.hold();
    let body = proxy::read_body(&admitted.head, body, &mut bytes).await?;
    // As with every body: who was somebody at its beginning is asked again if anything was put in force meanwhile.
    let after = gateway.view.load_full();
    let (view, mut admitted) =
        if Arc::ptr_eq(&before.table, &after.table) { (before, admitted) } else { (&after, admit(&after).await?) };
    let asked = scan::tool_call(&body).map_err(|fault| proxy::refuse(&fault))?;
    let (server, message) = match message(&body, &asked) {
        Ok(meant) => meant,
        Err(missing) => return Ok(refusal::missing_parameter(missing)),
    };
    if !bytes.add(message.len()) {
        return Err(Reject::Busy);
    }
    let Some(server) = named::narrow(view, &mut admitted, server) else {
        let id = denial::of_server(gateway, view, (&admitted.caller, admitted.now), server);
        return Ok(refusal::access_denied(id));
    };
    let scan::Incoming::One(read) = scan::request(&message).map_err(|fault| proxy::refuse(&fault))? else {
        return Err(Reject::Internal);
    };
    let id = read.id.as_ref().ok_or(Reject::Internal)?.token;
    let exchange = exchange(gateway, view, parts, &admitted, goes_on);
    let asked = Asked { body: &message, message: &read, id, whole: true };
    match call::tool_of(&exchange, server, asked).await {
        Answer::Message(StatusCode::OK, answer) if bytes.add(answer.len()) => {
            Ok(reply(&answer).unwrap_or_else(|fault| bad_reply(fault.message)))
        }
        Answer::Message(StatusCode::OK, _) => Ok(bad_reply("there is no memory left to hold it")),
        Answer::Message(status, failed) => Ok(json(status, failed)),
        answer => proxy::into_response(answer, None),
    }
}

/// The server that a body names, and the message that it means; or the parameter that it lacks.
fn message<'b>(body: &[u8], asked: &'b ToolCall<'_>) -> Result<(&'b str, Bytes), &'static str> {
    let server = asked.server.as_ref().filter(|server| !server.value.is_empty()).ok_or("server_id")?;
    let name = asked.name.as_ref().filter(|name| !name.value.is_empty()).ok_or("name")?;
    let arguments = asked.arguments.ok_or("arguments")?.of(body);
    let head = format!(r#"{{"jsonrpc":"2.0","id":{ID},"method":"tools/call","params":{{"name":"#);
    let parts = [head.as_bytes(), name.span.of(body), br#","arguments":"#, arguments, b"}}"];
    Ok((&server.value, parts.concat().into()))
}

/// What the server said: its result, or its error.
fn reply(message: &Bytes) -> Result<Response<Body>, Fault> {
    let all = members(message, Span { start: 0, end: message.len() })?;
    let of = |name: &str| all.iter().find(|member| member.name == name).map(|member| member.value);
    if let Some(error) = of("error") {
        return said_error(message, error);
    }
    let Some(result) = of("result") else { return Ok(bad_reply("it is no result")) };
    let edits = change_members(message, result, &["resultType"], br#""resultType":"complete""#)?;
    let mut out = Vec::new();
    splice_part(message, result, edits, &mut out);
    Ok(json(StatusCode::OK, out))
}

/// A server's own error, with its words, code and data as they came.
fn said_error(message: &[u8], error: Span) -> Result<Response<Body>, Fault> {
    let all = members(message, error)?;
    let mut out = br#"{"detail":{"error":"upstream_error","message":"#.to_vec();
    match all.iter().find(|member| member.name == "message" && member.kind == Kind::String) {
        Some(words) => out.extend_from_slice(words.value.of(message)),
        None => out.extend_from_slice(br#""the server answered with an error""#),
    }
    for member in all.iter().filter(|member| matches!(&*member.name, "code" | "data")) {
        out.push(b',');
        out.extend_from_slice(member.key.of(message));
        out.push(b':');
        out.extend_from_slice(member.value.of(message));
    }
    out.extend_from_slice(b"}}");
    Ok(json(StatusCode::BAD_GATEWAY, out))
}

fn bad_reply(why: &str) -> Response<Body> {
    let words = format!("the server's answer cannot be passed on, but the call may have been carried out: {why}");
    json(StatusCode::BAD_GATEWAY, detail(Outcome::UpstreamError.as_str(), &words))
}
