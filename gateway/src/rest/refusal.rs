//! How a refusal looks to clients of this surface: LiteLLM's bodies, with the status and headers that it has on MCP too.

use http::{Response, StatusCode};

use super::{Endpoint, json};
use crate::body::Body;
use crate::denial::RequestId;
use crate::json::detail;
use crate::reject::Reject;

/// What whoever writes is told.
const OBJECTS: &str = "this path takes GET alone: servers, groups and keys are the objects McpServer, McpAccessGroup and McpKeyBinding; change them with `kubectl apply -f FILE`, or in the directory that `switchboard run` serves";

/// A refusal of the whole request.
pub fn refusal(endpoint: Endpoint, reject: Reject) -> Response<Body> {
    let body = match &reject {
        Reject::Unauthenticated => unauthenticated("No api key passed in."),
        Reject::InvalidCredential(_) => unauthenticated("Invalid api key passed in."),
        Reject::TooManyGuesses => return reject.into_response(),
        Reject::Method(_) if endpoint.is_of_objects() => detail("method_not_allowed", OBJECTS),
        reject => detail(reject.as_str(), &reject.message()),
    };
    reject.with_body(body)
}

fn unauthenticated(why: &str) -> Vec<u8> {
    let error = format!(
        r#"{{"error":{{"message":"Authentication Error, {why}","type":"auth_error","param":null,"code":"401"}}}}"#
    );
    error.into_bytes()
}

/// A server that the caller names and may not use, or that is none: both look the same.
pub(super) fn access_denied(id: Option<RequestId>) -> Response<Body> {
    let words = "The key is not allowed to access this MCP server, or there is none of that name";
    RequestId::on(id, json(StatusCode::FORBIDDEN, detail("access_denied", words)))
}

/// The same where one is looked up.
pub(super) fn no_such_server(id: Option<RequestId>) -> Response<Body> {
    let words = "There is no MCP server of that name that the key is allowed to access";
    RequestId::on(id, json(StatusCode::NOT_FOUND, detail("server_not_found", words)))
}

/// A call that lacks something.
pub(super) fn missing_parameter(name: &str) -> Response<Body> {
    json(StatusCode::BAD_REQUEST, detail("missing_parameter", &format!("{name} is required in request body")))
}
