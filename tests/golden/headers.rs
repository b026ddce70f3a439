//! The headers that LiteLLM's clients may say.

use crate::row::Row;
use crate::world::ALICE;

const PING: &str = r#"{"jsonrpc":"2.0","id":1,"method":"ping"}"#;
const PONG: &str = r#"{"jsonrpc":"2.0","id":1,"result":{}}"#;
const LIST: &str = r#"{"jsonrpc":"2.0","id":1,"method":"tools/list"}"#;
const CALL: &str = r#"{"jsonrpc":"2.0","id":1,"method":"tools/call","params":{"name":"near-say","arguments":{}}}"#;
const CALL_FAR: &str =
    r#"{"jsonrpc":"2.0","id":1,"method":"tools/call","params":{"name":"Far_Away-say","arguments":{}}}"#;
const CALL_BY_NAME: &str =
    r#"{"jsonrpc":"2.0","id":1,"method":"tools/call","params":{"name":"far-say","arguments":{}}}"#;
const CALL_KEYED: &str =
    r#"{"jsonrpc":"2.0","id":1,"method":"tools/call","params":{"name":"keyed-say","arguments":{}}}"#;
const SAID: &str = r#"{"jsonrpc":"2.0","id":1,"result":{"content":[{"type":"text","text":"said"}]}}"#;
const ALL: &str = r#"{"jsonrpc":"2.0","id":1,"result":{"tools":[{"name":"Far_Away-say","inputSchema":{"type":"object"}},{"name":"keyed-say","inputSchema":{"type":"object"}},{"name":"near-say","inputSchema":{"type":"object"}}]}}"#;
const FAR: &str =
    r#"{"jsonrpc":"2.0","id":1,"result":{"tools":[{"name":"Far_Away-say","inputSchema":{"type":"object"}}]}}"#;
const NEAR: &str =
    r#"{"jsonrpc":"2.0","id":1,"result":{"tools":[{"name":"near-say","inputSchema":{"type":"object"}}]}}"#;
const NONE: &str = r#"{"jsonrpc":"2.0","id":1,"result":{"tools":[]}}"#;
const BEARER: &str = "Bearer sb-golden-alice";

/// Lines of `docs/litellm.md`.
const OTHER_KEYS: &str = "`API-Key`, `x-api-key`, `x-goog-api-key`, `Ocp-Apim-Subscription-Key`";
const META: &str = "`_meta` of a list";
pub(crate) const IS_ERROR: &str = "a result without `isError`";
const NOTHING_RESOLVES: &str = "filters in which nothing resolves";

pub(crate) fn rows() -> Vec<Row> {
    [keys(), filters(), credentials(), others()].concat()
}

