//! The suite as server and the gateway as the client that it judges: every scenario that is about a client's wire. Those
//! for authorization are about clients that hold users' tokens, which the gateway does not.

use std::collections::BTreeSet;
use std::sync::Mutex;
use std::thread;

use tests::figures::Figures;

use crate::results::{Results, passed};
use crate::suite::run_client;
use crate::table;

/// Each scenario with the revision that it is run at.
const SCENARIOS: [(&str, &str); 13] = [
    ("2025-11-25", "initialize"),
    ("2025-11-25", "tools_call"),
    ("2025-11-25", "elicitation-sep1034-client-defaults"),
    ("2025-11-25", "sse-retry"),
    ("2025-11-25", "json-schema-2020-12-preservation"),
    ("2026-07-28", "tools_call"),
    ("2026-07-28", "request-metadata"),
    ("2026-07-28", "sep-2322-client-request-state"),
    ("2026-07-28", "http-standard-headers"),
    ("2026-07-28", "http-custom-headers"),
    ("2026-07-28", "http-invalid-tool-headers"),
    ("2026-07-28", "json-schema-ref-no-deref"),
    ("2026-07-28", "json-schema-2020-12-preservation"),
];

/// How many run at once: they wait more than they work.
const AT_ONCE: usize = 4;

#[test]
fn the_gateway_passes_as_a_client() {
    let left = Mutex::new(SCENARIOS.iter());
    let found = Mutex::new(Vec::new());
    thread::scope(|scope| {
        for _ in 0..AT_ONCE {
            scope.spawn(|| {
                while let Some((revision, scenario)) = { left.lock().unwrap().next() } {
                    let (checks, approved) = run_client(scenario, revision);
                    found.lock().unwrap().push((*revision, *scenario, checks, approved));
                }
            });
        }
    });
    let found = found.into_inner().unwrap();
    let results =
        found.iter().map(|(revision, scenario, checks, _)| (format!("{scenario} {revision}"), checks.clone()));
    let results = Results(results.collect());
    table::print("the gateway as a client", &[("through", &results)]);
    let failed: BTreeSet<_> = found
        .iter()
        .filter(|(_, _, checks, approved)| !approved || !passed(checks))
        .map(|(revision, scenario, ..)| (*revision, *scenario))
        .collect();
    let figures = Figures::of("conformance");
    for (name, scenarios) in [("client_passed", SCENARIOS.len() - failed.len()), ("client_total", SCENARIOS.len())] {
        let figure = f64::from(u32::try_from(scenarios).unwrap());
        figures.write(name, figure, &[figure]);
    }
    assert_eq!(failed, BTreeSet::new(), "{:#?}", results.flaws());
}
