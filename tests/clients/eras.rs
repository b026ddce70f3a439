//! Clients of both eras of the protocol, each against legacy servers behind the gateway.

use serde_json::json;

use crate::driver::{Client, Job, headers, run};
use crate::matrix::{Key, TRANSPORTS, World};

/// The era that a client asks for, and the protocol version that it should end up with.
const ERAS: [(Client, &str, &str); 6] = [
    (Client::Python2, "auto", "2026-07-28"),
    (Client::Python2, "modern", "2026-07-28"),
    (Client::Python2, "legacy", "2025-11-25"),
    (Client::Rmcp, "auto", "2026-07-28"),
    (Client::Rmcp, "modern", "2026-07-28"),
    (Client::Rmcp, "legacy", "2025-11-25"),
];

#[test]
fn clients_of_both_eras_call_legacy_servers_over_each_transport() {
    let world = World::start("eras");
    for (client, era, version) in ERAS {
        let jobs = TRANSPORTS.map(|transport| {
            let mut job = Job::listing(transport, &world.mcp, headers([("x-litellm-api-key", Key::Wide.text())]))
                .calling(format!("ev_{transport}-get-sum"), json!({"a": 2, "b": 3}));
            job.era = Some(era);
            job
        });
        for answer in run(client, &jobs) {
            let case = format!("{client} {era} {}", answer.name);
            assert_eq!(answer.error, None, "{case}");
            assert_eq!(answer.protocol.as_deref(), Some(version), "{case}");
            assert_eq!(answer.tools.unwrap().len(), TRANSPORTS.len() * world.native.len(), "{case}");
            let call = answer.call.unwrap();
            assert!(!call.is_error && call.text.contains('5'), "{case}: {call:?}");
        }
    }
}