fn keys() -> Vec<Row> {
    let ping = |name| Row::post(name, PING).is(PONG);
    vec![
        ping("x-litellm-api-key, raw").with("x-litellm-api-key", ALICE),
        ping("x-litellm-api-key, Bearer").with("x-litellm-api-key", BEARER),
        ping("Authorization").with("authorization", BEARER),
        ping("API-Key").with("api-key", ALICE).not_as(OTHER_KEYS),
        ping("x-api-key").with("x-api-key", ALICE).not_as(OTHER_KEYS),
        ping("x-goog-api-key").with("x-goog-api-key", ALICE).not_as(OTHER_KEYS),
        ping("Ocp-Apim-Subscription-Key").with("ocp-apim-subscription-key", ALICE).not_as(OTHER_KEYS),
        ping("x-litellm-api-key goes before Authorization").by(ALICE).with("authorization", "Bearer sb-wrong"),
        Row::post("two Authorization headers", PING)
            .not_as("two `Authorization` headers")
            .with("authorization", BEARER)
            .with("authorization", BEARER)
            .status(400)
            .is(r#"{"jsonrpc":"2.0","id":null,"error":{"code":-32600,"message":"authorization stands twice; send it once"}}"#),
    ]
}

fn filters() -> Vec<Row> {
    let list = |name, filter| Row::post(name, LIST).by(ALICE).with("x-mcp-servers", filter);
    vec![
        Row::post("no filter: everything", LIST).by(ALICE).is(ALL).not_as(META),
        list("x-mcp-servers: a server", "near").is(NEAR).not_as(META),
        list("x-mcp-servers: in any case, trimmed", " NEAR ,").is(NEAR).not_as(META),
        list("x-mcp-servers: an alias, in its own spelling", "Far_Away").is(FAR).not_as(META),
        list("x-mcp-servers: the name of a server that has an alias", "far").is(FAR).not_as(META),
        Row::post("a path with the name of a server that has an alias", LIST)
            .by(ALICE)
            .at("/mcp/far")
            .is(FAR)
            .not_as(META),
        Row::post("a tool by the name of a server that has an alias", CALL_BY_NAME).by(ALICE).is(SAID).not_as(IS_ERROR),
        list("x-mcp-servers: a group", "dev_group").is(NEAR).not_as(META),
        list("x-mcp-servers: what is unknown beside what is not", "nope,near").is(NEAR).not_as(META),
        list("x-mcp-servers: nothing that is known", "nope").is(NONE).not_as(NOTHING_RESOLVES),
        list("x-mcp-servers: nothing that may be used", "hidden").is(NONE).not_as(NOTHING_RESOLVES),
        list("x-mcp-servers: empty", "").is(ALL).not_as("`x-mcp-servers` that is empty"),
        list("x-mcp-servers: under a path, which wins", "Far_Away").at("/mcp/near").is(NEAR).not_as(META),
        Row::post("x-mcp-access-groups", LIST)
            .by(ALICE)
            .with("x-mcp-access-groups", "dev_group")
            .is(NEAR)
            .not_as(META)
            .not_as("`x-mcp-access-groups`"),
        Row::post("x-mcp-toolset-id is nobody's", LIST).by(ALICE).with("x-mcp-toolset-id", "t").is(ALL).not_as(META),
    ]
}

fn credentials() -> Vec<Row> {
    let call = |name, body| Row::post(name, body).by(ALICE).is(SAID).not_as(IS_ERROR);
    let auth = "authorization";
    vec![
        call("x-mcp-auth: Bearer", CALL_FAR).with("x-mcp-auth", "mine").arrives(auth, Some("Bearer mine")),
        call("x-mcp-auth: Bearer, said already", CALL_FAR)
            .with("x-mcp-auth", "Bearer mine")
            .arrives(auth, Some("Bearer mine")),
        call("x-mcp-auth: ApiKey, on the path of one server", CALL_KEYED)
            .at("/mcp/keyed")
            .with("x-mcp-auth", "mine")
            .arrives("x-api-key", Some("mine")),
        call("x-mcp-auth: of several servers it is for none", CALL_KEYED)
            .with("x-mcp-auth", "mine")
            .not_as("`x-mcp-auth` on the aggregate")
            .arrives("x-api-key", Some("of-the-house")),
        call("x-mcp-auth: no auth", CALL).at("/mcp/near").with("x-mcp-auth", "mine").arrives(auth, None),
        call("x-mcp-{server}-{header}", CALL).with("x-mcp-near-x-own", "mine").arrives("x-own", Some("mine")),
        call("x-mcp-{server}-{header} goes before x-mcp-auth", CALL_FAR)
            .with("x-mcp-auth", "this")
            .with("x-mcp-far-away-authorization", "Bearer that")
            .not_as("`x-mcp-{server}-authorization` beside `x-mcp-auth`")
            .arrives(auth, Some("Bearer that")),
        call("x-mcp-{server}-{header} of another server", CALL)
            .with("x-mcp-far-away-x-own", "mine")
            .arrives("x-own", None),
        call("x-mcp-{group}-{header} is nobody's", CALL).with("x-mcp-dev-group-x-own", "mine").arrives("x-own", None),
        call("x-mcp-auth by another name", CALL_FAR)
            .renamed()
            .with("x-own-auth", "mine")
            .arrives(auth, Some("Bearer mine")),
        call("x-mcp-auth where it has another name", CALL_FAR)
            .renamed()
            .with("x-mcp-auth", "mine")
            .arrives(auth, Some("Bearer of-the-house")),
        call("a key does not leave the gateway", CALL).with("x-api-key", ALICE).arrives("x-api-key", None),
        call("a client's Authorization stays", CALL).with(auth, "Bearer mine").arrives(auth, None),
    ]
}

/// What LiteLLM keeps for its logs and answers by headers of its own has no part here, and no server sees it.
fn others() -> Vec<Row> {
    let call = |name, header, value| {
        Row::post(name, CALL).by(ALICE).with(header, value).is(SAID).not_as(IS_ERROR).arrives(header, None)
    };
    vec![
        call("x-litellm-end-user-id", "x-litellm-end-user-id", "ann"),
        call("x-litellm-trace-id", "x-litellm-trace-id", "t-1"),
        call("x-litellm-session-id", "x-litellm-session-id", "s-1"),
        call("x-litellm-mcp-debug adds no header", "x-litellm-mcp-debug", "true"),
        Row::post("mcp-protocol-version", PING).by(ALICE).with("mcp-protocol-version", "2025-11-25").is(PONG),
        Row::post("mcp-session-id comes with initialize", INITIALIZE)
            .by(ALICE)
            .says("mcp-session-id", "*")
            .is(BEGUN)
            .not_as("`initialize`"),
    ]
}

pub(crate) const INITIALIZE: &str = r#"{"jsonrpc":"2.0","id":1,"method":"initialize","params":{"protocolVersion":"2025-11-25","capabilities":{},"clientInfo":{"name":"c","version":"1"}}}"#;
pub(crate) const BEGUN: &str = r#"{"jsonrpc":"2.0","id":1,"result":{"protocolVersion":"2025-11-25","capabilities":{"completions":{},"logging":{},"prompts":{"listChanged":true},"resources":{"listChanged":true,"subscribe":true},"tools":{"listChanged":true}},"serverInfo":{"name":"switchboard","version":"0.1.0"}}}"#;
