//! R85: the oracle of the access rule against the product's own path, on
//! random worlds. Both get the same company; they must agree on every object,
//! every credential, every permit, every name and every URI.
//!
//! ```text
//! World ─► manifests ─► parse, merge, compile, encode, decode, RoutingTable, Index ─► scope, permit, list, route
//!   └────► Oracle ──────────────────────────────────────────────────────────────────► the same answers
//! ```
//!
//! A world in which they differ is reduced to the objects that matter and printed as manifests.

#![allow(
    clippy::unwrap_used,
    clippy::panic,
    reason = "a test has no caller to return an error to: what fails here is a failed test, and says so at once"
)]

use std::num::NonZero;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;

use tests::args::full;
use tests::figures::Figures;
use tests::world::World;

mod answers;
mod cases;
mod compare;
mod offered;
mod plans;
mod product;
mod questions;
mod reduce;

use product::Bench;

/// Worlds that are compared, from seed 0 on.
const WORLDS: u32 = 10_000;
/// With `tests/run --full`.
const WORLDS_FULL: u32 = 100_000;

/// The first world from `first` on, in steps of `step`, about which the two disagree, unless another one was `found`.
fn first_disagreement(first: usize, step: usize, worlds: u32, found: &AtomicBool) -> Option<String> {
    let bench = Bench::new();
    let mut seeds = (0..worlds).skip(first).step_by(step).take_while(|_| !found.load(Ordering::Relaxed));
    seeds.find_map(|seed| {
        let seed = u64::from(seed);
        let world = offered::with_qualified_look(World::random(seed));
        let differences = compare::differences(&world, &bench);
        (!differences.is_empty()).then(|| {
            found.store(true, Ordering::Relaxed);
            reduce::report(seed, world, &bench)
        })
    })
}

#[test]
fn r85_the_product_does_what_the_oracle_says_on_random_worlds() {
    let worlds = if full() { WORLDS_FULL } else { WORLDS };
    let threads = thread::available_parallelism().map_or(1, NonZero::get);
    let found = AtomicBool::new(false);
    let report = thread::scope(|scope| {
        let running: Vec<_> = (0..threads)
            .map(|first| {
                let found = &found;
                scope.spawn(move || first_disagreement(first, threads, worlds, found))
            })
            .collect();
        running.into_iter().find_map(|thread| thread.join().unwrap())
    });
    let disagreements = if report.is_some() { 1.0 } else { 0.0 };
    let figures = Figures::of("access");
    figures.write("oracle_disagreements", disagreements, &[disagreements]);
    if let Some(report) = report {
        panic!("{report}");
    }
    // One that is found ends the search; without one all were compared.
    figures.write("oracle_worlds", f64::from(worlds), &[f64::from(worlds)]);
}
