//! A release on a real node with real pods, in every namespace Pod Security
//! `restricted`: installed by its charts, loaded, disturbed and measured (the
//! figures of cluster.json).
//!
//! The scenarios share one cluster and run in order; each leaves it as it found
//! it. Arguments are names of scenarios; without any, all of them run. Needs
//! a node of the tests' own, with the images that `tests/cluster/images` makes.

#![allow(
    clippy::unwrap_used,
    clippy::panic,
    clippy::print_stdout,
    clippy::print_stderr,
    clippy::cast_precision_loss,
    clippy::cast_sign_loss,
    reason = "a test program: what fails here is a failed test and says so at once, and what it counts is small"
)]

mod faults;
mod install;
mod probe;
mod revocation;
mod rights;
mod scale;
mod scene;
mod schemas;
mod sidecar;
mod tampering;
mod tenants;

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::process::ExitCode;
use std::time::Instant;

use scene::Scene;

/// A scenario, by name.
type Scenario = (&'static str, fn(&Scene));

const SCENARIOS: [Scenario; 17] = [
    ("install", install::serves_in_seconds),
    ("rights", rights::are_as_reviewed),
    ("upgrade", install::upgrades_under_load),
    ("schemas", schemas::meet_in_both_orders),
    ("reinstall", install::leaves_objects_and_comes_back),
    ("tenants", tenants::get_what_was_consented_to),
    ("sidecar", sidecar::lets_an_agent_call_without_a_key),
    ("tampering", tampering::changes_nothing),
    ("replay_without_operator", tampering::is_said_while_nobody_mends),
    ("frozen_leader", tampering::a_leader_from_the_past_is_not_heard),
    ("operator_killed", faults::operators_are_killed),
    ("right_taken_away", faults::a_right_is_taken_away),
    ("pod_drained", faults::a_pod_is_drained),
    ("pod_killed", faults::a_pod_is_killed),
    ("apiserver_down", faults::the_apiserver_is_away),
    ("revocation", revocation::is_everywhere_within_a_second),
    ("scale", scale::stays_within_bounds),
];

fn main() -> ExitCode {
    let wanted: Vec<String> = std::env::args().skip(1).filter(|argument| !argument.starts_with('-')).collect();
    if let Some(unknown) = wanted.iter().find(|name| SCENARIOS.iter().all(|(known, _)| known != name)) {
        let known: Vec<_> = SCENARIOS.iter().map(|(name, _)| *name).collect();
        eprintln!("no scenario is called {unknown}; there are {}", known.join(", "));
        return ExitCode::from(2);
    }
    let Some(scene) = Scene::start() else { return ExitCode::SUCCESS };
    let (mut passed, mut failed) = (0, 0);
    for (name, scenario) in SCENARIOS {
        if !wanted.is_empty() && !wanted.iter().any(|it| it == name) {
            continue;
        }
        println!("scenario {name} …");
        let started = Instant::now();
        let outcome = catch_unwind(AssertUnwindSafe(|| {
            if name != "install" {
                install::ensure(&scene);
            }
            scenario(&scene);
        }));
        let took = started.elapsed().as_secs_f64();
        if outcome.is_ok() {
            passed += 1;
            println!("scenario {name}: ok in {took:.1} s");
        } else {
            failed += 1;
            println!("scenario {name}: FAILED after {took:.1} s");
            scene.describe();
        }
    }
    println!("{passed} passed, {failed} failed");
    if failed == 0 { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}
