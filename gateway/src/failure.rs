//! What a caller is told when a call cannot be answered by its server
//! (REQUIREMENTS, Answers). Never bytes of an upstream (R21).

use http::StatusCode;

use crate::denial::{REQUEST_ID_KEY, RequestId};
use crate::exchange::Answer;
use crate::json::{self, INTERNAL_ERROR, INVALID_PARAMS};
use crate::upstream::{Outcome, UpstreamError};

/// Who is told, and what they asked for.
#[derive(Clone, Copy)]
pub struct Client<'r> {
    /// The request's id, as JSON.
    pub id: &'r [u8],
    /// Whether it speaks the modern protocol.
    pub modern: bool,
    /// What the request is about.
    pub about: About,
}

/// What a request is about, as far as a failure depends on it.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum About {
    /// A tool that is called: its failure is a result that says so, to be read by a model. All else is an error.
    Tool,
    /// A tool that is called over REST: its failure is an HTTP status, with a body of LiteLLM's form.
    RestTool,
    /// A prompt.
    Prompt,
    /// A resource.
    Resource,
    /// A task.
    Task,
}

impl Client<'_> {
    /// Whether it cancels what it waits for by going away; a legacy one has not (2025-11-25, basic/transports).
    pub fn cancels_by_leaving(self) -> bool {
        self.modern || self.about == About::RestTool
    }

    /// How it is told of a failure: JSON-RPC says it all in its message.
    fn told(self, over_rest: StatusCode, message: Vec<u8>) -> Answer {
        Answer::Message(self.status(over_rest), message.into())
    }

    fn status(self, over_rest: StatusCode) -> StatusCode {
        if self.about == About::RestTool { over_rest } else { StatusCode::OK }
    }
}

/// What does not exist for the caller: unknown, forbidden and hidden ones look the same. `id`: what the log has it by.
pub fn unknown(client: Client<'_>, name: &str, id: Option<RequestId>) -> Answer {
    Answer::Denied(id, client.status(StatusCode::NOT_FOUND), unknown_message(client, name, id).into())
}

