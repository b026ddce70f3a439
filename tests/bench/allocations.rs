//! Allocations of a call, counted in the shipped binary itself by glibc's
//! `libmemusage.so`: the same run with few and with many calls, the difference
//! divided by the calls between. A table of 50,000 keys and 1,000 servers must
//! cost none more than one of each.

use std::path::Path;
use std::thread;
use std::time::Duration;

use serde_json::{Value, json};
use tests::figures::{Figures, median};
use tests::manifests::{Manifests, sha256};
use tests::process::{Options, Switchboard};
use tests::upstream::Upstream;

use super::peers::session;
use super::{KEY, calls, closed_loop, upstream_script};

/// Where Linux distributions keep the library; it is part of glibc.
const LIBRARY: [&str; 4] = [
    "/lib/x86_64-linux-gnu/libmemusage.so",
    "/lib/aarch64-linux-gnu/libmemusage.so",
    "/usr/lib64/libmemusage.so",
    "/usr/lib/libmemusage.so",
];

/// Calls of the two runs whose difference counts. So many that it does not matter how often the index of 1,000 servers was
/// made at the start of each.
const FEW: u32 = 1_000;
const MANY: u32 = 81_000;

/// Pairs of runs for each table.
const PAIRS: usize = 3;

/// How often a run is tried. Once the library sums up, as the process exits, it no longer knows what it handed out itself:
/// a thread that ends at that moment, and frees something, makes libc end the process before the sum is printed. And now and
/// then a process does not come up with it.
const TRIES: u32 = 3;

/// A table of 1,000 servers is discovered, one of 50,000 keys compiled, within this on a slow machine.
const READY_WITHIN: Duration = Duration::from_secs(180);

/// What noise of timers and buffers may add to the mean of a run.
const NOISE: f64 = 0.5;
/// Objects of one file: a file is at most 8 MiB.
const A_FILE: usize = 10_000;

/// Measures both tables and writes the larger figure; whether the larger table costs no allocation more.
pub(crate) fn measure(figures: &Figures) -> bool {
    let Some(library) = LIBRARY.into_iter().find(|path| Path::new(path).is_file()) else {
        println!("allocations_per_call: not verified, this machine's C library has no libmemusage.so");
        return false;
    };
    let upstream = Upstream::start(upstream_script());
    let small = table(&upstream, 1, 1);
    let large = table(&upstream, 50_000, 1_000);
    let of = |manifests: &Manifests| -> Vec<f64> { (0..PAIRS).map(|_| per_call(manifests, library)).collect() };
    let (small, large) = (of(&small), of(&large));
    println!("allocations a call: {:.2} with 1 key and 1 server", median(&small));
    println!("allocations a call: {:.2} with 50,000 keys and 1,000 servers", median(&large));
    let larger = if median(&large) > median(&small) { &large } else { &small };
    println!("allocations_per_call {:.2}", figures.write_median("allocations_per_call", larger));
    median(&large) <= median(&small) + NOISE
}

fn table(upstream: &Upstream, keys: usize, servers: usize) -> Manifests {
    let manifests = Manifests::default();
    manifests.http("peer", &upstream.url()).key("caller", KEY, &["peer"]);
    let http = json!({"url": upstream.url(), "transport": "StreamableHTTP"});
    let further = (1..servers)
        .map(|index| object("McpServer", &format!("s{index}"), &json!({"http": http, "sessionMode": "Shared"})));
    let bindings = (1..keys).map(|index| {
        let keys = json!([{"name": "only", "sha256": sha256(&format!("sb-other-{index}"))}]);
        let grants = json!({"servers": [{"name": "peer"}]});
        object(
            "McpKeyBinding",
            &format!("k{index}"),
            &json!({"subject": {"type": "Key", "keys": keys}, "grants": grants}),
        )
    });
    let items: Vec<Value> = further.chain(bindings).collect();
    for (file, items) in items.chunks(A_FILE).enumerate() {
        let list = json!({"apiVersion": "v1", "kind": "List", "items": items});
        manifests.write(&format!("others-{file}.json"), &list.to_string());
    }
    manifests
}

fn object(kind: &str, name: &str, spec: &Value) -> Value {
    json!({"apiVersion": "switchboard.dev/v1alpha1", "kind": kind, "metadata": {"name": name}, "spec": spec})
}

fn per_call(manifests: &Manifests, library: &str) -> f64 {
    let few = allocations(manifests, library, FEW);
    let many = allocations(manifests, library, MANY);
    (many - few) / f64::from(MANY - FEW)
}

/// All allocations of one run with so many calls, of as many runs as it takes to have them summed up.
fn allocations(manifests: &Manifests, library: &str, count: u32) -> f64 {
    let sums = (1..=TRIES).find_map(|time| {
        // What is wrong with a run that panics has been said.
        let summary = thread::scope(|scope| scope.spawn(|| summary(manifests, library, count)).join());
        let total = summary.as_deref().ok().and_then(total);
        if total.is_none() {
            println!(
                "allocations: run {time} of {TRIES} was not summed up: {}",
                summary.unwrap_or_default().trim_end()
            );
        }
        total
    });
    sums.expect("a run that is summed up")
}

/// What the library prints of one run with so many calls.
fn summary(manifests: &Manifests, library: &str, count: u32) -> String {
    let environment =
        [("LD_PRELOAD", library), ("MEMUSAGE_PROG_NAME", "switchboard")].map(|(k, v)| (k.to_owned(), v.to_owned()));
    let options = Options {
        arguments: vec!["--workers".to_owned(), "1".to_owned()],
        environment: environment.to_vec(),
        core: None,
    };
    let mut switchboard = Switchboard::start(manifests.path(), &options);
    switchboard.event("ready", READY_WITHIN, |_| true);
    let calls = calls(&switchboard.mcp, "peer-work", session(&switchboard.mcp));
    let done = closed_loop::run_at_most(&calls, 16, count, READY_WITHIN);
    assert_eq!(done.calls, count, "a run that was cut short counts for nothing");
    switchboard.terminate(Duration::from_secs(30));
    switchboard.errors()
}

/// Reads the summary: calls of malloc, realloc and calloc.
fn total(summary: &str) -> Option<f64> {
    [" malloc|", "realloc|", " calloc|"].iter().map(|name| count(summary, name)).sum()
}

/// The first number behind a name; the table is coloured, so that other words stand between.
fn count(summary: &str, name: &str) -> Option<f64> {
    let (_, numbers) = summary.lines().find_map(|line| line.split_once(name))?;
    numbers.split_whitespace().find_map(|word| word.parse().ok())
}
