//! The errors that LiteLLM's clients may get.

use crate::headers::{BEGUN, INITIALIZE, IS_ERROR};
use crate::row::Row;
use crate::world::{ALICE, HALF, LOST, NOBODY, POOR};

const PING: &str = r#"{"jsonrpc":"2.0","id":1,"method":"ping"}"#;
const LIST: &str = r#"{"jsonrpc":"2.0","id":1,"method":"tools/list"}"#;
const WHO: &str = r#"{"detail":{"error":"authentication_required","message":"Authenticate with the gateway to use the MCP endpoint."}}"#;
const INVALID: &str = r#"Bearer error="invalid_token""#;
const REST_LIST: &str = "/mcp-rest/tools/list";
const REST_CALL: &str = "/mcp-rest/tools/call";
const DENIED: &str = r#"{"detail":{"error":"access_denied","message":"The key is not allowed to access this MCP server, or there is none of that name"}}"#;

pub(crate) fn rows() -> Vec<Row> {
    [strangers(), with_nothing(), calls(), rest(), outages(), failures(), failures_by_rest(), protocol()].concat()
}

fn strangers() -> Vec<Row> {
    let refused = |row: Row| row.status(401).denied();
    let rest_body = |why: &'static str| match why {
        "none" => {
            r#"{"error":{"message":"Authentication Error, No api key passed in.","type":"auth_error","param":null,"code":"401"}}"#
        }
        _ => {
            r#"{"error":{"message":"Authentication Error, Invalid api key passed in.","type":"auth_error","param":null,"code":"401"}}"#
        }
    };
    vec![
        refused(Row::post("no key", PING).not_as("no key")).says("www-authenticate", "Bearer").is(WHO),
        refused(Row::post("no key, scoped", PING).not_as("no key").at("/mcp/near"))
            .says("www-authenticate", "Bearer")
            .is(WHO),
        refused(Row::post("no key, scoped by name first", PING).not_as("no key").at("/near/mcp"))
            .says("www-authenticate", "Bearer")
            .is(WHO),
        refused(Row::post("wrong bearer", PING).not_as("no key").with("authorization", "Bearer sb-wrong"))
            .says("www-authenticate", INVALID)
            .is(WHO),
        refused(Row::post("wrong x-litellm-api-key", PING).not_as("a wrong key in `x-litellm-api-key`").by("sb-wrong"))
            .says("www-authenticate", INVALID)
            .is(WHO),
        refused(Row::get("no key, REST", REST_LIST).not_as("no key, or a wrong one, by REST"))
            .says("www-authenticate", "Bearer")
            .is(rest_body("none")),
        refused(Row::get("wrong key, REST", REST_LIST).not_as("no key, or a wrong one, by REST").by("sb-wrong"))
            .says("www-authenticate", INVALID)
            .is(rest_body("wrong")),
    ]
}

