//! The two ways in which the fixture stands behind the gateway, under bare names both times: alone, for everybody; and as
//! one of four servers of a caller with a key, on its scoped path.

use std::time::{Duration, Instant};

use serde_json::{Value, json};
use tests::client::get;
use tests::manifests::Manifests;
use tests::upstream::{Script, Upstream};
use tests::wait::until_async;

use crate::processes::{Count, Gateway};
use crate::server::Fixture;
use crate::shim::Shim;

/// Whose the sessions with the fixture are.
const SESSION_MODE: &str = "PerClient";

/// The key of the second way.
const KEY: &str = "sb-key-of-the-suite";

/// The requests that the gateway sends by a permit.
const PERMITTED: [&str; 4] = ["tools/call", "prompts/get", "resources/read", "completion/complete"];

/// How long the last counts may take to agree, after a suite that leaves before its answers are there.
const DEADLINE: Duration = Duration::from_secs(10);

/// A fixture, the gateway before it, and what else it takes.
pub(crate) struct Setup {
    /// What tables and folders call it.
    pub(crate) name: &'static str,
    /// Where the suite finds the fixture.
    pub(crate) url: String,
    /// The gateway.
    pub(crate) gateway: Gateway,
    fixture: Fixture,
    _shim: Option<Shim>,
    _others: Vec<Upstream>,
    _manifests: Manifests,
}

impl Setup {
    /// The fixture alone, with an Anonymous binding.
    pub(crate) fn alone(count: Count) -> Self {
        let (manifests, fixture) = (Manifests::default(), Fixture::start());
        let anonymous = json!({"subject": {"type": "Anonymous"}, "grants": {"servers": [{"name": "fixture"}]}});
        manifests.server("fixture", &server(&fixture)).object("McpKeyBinding", "anonymous", &anonymous);
        let gateway = Gateway::start(manifests.path(), count);
        let url = gateway.url().to_owned();
        let name = count.name(["alone", "alone-3"]);
        Self { name, url, gateway, fixture, _shim: None, _others: Vec::new(), _manifests: manifests }
    }

    /// The fixture as one of four that a key holds, by the path that names it.
    pub(crate) fn one_of_four(count: Count) -> Self {
        let (manifests, fixture) = (Manifests::default(), Fixture::start());
        let names = ["first", "second", "third"];
        let others = names.map(|name| {
            let other = Upstream::start(Script::echo());
            manifests.http(name, &other.url());
            other
        });
        manifests.server("fixture", &server(&fixture)).key("suite", KEY, &["first", "second", "third", "fixture"]);
        let gateway = Gateway::start(manifests.path(), count);
        let shim = Shim::start(gateway.address(), Some(("x-litellm-api-key", KEY)));
        let url = format!("http://{}/mcp/fixture", shim.address);
        let name = count.name(["of-four", "of-four-3"]);
        Self { name, url, gateway, fixture, _shim: Some(shim), _others: others.into(), _manifests: manifests }
    }

    /// How many requests came to the fixture that take a permit, once every permit was used for one and each had one.
    pub(crate) fn permitted(&self) -> u64 {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        // If they never agree, the last of them say how they differ.
        let end = Instant::now() + DEADLINE;
        let (permits, calls) = runtime.block_on(until_async("both counts", DEADLINE * 2, async || {
            let both = (self.permits().await, self.calls().await);
            (both.0 == both.1 || Instant::now() > end).then_some(both)
        }));
        assert_eq!(
            permits, calls,
            "{}: permits that the gateway used, requests that came, of {PERMITTED:?}",
            self.name
        );
        calls.iter().sum()
    }

    /// Of all processes together.
    async fn permits(&self) -> Vec<u64> {
        let mut permits = vec![0; PERMITTED.len()];
        for admin in self.gateway.admins() {
            let metrics = get(&format!("{admin}/metrics")).await;
            let metrics = String::from_utf8(metrics.body.to_vec()).unwrap();
            for (sum, method) in permits.iter_mut().zip(PERMITTED) {
                let name = format!("switchboard_permits_total{{method=\"{method}\"}} ");
                let value = metrics.lines().find_map(|line| line.strip_prefix(&name));
                *sum += value.unwrap_or_else(|| panic!("{name} in {metrics}")).parse::<u64>().unwrap();
            }
        }
        permits
    }

    async fn calls(&self) -> Vec<u64> {
        let counts: Value = serde_json::from_slice(&get(&self.fixture.counts).await.body).unwrap();
        PERMITTED.iter().map(|method| counts["requests"][method].as_u64().unwrap_or_default()).collect()
    }
}

/// The manifest of the fixture.
fn server(fixture: &Fixture) -> Value {
    json!({"http": {"url": fixture.mcp}, "naming": {"type": "Bare"}, "sessionMode": SESSION_MODE})
}