/// The same, as bytes.
pub fn unknown_message(client: Client<'_>, name: &str, id: Option<RequestId>) -> Vec<u8> {
    let said_id = id.map(|id| format!(r#""{REQUEST_ID_KEY}":"{id}""#));
    let message = match client.about {
        About::Tool if !client.modern => {
            return tool_error(client, &format!("Error: Tool '{name}' not found"), said_id.as_deref());
        }
        About::RestTool => return json::detail("tool_not_found", &format!("Tool '{name}' not found")),
        About::Tool => format!("Tool '{name}' not found"),
        About::Prompt => format!("Prompt '{name}' not found"),
        About::Task => "Task not found".to_owned(),
        About::Resource => "Resource not found".to_owned(),
    };
    let uri = (client.about == About::Resource).then(|| {
        let mut uri = br#""uri":"#.to_vec();
        json::string(name, &mut uri);
        uri
    });
    let data: Vec<Vec<u8>> = uri.into_iter().chain(said_id.map(String::into_bytes)).collect();
    let data = (!data.is_empty()).then(|| [&b"{"[..], &data.join(&b','), b"}"].concat());
    error(client, INVALID_PARAMS, &message, data.as_deref())
}

/// A server that did not answer as it should.
pub fn upstream(client: Client<'_>, alias: &str, error: &UpstreamError) -> Answer {
    client.told(http_status(error.outcome), upstream_message(client, alias, error))
}

/// The status of a failure where there is no other way to say it; LiteLLM's, but that the gateway never says 401 or 403 for
/// a server (R21).
pub fn http_status(outcome: Outcome) -> StatusCode {
    match outcome {
        Outcome::Timeout => StatusCode::GATEWAY_TIMEOUT,
        Outcome::RateLimited => StatusCode::TOO_MANY_REQUESTS,
        Outcome::Unreachable
        | Outcome::AuthRequired
        | Outcome::Forbidden
        | Outcome::UpstreamError
        | Outcome::UnsupportedProtocol
        | Outcome::MissingCapability => StatusCode::BAD_GATEWAY,
    }
}

/// The same, as bytes.
pub fn upstream_message(client: Client<'_>, alias: &str, failed: &UpstreamError) -> Vec<u8> {
    let outcome = failed.outcome.as_str();
    let said = match failed.outcome {
        Outcome::Unreachable => "is unreachable",
        Outcome::Timeout => "did not answer in time",
        Outcome::AuthRequired => "asks for a credential",
        Outcome::Forbidden => "refuses the credential",
        Outcome::RateLimited => "limits the rate of calls",
        Outcome::UpstreamError => "gave a bad answer",
        Outcome::UnsupportedProtocol => "speaks another protocol",
        Outcome::MissingCapability => "asks for what this client cannot do",
    };
    let text = format!("server '{alias}' {said} ({outcome}): {}", failed.detail);
    if client.about == About::RestTool {
        return json::detail(outcome, &text);
    }
    if client.about == About::Tool {
        return tool_error(client, &format!("Error: {text}"), Some(&meta_outcome(outcome)));
    }
    let data = format!("{{{}}}", meta_outcome(outcome));
    error(client, INTERNAL_ERROR, &text, Some(data.as_bytes()))
}

/// A call that was under way when the process ended: it may have been carried out.
pub fn ended(client: Client<'_>) -> Answer {
    client.told(StatusCode::BAD_GATEWAY, ended_message(client))
}

/// The same, as bytes.
pub fn ended_message(client: Client<'_>) -> Vec<u8> {
    let text = "the process that answered this request has ended; the request may have been carried out";
    let outcome = Outcome::Unreachable.as_str();
    if client.about == About::RestTool {
        return json::detail(outcome, text);
    }
    if client.about == About::Tool {
        return tool_error(client, &format!("Error: {text}"), Some(&meta_outcome(outcome)));
    }
    let data = format!("{{{}}}", meta_outcome(outcome));
    error(client, INTERNAL_ERROR, text, Some(data.as_bytes()))
}

/// A call that was held open for its client and is not there any more: it is not run a second time.
pub fn interrupted(client: Client<'_>) -> Answer {
    Answer::Message(StatusCode::OK, interrupted_message(client).into())
}

/// The same, as bytes.
pub fn interrupted_message(client: Client<'_>) -> Vec<u8> {
    let text = "the interaction has expired, or its server went away: call again";
    if client.about == About::Tool {
        return tool_error(client, &format!("Error: {text}"), Some(&meta_outcome("expired")));
    }
    error(client, INTERNAL_ERROR, text, None)
}

fn error(client: Client<'_>, code: i32, message: &str, data: Option<&[u8]>) -> Vec<u8> {
    let mut out = Vec::with_capacity(message.len() + client.id.len() + 80);
    json::error(client.id, code, message, data, &mut out);
    out
}

fn meta_outcome(outcome: &str) -> String {
    format!(r#""switchboard.dev/outcome":"{outcome}""#)
}

/// `meta`: the members of its `_meta`, as JSON.
fn tool_error(client: Client<'_>, text: &str, meta: Option<&str>) -> Vec<u8> {
    let mut result = br#"{"content":[{"type":"text","text":"#.to_vec();
    json::string(text, &mut result);
    result.extend_from_slice(br#"}],"isError":true"#);
    if let Some(meta) = meta {
        result.extend_from_slice(format!(r#","_meta":{{{meta}}}"#).as_bytes());
    }
    if client.modern {
        result.extend_from_slice(br#","resultType":"complete""#);
    }
    result.push(b'}');
    let mut out = Vec::with_capacity(result.len() + 64);
    json::result(client.id, &result, &mut out);
    out
}
