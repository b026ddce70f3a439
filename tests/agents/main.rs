//! Clients of LiteLLM as its documentation has them, and agent frameworks as they come, all unmodified, with the
//! release binary.
//!
//! In: the release build, and what `tests/run access` installed (see [`tests::toolchain`]). Out: how many clients there
//! are and how many of them did what their key allows and nothing else, in `access.json` (R81).

#![allow(
    clippy::unwrap_used,
    clippy::panic,
    reason = "a test has no caller to return an error to: what fails here is a failed test, and says so at once"
)]

use std::thread;

use tests::figures::Figures;

mod client;
mod documents;
mod frameworks;
mod keys;
mod program;
mod world;

use client::Client;
use world::World;

/// How many clients run at once: each is a process that works most at its start.
const AT_ONCE: usize = 3;

#[test]
fn every_client_lists_and_calls_what_its_key_allows_and_nothing_else() {
    let world = World::start();
    let clients = [documents::clients(&world), frameworks::clients(&world)].concat();
    let faults: Vec<Option<String>> = clients.chunks(AT_ONCE).flat_map(|some| side_by_side(some, &world)).collect();
    let failed = |(client, fault): (&Client, &Option<String>)| Some(format!("{}: {}", client.name, fault.as_ref()?));
    let failed: Vec<String> = clients.iter().zip(&faults).filter_map(failed).collect();
    if failed.is_empty() {
        world.assert_that_zapier_saw_what_is_for_it_alone(clients.iter().map(Client::calls_that_arrive).sum());
    }
    let samples: Vec<f64> = faults.iter().map(|fault| if fault.is_none() { 1.0 } else { 0.0 }).collect();
    let figures = Figures::of("access");
    figures.write("clients_passed", samples.iter().sum(), &samples);
    figures.write("clients_total", samples.iter().map(|_| 1.0).sum(), &samples);
    assert!(failed.is_empty(), "{}", failed.join("\n"));
}

/// What is wrong with each of these clients, if anything.
fn side_by_side(clients: &[Client], world: &World) -> Vec<Option<String>> {
    thread::scope(|scope| {
        let running: Vec<_> = clients.iter().map(|client| scope.spawn(|| client.try_out(world).err())).collect();
        running.into_iter().map(|client| client.join().unwrap()).collect()
    })
}
