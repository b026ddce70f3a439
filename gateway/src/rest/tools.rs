//! The caller's tools as LiteLLM lists them: what `tools/list` shows, under native names with whose they are, or under
//! published ones.

use crds::snapshot::ServerIndex;
use http::{Response, StatusCode};

use super::json;
use crate::body::Body;
use crate::catalogue::List;
use crate::exchange::Exchange;
use crate::failure;
use crate::json::detail;
use crate::list::{Form, Part, gather, outcomes};

/// What is said where there is something to list.
const LISTED: &str = r#","error":null,"message":"Successfully retrieved tools""#;
/// What is said where no server could be listed; the words are LiteLLM's.
const NONE_LISTED: &str = r#","error":"partial_failure","message":"Every MCP server in scope failed to list tools""#;

/// Under native names. `named`: the one server that was asked for, whose failure is the answer's.
pub(super) async fn native(exchange: &Exchange<'_>, named: Option<ServerIndex>) -> Response<Body> {
    let (parts, mut out) = tools(exchange, Form::Native).await;
    if let (Some(server), [(_, part)]) = (named, &parts[..])
        && let Some(outcome) = part.missing.filter(|_| part.is_lost())
    {
        let alias = &exchange.view.table.snapshot.servers[server as usize].alias;
        let words = format!("server '{alias}' failed to list its tools ({outcome})");
        return json(failure::http_status(outcome), detail(outcome.as_str(), &words));
    }
    let none_listed = !parts.is_empty() && parts.iter().all(|(_, part)| part.is_lost());
    out.extend_from_slice(if none_listed { NONE_LISTED } else { LISTED }.as_bytes());
    finish(exchange, &parts, out)
}

/// Under published names.
pub(super) async fn published(exchange: &Exchange<'_>) -> Response<Body> {
    let (parts, out) = tools(exchange, Form::Published).await;
    finish(exchange, &parts, out)
}

async fn tools(exchange: &Exchange<'_>, form: Form) -> (Vec<(ServerIndex, Part)>, Vec<u8>) {
    let mut out = br#"{"tools":["#.to_vec();
    let parts = gather(exchange, (List::Tools, form), &mut out).await;
    out.push(b']');
    (parts, out)
}

fn finish(exchange: &Exchange<'_>, parts: &[(ServerIndex, Part)], mut out: Vec<u8>) -> Response<Body> {
    if parts.iter().any(|(_, part)| part.missing.is_some()) {
        out.extend_from_slice(br#","server_outcomes":"#);
        outcomes(exchange, List::Tools, parts, &mut out);
    }
    out.push(b'}');
    json(StatusCode::OK, out)
}
