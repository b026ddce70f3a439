//! What a caller is told when a call cannot be answered by its server
//! (REQUIREMENTS, Answers). Never bytes of an upstream (R21).

use http::StatusCode;

use crate::exchange::Answer;
use crate::json;
use crate::upstream::{Outcome, UpstreamError};

/// Who is told.
#[derive(Clone, Copy)]
pub struct Client<'r> {
    /// The request's id, as JSON.
    pub id: &'r [u8],
    /// Whether it speaks the modern protocol.
    pub modern: bool,
}

/// A tool that does not exist for the caller: unknown, forbidden and hidden ones look the same.
pub fn unknown_tool(client: Client<'_>, name: &str) -> Answer {
    if client.modern {
        return Answer::error(client.id, -32602, &format!("Tool '{name}' not found"));
    }
    Answer::Message(StatusCode::OK, tool_error(client, &format!("Error: Tool '{name}' not found"), None).into())
}

/// A server that did not answer as it should.
pub fn upstream(client: Client<'_>, alias: &str, error: &UpstreamError) -> Answer {
    Answer::Message(StatusCode::OK, upstream_message(client, alias, error).into())
}

/// The same, as bytes.
pub fn upstream_message(client: Client<'_>, alias: &str, error: &UpstreamError) -> Vec<u8> {
    let said = match error.outcome {
        Outcome::Unreachable => "is unreachable",
        Outcome::Timeout => "did not answer in time",
        Outcome::AuthRequired => "asks for a credential",
        Outcome::Forbidden => "refuses the credential",
        Outcome::RateLimited => "limits the rate of calls",
        Outcome::UpstreamError => "gave a bad answer",
        Outcome::UnsupportedProtocol => "speaks another protocol",
    };
    let text = format!("Error: server '{alias}' {said} ({}): {}", error.outcome, error.detail);
    tool_error(client, &text, Some(error.outcome.as_str()))
}

fn tool_error(client: Client<'_>, text: &str, outcome: Option<&str>) -> Vec<u8> {
    let mut result = br#"{"content":[{"type":"text","text":"#.to_vec();
    json::string(text, &mut result);
    result.extend_from_slice(br#"}],"isError":true"#);
    if let Some(outcome) = outcome {
        result.extend_from_slice(format!(r#","_meta":{{"switchboard.dev/outcome":"{outcome}"}}"#).as_bytes());
    }
    if client.modern {
        result.extend_from_slice(br#","resultType":"complete""#);
    }
    result.push(b'}');
    let mut out = Vec::with_capacity(result.len() + 64);
    json::result(client.id, &result, &mut out);
    out
}
