//! `identify`: what it costs to know who calls and whether they may, with
//! 50,000 keys in force: for an API key, for a token that was seen before, and
//! for one that was not; beside one SHA-256 of the same key in the same run.
//!
//! The process starts itself once more, so that the measured one trusts the
//! issuer that the other one is.
#![allow(
    clippy::unwrap_used,
    clippy::panic,
    clippy::print_stdout,
    reason = "a program of the tests: what fails here has to be seen, and its table is its output"
)]

use std::collections::BTreeMap;
use std::hint::black_box;
use std::process::{Command, ExitCode};
use std::sync::Arc;
use std::time::Instant;

use crds::compile::{Pepper, Scope as Standing, compile};
use crds::resources::{ParsedFile, merge};
use crds::snapshot::{Item, Snapshot};
use gateway::clock;
use gateway::egress::{Egress, EgressPolicy};
use gateway::head::Head;
use gateway::identify::{Identity, identify, verify};
use gateway::metrics::Metrics;
use gateway::networks::Side;
use gateway::permit::permit;
use gateway::scope::Scope;
use gateway::table::{RoutingTable, Version};
use gateway::token::Tokens;
use serde_json::{Value, json};
use sha2::{Digest, Sha256};
use tests::figures::{Figures, median};
use tests::issuer::{Issuer, Signer};
use tests::manifests::sha256;
use tests::usage::rss_bytes;

const KEYS: usize = 50_000;
const TOKENS: usize = 1_000;
/// Samples of so many requests each; of single ones the clock would be most of what is measured.
const SAMPLES: usize = 2_001;
const A_SAMPLE: u32 = 32;
/// Ceilings for any machine, in nanoseconds.
const MOST_OF_A_KEY: f64 = 1_000.0;
const MOST_OF_A_TOKEN: f64 = 2_000.0;

fn main() -> ExitCode {
    let mut arguments = std::env::args().skip(1);
    let runtime = tokio::runtime::Runtime::new().unwrap();
    match (arguments.next(), arguments.next()) {
        (Some(issuer), Some(tokens)) => runtime.block_on(measure(&issuer, &tokens)),
        _ => runtime.block_on(be_the_issuer()),
    }
}

