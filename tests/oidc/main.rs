//! Clients with tokens of a real OpenID provider, npm `oidc-provider`, that find it by themselves as the official SDK
//! does; its keys change while they call.
//!
//! In: the release build, and the npm packages that `tests/run access` installed (see [`tests::toolchain`]). Out: how
//! many calls there were and how many failed, in `access.json`.

#![allow(
    clippy::unwrap_used,
    clippy::panic,
    reason = "a test has no caller to return an error to: what fails here is a failed test, and says so at once"
)]

use std::path::Path;
use std::time::Duration;

use serde_json::{Value, json};
use tests::certificates::Issued;
use tests::figures::Figures;
use tests::manifests::Manifests;
use tests::process::{Options, Switchboard};
use tests::upstream::{Script, Upstream};
use tests::wait::{throughout, until};

mod program;

use program::Program;

/// How long a program may take for its first answer, on a loaded machine.
const STARTS_WITHIN: Duration = Duration::from_secs(60);
/// Within this a new key is in use.
const SOON: Duration = Duration::from_secs(20);
/// How long the keys of an issuer are not asked for again because of a token that names an unknown one (R27).
const ONCE_IN: Duration = Duration::from_secs(30);
/// Clients at once.
const CLIENTS: u32 = 4;

/// A provider, a gateway that takes its tokens, and a server behind that.
struct Scene {
    provider: Program,
    issuer: String,
    switchboard: Switchboard,
    trusted: tempfile::TempDir,
    _upstream: Upstream,
    _manifests: Manifests,
}

impl Scene {
    fn start() -> Self {
        let (certificate, trusted) = (Issued::new(), tempfile::tempdir().unwrap());
        let file = |name: &str, text: &str| {
            let path = trusted.path().join(name);
            std::fs::write(&path, text).unwrap();
            path.display().to_string()
        };
        let (public, private) = (file("tls.crt", &certificate.certificate), file("tls.key", &certificate.key));
        let mut provider = Program::start("oidc/provider.cjs", &[&public, &private], &[]);
        let issuer = provider.line(STARTS_WITHIN)["issuer"].as_str().unwrap().to_owned();

        let (manifests, upstream) = (Manifests::default(), Upstream::start(Script::echo()));
        manifests.http("up", &upstream.url());
        let claims = json!({"user": {"claim": "client_id"}});
        manifests.settings(&json!({"issuers": [{"issuer": issuer, "audiences": ["switchboard"], "claims": claims}]}));
        for id in ["robot", "elsewhere"] {
            let subject = json!({"type": "User", "user": id});
            manifests.object(
                "McpKeyBinding",
                id,
                &json!({"subject": subject, "grants": {"servers": [{"name": "up"}]}}),
            );
        }
        let options = Options { environment: vec![("SSL_CERT_FILE".to_owned(), public)], ..Options::default() };
        let switchboard = Switchboard::start_ready(manifests.path(), &options);
        Self { provider, issuer, switchboard, trusted, _upstream: upstream, _manifests: manifests }
    }

    fn caller(&self, id: &str, clients: u32) -> Program {
        let trusted = self.trusted.path().join("tls.crt");
        let environment = [("NODE_EXTRA_CA_CERTS", Path::new(&trusted))];
        Program::start(
            "oidc/caller.cjs",
            &[&self.switchboard.mcp, id, &clients.to_string(), &self.issuer],
            &environment,
        )
    }

    /// A new key by which the provider signs; its name.
    fn rotate(&mut self) -> Value {
        self.provider.ask("rotate", SOON)["kid"].clone()
    }

    /// How often somebody asked for the provider's keys.
    fn asked(&mut self) -> Value {
        self.provider.ask("asked", SOON)["asked"].clone()
    }
}

#[test]
fn keys_of_a_real_provider_are_rotated_under_load_and_no_call_fails() {
    let mut scene = Scene::start();
    for (id, why) in [("stranger", "nobody's here"), ("elsewhere", "for another audience")] {
        let refused = scene.caller(id, 1).end(STARTS_WITHIN);
        assert_eq!((&refused["failed"], &refused["calls"]), (&json!(1), &json!(0)), "a token that is {why}: {refused}");
        assert!(refused["failure"].as_str().unwrap().contains("401 after successful authentication"), "{refused}");
    }
    let mut callers = scene.caller("robot", CLIENTS);
    let calls = |callers: &mut Program| callers.ask("so far", SOON)["calls"].as_u64().unwrap();
    until("calls", STARTS_WITHIN, || (calls(&mut callers) > 0).then_some(()));
    assert_eq!(scene.asked(), 1, "the keys were asked for once");
    for rotation in 2..=3 {
        let kid = scene.rotate();
        until("tokens by the new key", SOON, || {
            callers.ask("so far", SOON)["kids"].as_array().unwrap().contains(&kid).then_some(())
        });
        let before = calls(&mut callers);
        // Another new key so soon would not be asked for, whoever names it.
        throughout(ONCE_IN, || {
            let so_far = callers.ask("so far", SOON);
            assert_eq!(so_far["failed"], 0, "{so_far}");
        });
        assert!(calls(&mut callers) > before, "calls go on");
        assert_eq!(scene.asked(), rotation, "once for each new key");
    }
    let done = callers.end(SOON);
    println!("{done}");
    assert_eq!((&done["failed"], &done["tools"]), (&json!(0), &json!(["up-echo"])), "{done}");
    assert_eq!(done["kids"].as_array().unwrap().len(), 3, "{done}");
    let figures = Figures::of("access");
    for (name, member) in [("oidc_calls", "calls"), ("oidc_failed", "failed"), ("oidc_tokens", "tokens")] {
        let value = done[member].as_f64().unwrap();
        figures.write(name, value, &[value]);
    }
}