fn with_nothing() -> Vec<Row> {
    vec![
        Row::post("a key without any server lists nothing", LIST)
            .by(NOBODY)
            .is(r#"{"jsonrpc":"2.0","id":1,"result":{"tools":[]}}"#),
        Row::post("a key without any server may begin", INITIALIZE)
            .not_as("a key that may use nothing")
            .by(NOBODY)
            .says("mcp-session-id", "*")
            .is(BEGUN),
        Row::get("a key without any server, REST", REST_LIST)
            .not_as("A key that may use nothing")
            .by(NOBODY)
            .is(r#"{"tools":[],"error":null,"message":"Successfully retrieved tools"}"#),
        Row::get("a key without any server, one server by REST", "/mcp-rest/tools/list?server_id=near")
            .not_as("Unknown and forbidden are one")
            .by(NOBODY)
            .status(403)
            .denied()
            .is(DENIED),
        Row::post("/nope/mcp", LIST)
            .at("/nope/mcp")
            .by(ALICE)
            .status(404)
            .denied()
            .is(r#"{"detail":"MCP server, toolset, or access group 'nope' not found"}"#),
        Row::post("/mcp/nope", LIST)
            .not_as("`/mcp/{name}` of what is unknown or forbidden")
            .at("/mcp/nope")
            .by(ALICE)
            .status(404)
            .denied()
            .is(r#"{"detail":"MCP server, toolset, or access group 'nope' not found"}"#),
        Row::post("/hidden/mcp reads as /nope/mcp", LIST)
            .not_as("`/mcp/{name}` of what is unknown or forbidden")
            .at("/hidden/mcp")
            .by(ALICE)
            .status(404)
            .denied()
            .is(r#"{"detail":"MCP server, toolset, or access group 'hidden' not found"}"#),
    ]
}

fn calls() -> Vec<Row> {
    let call = |name, body, reply| Row::post(name, body).by(ALICE).is(reply);
    vec![
        call(
            "call: unknown tool",
            r#"{"jsonrpc":"2.0","id":1,"method":"tools/call","params":{"name":"near-zzz","arguments":{}}}"#,
            r#"{"jsonrpc":"2.0","id":1,"result":{"content":[{"type":"text","text":"Error: Tool 'near-zzz' not found"}],"isError":true,"_meta":{"switchboard.dev/requestId":"*"}}}"#,
        ).not_as("a tool that is unknown, forbidden or out of scope")
        .denied(),
        call(
            "call: unknown prefix",
            r#"{"jsonrpc":"2.0","id":1,"method":"tools/call","params":{"name":"zzz-say","arguments":{}}}"#,
            r#"{"jsonrpc":"2.0","id":1,"result":{"content":[{"type":"text","text":"Error: Tool 'zzz-say' not found"}],"isError":true,"_meta":{"switchboard.dev/requestId":"*"}}}"#,
        ).not_as("a tool that is unknown, forbidden or out of scope")
        .denied(),
        call(
            "call: a tool that the key may not use",
            r#"{"jsonrpc":"2.0","id":1,"method":"tools/call","params":{"name":"hidden-say","arguments":{}}}"#,
            r#"{"jsonrpc":"2.0","id":1,"result":{"content":[{"type":"text","text":"Error: Tool 'hidden-say' not found"}],"isError":true,"_meta":{"switchboard.dev/requestId":"*"}}}"#,
        ).not_as("a tool that is unknown, forbidden or out of scope")
        .denied(),
        call(
            "call: a server outside of the scope",
            r#"{"jsonrpc":"2.0","id":1,"method":"tools/call","params":{"name":"keyed-say","arguments":{}}}"#,
            r#"{"jsonrpc":"2.0","id":1,"result":{"content":[{"type":"text","text":"Error: Tool 'keyed-say' not found"}],"isError":true,"_meta":{"switchboard.dev/requestId":"*"}}}"#,
        ).not_as("a tool that is unknown, forbidden or out of scope")
        .denied()
        .with("x-mcp-servers", "near"),
        call(
            "call: a bare name that one server in scope has",
            r#"{"jsonrpc":"2.0","id":1,"method":"tools/call","params":{"name":"say","arguments":{}}}"#,
            r#"{"jsonrpc":"2.0","id":1,"result":{"content":[{"type":"text","text":"said"}]}}"#,
        ).not_as(IS_ERROR)
        .with("x-mcp-servers", "near"),
        call(
            "call: a bare name that several servers have",
            r#"{"jsonrpc":"2.0","id":1,"method":"tools/call","params":{"name":"say","arguments":{}}}"#,
            r#"{"jsonrpc":"2.0","id":1,"result":{"content":[{"type":"text","text":"Error: Tool 'say' not found"}],"isError":true,"_meta":{"switchboard.dev/requestId":"*"}}}"#,
        ).not_as("a bare tool name that several servers have")
        .denied(),
        call(
            "call: no arguments are none",
            r#"{"jsonrpc":"2.0","id":1,"method":"tools/call","params":{"name":"near-say"}}"#,
            r#"{"jsonrpc":"2.0","id":1,"result":{"content":[{"type":"text","text":"said"}]}}"#,
        ).not_as("a call without `arguments`"),
    ]
}

fn rest() -> Vec<Row> {
    let call = |name, body| Row::post(name, body).at(REST_CALL).by(ALICE);
    vec![
        call("REST call", r#"{"server_id":"near","name":"say","arguments":{}}"#)
            .not_as(IS_ERROR)
            .is(r#"{"content":[{"type":"text","text":"said"}],"resultType":"complete"}"#),
        call("REST call: unknown server", r#"{"server_id":"nope","name":"say","arguments":{}}"#)
            .not_as("Unknown and forbidden are one")
            .status(403)
            .denied()
            .is(DENIED),
        call("REST call: forbidden server", r#"{"server_id":"hidden","name":"say","arguments":{}}"#)
            .not_as("Unknown and forbidden are one")
            .status(403)
            .denied()
            .is(DENIED),
        call("REST call: unknown tool", r#"{"server_id":"near","name":"zzz","arguments":{}}"#)
            .not_as("An unknown tool is 404")
            .status(404)
            .denied()
            .is(r#"{"detail":{"error":"tool_not_found","message":"Tool 'zzz' not found"}}"#),
        call("REST call: no server", r#"{"name":"say","arguments":{}}"#)
            .status(400)
            .is(r#"{"detail":{"error":"missing_parameter","message":"server_id is required in request body"}}"#),
        Row::get("REST list: unknown server", "/mcp-rest/tools/list?server_id=nope")
            .not_as("Unknown and forbidden are one")
            .by(ALICE)
            .status(403)
            .denied()
            .is(DENIED),
    ]
}

fn outages() -> Vec<Row> {
    vec![
        Row::post("list: everything is down", LIST)
            .by(LOST)
            .is(r#"{"jsonrpc":"2.0","id":1,"error":{"code":-32603,"message":"Every MCP server in scope failed to list tools","data":{"litellm.ai/server_outcomes":{"dead":{"status":"unreachable"}}}}}"#),
        Row::post("list: one of two is down", LIST)
            .by(HALF)
            .is(r#"{"jsonrpc":"2.0","id":1,"result":{"tools":[{"name":"near-say","inputSchema":{"type":"object"}}],"_meta":{"litellm.ai/server_outcomes":{"dead":{"status":"unreachable"},"near":{"status":"ok","tool_count":1}}}}}"#),
        Row::get("REST list: one server, which is down", "/mcp-rest/tools/list?server_id=dead").not_as("the words of an outage, by REST")
            .by(LOST)
            .status(502)
            .is(r#"{"detail":{"error":"unreachable","message":"server 'dead' failed to list its tools (unreachable)"}}"#),
        Row::post(
            "call: its server is down",
            r#"{"jsonrpc":"2.0","id":1,"method":"tools/call","params":{"name":"dead-say","arguments":{}}}"#,
        ).not_as("a call to a server that is down")
        .by(LOST)
        .is(r#"{"jsonrpc":"2.0","id":1,"result":{"content":[{"type":"text","text":"Error: server 'dead' is unreachable (unreachable): the server cannot be reached: no connection: connection refused"}],"isError":true,"_meta":{"switchboard.dev/outcome":"unreachable"}}}"#),
    ]
}

/// Servers that answer, but not as they should.
fn failures() -> Vec<Row> {
    let call = |name, body, reply| Row::post(name, body).by(POOR).is(reply);
    vec![
        call(
            "call: the server wants a credential",
            r#"{"jsonrpc":"2.0","id":1,"method":"tools/call","params":{"name":"poor-denied","arguments":{}}}"#,
            r#"{"jsonrpc":"2.0","id":1,"result":{"content":[{"type":"text","text":"Error: server 'poor' asks for a credential (auth_required): the server answered HTTP 401"}],"isError":true,"_meta":{"switchboard.dev/outcome":"auth_required"}}}"#,
        ).not_as("a call that its server refuses, or does not answer in time"),
        call(
            "call: the server refuses",
            r#"{"jsonrpc":"2.0","id":1,"method":"tools/call","params":{"name":"poor-forbidden","arguments":{}}}"#,
            r#"{"jsonrpc":"2.0","id":1,"result":{"content":[{"type":"text","text":"Error: server 'poor' refuses the credential (forbidden): the server answered HTTP 403"}],"isError":true,"_meta":{"switchboard.dev/outcome":"forbidden"}}}"#,
        ).not_as("a call that its server refuses, or does not answer in time"),
        call(
            "call: the server is asked too often",
            r#"{"jsonrpc":"2.0","id":1,"method":"tools/call","params":{"name":"poor-limited","arguments":{}}}"#,
            r#"{"jsonrpc":"2.0","id":1,"result":{"content":[{"type":"text","text":"Error: server 'poor' limits the rate of calls (rate_limited): the server answered HTTP 429"}],"isError":true,"_meta":{"switchboard.dev/outcome":"rate_limited"}}}"#,
        ).not_as("a call that its server refuses, or does not answer in time"),
        call(
            "call: the server does not answer in time",
            r#"{"jsonrpc":"2.0","id":1,"method":"tools/call","params":{"name":"poor-late","arguments":{}}}"#,
            r#"{"jsonrpc":"2.0","id":1,"result":{"content":[{"type":"text","text":"Error: server 'poor' did not answer in time (timeout): the request took longer than its deadline"}],"isError":true,"_meta":{"switchboard.dev/outcome":"timeout"}}}"#,
        ).not_as("a call that its server refuses, or does not answer in time"),
    ]
}

fn failures_by_rest() -> Vec<Row> {
    let call = |name, body| Row::post(name, body).at(REST_CALL).by(POOR);
    vec![
        call("REST call: the server wants a credential", r#"{"server_id":"poor","name":"denied","arguments":{}}"#).not_as("A server's 401 or 403 is 502")
            .status(502)
            .is(r#"{"detail":{"error":"auth_required","message":"server 'poor' asks for a credential (auth_required): the server answered HTTP 401"}}"#),
        call("REST call: the server refuses", r#"{"server_id":"poor","name":"forbidden","arguments":{}}"#).not_as("A server's 401 or 403 is 502")
            .status(502)
            .is(r#"{"detail":{"error":"forbidden","message":"server 'poor' refuses the credential (forbidden): the server answered HTTP 403"}}"#),
        call("REST call: the server is asked too often", r#"{"server_id":"poor","name":"limited","arguments":{}}"#).not_as("A server's 401 or 403 is 502")
            .status(429)
            .is(r#"{"detail":{"error":"rate_limited","message":"server 'poor' limits the rate of calls (rate_limited): the server answered HTTP 429"}}"#),
        call("REST call: the server does not answer in time", r#"{"server_id":"poor","name":"late","arguments":{}}"#).not_as("the words of an outage, by REST")
            .status(504)
            .is(r#"{"detail":{"error":"timeout","message":"server 'poor' did not answer in time (timeout): the request took longer than its deadline"}}"#),
    ]
}

fn protocol() -> Vec<Row> {
    vec![
        Row::post("a revision that is not spoken", PING).not_as("the words for a header that is wrong")
            .by(ALICE)
            .with("mcp-protocol-version", "1999-01-01")
            .status(400)
            .is(r#"{"jsonrpc":"2.0","id":null,"error":{"code":-32600,"message":"Unsupported MCP-Protocol-Version; supported: 2024-11-05, 2025-03-26, 2025-06-18, 2025-11-25, 2026-07-28"}}"#),
        Row::post("Accept without event streams", PING).not_as("the words for a header that is wrong")
            .by(ALICE)
            .with("accept", "application/json")
            .status(406)
            .is(r#"{"jsonrpc":"2.0","id":null,"error":{"code":-32600,"message":"Not Acceptable: Accept must name application/json and text/event-stream"}}"#),
        Row::post("a session that is unknown", PING).not_as("a session that is unknown")
            .by(ALICE)
            .with("mcp-session-id", "nope")
            .status(404)
            .is(r#"{"jsonrpc":"2.0","id":null,"error":{"code":-32600,"message":"Session not found; initialize again"}}"#),
        Row::delete("the end of a session that is unknown").not_as("a session that is unknown")
            .by(ALICE)
            .with("mcp-session-id", "nope")
            .status(404)
            .is(r#"{"jsonrpc":"2.0","id":null,"error":{"code":-32600,"message":"Session not found; initialize again"}}"#),
        Row::post("an unknown method", r#"{"jsonrpc":"2.0","id":1,"method":"nope"}"#).not_as("an unknown method")
            .by(ALICE)
            .is(r#"{"jsonrpc":"2.0","id":1,"error":{"code":-32601,"message":"Method not found"}}"#),
    ]
}