async fn be_the_issuer() -> ExitCode {
    let signer = Signer::new("k");
    let issuer = Issuer::start(&[&signer]).await;
    let folder = tempfile::tempdir().unwrap();
    let token =
        |number: usize| signer.sign(&issuer.payload(&format!("user-{number}"), &json!({"groups": ["blue", "red"]})));
    let tokens: Vec<String> = (0..TOKENS).map(token).collect();
    let file = folder.path().join("tokens");
    std::fs::write(&file, tokens.join("\n")).unwrap();
    let (name, value) = issuer.environment();
    let mut command = Command::new(std::env::current_exe().unwrap());
    command.arg(issuer.url()).arg(&file).env(name, value);
    let status = tokio::task::spawn_blocking(move || command.status().unwrap()).await.unwrap();
    if status.success() { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}

fn key(number: usize) -> String {
    format!("sb-{number:05}-{}", &sha256(&number.to_string())[..40])
}

/// One server, that all keys of ten teams may use, and everybody whose token says blue.
fn snapshot(issuer: &str) -> Snapshot {
    let audiences = [tests::issuer::AUDIENCE];
    let claims = json!({"team": {"claim": "groups"}});
    let issuers = json!([{"issuer": issuer, "audiences": audiences, "algorithms": ["ES256"], "claims": claims}]);
    let settings = json!({"apiVersion": "switchboard.dev/v1alpha1", "kind": "Settings", "issuers": issuers});
    let object = |kind: &str, name: &str, spec: Value| {
        let metadata = json!({"name": name, "namespace": "a"});
        json!({"apiVersion": "switchboard.dev/v1alpha1", "kind": kind, "metadata": metadata, "spec": spec})
    };
    let binding = |name: &str, spec: Value| object("McpKeyBinding", name, spec);
    let grants = json!({"servers": [{"name": "up", "tools": ["get_*", "send"]}]});
    let claims = json!([{"claim": "team", "values": ["blue"]}]);
    let mut objects = vec![
        settings,
        object("McpServer", "up", json!({"http": {"url": "http://127.0.0.1:1/mcp"}})),
        binding("blue", json!({"subject": {"type": "Claims", "claims": claims}, "grants": grants})),
    ];
    let team = |number: usize| format!("team-{}", number % 10);
    let of_team = |team: String| binding(&team, json!({"subject": {"type": "Team", "team": team}, "grants": grants}));
    objects.extend((0..10).map(team).map(of_team));
    objects.extend((0..KEYS).map(|number| {
        let keys = json!([{"name": "k", "sha256": sha256(&key(number))}]);
        let spec = json!({"subject": {"type": "Key", "keys": keys}, "team": team(number)});
        binding(&format!("key-{number}"), spec)
    }));
    // A file is at most 8 MiB.
    let files = objects.chunks(5_000).zip(0..).map(|(some, number)| {
        let documents: Vec<String> = some.iter().map(Value::to_string).collect();
        ParsedFile::parse(&format!("{number}.yaml"), documents.join("\n---\n").as_bytes()).unwrap()
    });
    let files: Vec<ParsedFile> = files.collect();
    let merged = merge(&files.iter().collect::<Vec<_>>());
    let compiled = compile(&merged.resources, &Standing::Local, &Pepper([1; 32]));
    assert_eq!(compiled.snapshot.callers.len(), KEYS + 1, "{:?}", compiled.diagnostics.first());
    compiled.snapshot
}

async fn measure(issuer: &str, tokens: &str) -> ExitCode {
    let snapshot = snapshot(issuer);
    let own = std::process::id();
    let before = rss_bytes(own);
    let table = RoutingTable::build(snapshot, &BTreeMap::new(), &Pepper([1; 32]), Version::default());
    let of_a_key = rss_bytes(own).saturating_sub(before) / KEYS as u64;
    println!("{:>28} {of_a_key:>8} bytes, without the snapshot", "memory of a key");
    let policy = EgressPolicy { allow_loopback: true, ..EgressPolicy::default() };
    let known = Tokens::new(Arc::new(Egress::new(policy)), Metrics::new().issuers);
    known.trust(&table.snapshot.settings.issuers);

    let keys: Vec<String> = (0..KEYS).map(key).collect();
    let hashed = samples(&keys, |key| u8::from(Sha256::digest(key)[0] == 0));
    let of_key = samples(&keys, |key| asks(&known, &table, key.as_bytes()));

    let tokens: Vec<String> = std::fs::read_to_string(tokens).unwrap().lines().map(str::to_owned).collect();
    let mut cold = Vec::new();
    for token in &tokens {
        let head = Head { key: Some(token.as_bytes()), ..Head::default() };
        let began = Instant::now();
        assert!(identify(&known, &table, &head, clock::now()).is_none(), "it was not seen before");
        verify(&known, &table, token.as_bytes(), clock::now()).await.unwrap();
        cold.push(began.elapsed().as_secs_f64() * 1e9);
    }
    let of_token = samples(&tokens, |token| asks(&known, &table, token.as_bytes()));

    let figures = Figures::of("access");
    let key_ns = figures.write_median("identify_permit_p50_ns", &of_key);
    let token_ns = figures.write_median("identify_permit_token_p50_ns", &of_token);
    let ratio = figures.write_median("identify_permit_sha256_ratio", &ratios(&of_key, &hashed));
    println!("{:>28} {:>8.0} ns", "SHA-256 of a key", median(&hashed));
    println!("{:>28} {key_ns:>8.0} ns (at most {MOST_OF_A_KEY}), {ratio:.2} times its SHA-256", "a key");
    println!(
        "{:>28} {token_ns:>8.0} ns (at most {MOST_OF_A_TOKEN}), {} bytes",
        "a token that is known",
        tokens[0].len()
    );
    println!("{:>28} {:>8.0} ns", "a token that is not", median(&cold));
    let within = key_ns < MOST_OF_A_KEY && token_ns < MOST_OF_A_TOKEN;
    if within { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}

/// Who it is, and whether they may use a tool: what each call asks.
fn asks(tokens: &Tokens, table: &RoutingTable, credential: &[u8]) -> u8 {
    let now = clock::now();
    let head = Head { key: Some(credential), ..Head::default() };
    let who = identify(tokens, table, &head, now).unwrap().unwrap();
    let identity = Identity { who, side: Side::Outside };
    let caller = table.caller(&identity).unwrap();
    u8::from(permit(table, (&caller, now), &Scope::All, 0, Item::Tool("get_time")).is_some())
}

/// Nanoseconds a request, of each sample; every credential in its turn, in strides that no cache foresees.
fn samples(credentials: &[String], ask: impl Fn(&String) -> u8) -> Vec<f64> {
    let mut at = 0;
    let mut samples = Vec::with_capacity(SAMPLES);
    for _ in 0..SAMPLES {
        let began = Instant::now();
        for _ in 0..A_SAMPLE {
            at = (at + 7_919) % credentials.len();
            black_box(ask(black_box(&credentials[at])));
        }
        samples.push(began.elapsed().as_secs_f64() * 1e9 / f64::from(A_SAMPLE));
    }
    samples
}

fn ratios(one: &[f64], other: &[f64]) -> Vec<f64> {
    one.iter().zip(other).map(|(one, other)| one / other).collect()
}
