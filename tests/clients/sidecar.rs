//! Every official SDK through a sidecar: it is told an address, and no key.

use serde_json::json;
use tests::sidecar::Sidecar;

use crate::driver::{Client, Job, headers, run};
use crate::{gateway, toolchain};

const CLIENTS: [Client; 5] = [Client::Python1, Client::Python2, Client::TypeScript1, Client::TypeScript2, Client::Rmcp];

#[test]
fn an_sdk_without_a_key_lists_and_calls_what_the_pod_may() {
    let gateway = gateway::start(&toolchain::checkout().join("deploy/quickstart"));
    let sidecar = Sidecar::start(gateway.mcp.strip_suffix("/mcp").unwrap(), "sb-quickstart-guest");
    for client in CLIENTS {
        let job = Job::listing("sidecar", &sidecar.mcp, headers([])).calling("demo-echo", json!({"text": "it is me"}));
        let answer = run(client, &[job]).remove(0);
        assert_eq!(answer.error, None, "{client}");
        assert_eq!(answer.tools.unwrap(), ["demo-echo"], "{client}");
        let call = answer.call.unwrap();
        assert!(!call.is_error && call.text.contains("it is me"), "{client}: {call:?}");
    }
}
