//! Official clients of 2026-07-28 on a tool whose arguments they must mirror in `Mcp-Param-*` headers (R6). Both do so
//! by themselves once they have listed the tool; a call without the headers would be refused.

use serde_json::json;
use tests::manifests::Manifests;
use tests::upstream::{Does, Script, Tool, Upstream};

use crate::driver::{Client, Job, headers, run};
use crate::gateway;

const KEY: &str = "sb-clients-mirrored";

const ANNOTATED: &str = r#""region":{"type":"string","x-mcp-header":"Region"},"count":{"type":"integer","x-mcp-header":"Count"},"deep":{"type":"object","properties":{"dry":{"type":"boolean","x-mcp-header":"Dry-Run"}}}"#;
/// No client of 2026-07-28 may use such a tool.
const WRONG: &str = r#""share":{"type":"number","x-mcp-header":"Share"}"#;

#[test]
fn r6_official_clients_mirror_arguments_as_the_gateway_wants_them() {
    let upstream = Upstream::start(Script::with([
        Tool::new("annotated", Does::Echo).properties(ANNOTATED),
        Tool::new("wrong", Does::Echo).properties(WRONG),
    ]));
    let manifests = Manifests::default();
    let spec = json!({"http": {"url": upstream.url(), "transport": "StreamableHTTP"}});
    manifests.server("up", &spec).key("mirrored", KEY, &["up"]);
    let gateway = gateway::start(manifests.path());

    let arguments = [
        json!({"region": "us-west1", "count": 42, "deep": {"dry": false}}),
        json!({"region": " caf\u{e9}\n", "count": -9_007_199_254_740_991_i64}),
        json!({"region": "=?base64?dXM=?=", "deep": {"dry": true}}),
        json!({"region": "", "count": 0}),
        json!({"deep": {}}),
    ];
    for (client, era, tools) in [
        (Client::Python2, "modern", &["up-annotated"][..]),
        (Client::Rmcp, "modern", &["up-annotated"]),
        (Client::Python2, "legacy", &["up-annotated", "up-wrong"]),
        (Client::Rmcp, "legacy", &["up-annotated", "up-wrong"]),
    ] {
        let jobs = arguments.clone().map(|arguments| {
            let job = Job::listing(arguments.to_string(), &gateway.mcp, headers([("x-litellm-api-key", KEY)]));
            Job { era: Some(era), ..job.calling("up-annotated", arguments) }
        });
        for answer in run(client, &jobs) {
            let case = format!("{client} {era} {}", answer.name);
            assert_eq!(answer.error, None, "{case}");
            assert_eq!(answer.tools.as_deref().unwrap(), tools, "{case}");
            let call = answer.call.unwrap();
            assert_eq!((call.is_error, call.text.as_str()), (false, "echo"), "{case}");
        }
    }
}
