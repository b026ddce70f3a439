//! Ids that this gateway did not give to the one who brings them, or not for this, on the wire: of sessions, of servers'
//! requests, of events, `requestState`, of tasks, cursors, and where a client of HTTP+SSE posts to (R8, R9). None is
//! accepted, each is answered as the specification says, no server hears of it, and the genuine ones work on.
//!
//! What has expired is not here: ids are valid for minutes to a day, and the gateway's clock is not a test's to set. The
//! tests beside `gateway/src/{session,request_state,task,client_session/sealed,inbound_sse/endpoint}.rs` have a clock.
//!
//! Every run forges other ids; the seed is printed, and `FORGED_SEED` repeats a run.

use std::io::Write;
use std::sync::Arc;

use http::{Method, StatusCode};
use proptest::strategy::{Strategy, ValueTree};
use proptest::test_runner::{Config, RngAlgorithm, TestRng, TestRunner};
use serde_json::{Value, json};
use tests::client::{Client, get};
use tests::figures::Figures;
use tests::manifests::Manifests;
use tests::process::{Options, Switchboard};
use tests::upstream::{Does, Form, Script, Tool, Upstream};

use self::harm::{By, Forged, Harm, harm};
use self::holder::Holder;
use self::sender::{Kind, Sender};
use crate::server::Fixture;

mod harm;
mod holder;
mod sender;

/// Forged ids of each kind.
const CASES: usize = 10_000;

/// How many connections bring them.
const CONNECTIONS: usize = 8;

/// The most failures that are told.
const TOLD: usize = 20;

const ALICE: &str = "sb-key-of-alice";
const BOB: &str = "sb-key-of-bob";

/// A gateway, its callers, and another gateway with the same manifests and keys of its own to seal with.
struct Scene {
    _manifests: Manifests,
    fixture: Fixture,
    asking: Upstream,
    switchboard: Switchboard,
    other: Switchboard,
}

/// Everybody who was given something.
struct Holders {
    alice: Holder,
    /// Another session of hers.
    again: Holder,
    bob: Holder,
    /// At the other gateway.
    elsewhere: Holder,
    /// What was hers until she ended it.
    spent: Vec<String>,
}

impl Scene {
    fn start() -> Self {
        let fixture = Fixture::start();
        let asks = Does::Ask(vec![("elicitation/create".to_owned(), "{}".to_owned())]);
        let asking = Upstream::start(Script { form: Form::EventStream, ..Script::with([Tool::new("ask", asks)]) });
        let manifests = Manifests::default();
        // The calls whose server waits for an answer are open until the end.
        let server = |url: &str, naming: &str| json!({"http": {"url": url}, "naming": {"type": naming}, "sessionMode": "PerClient", "timeouts": {"callSeconds": 600}});
        manifests.server("fixture", &server(&fixture.mcp, "Bare")).server("asking", &server(&asking.url(), "Bare"));
        manifests.key("alice", ALICE, &["fixture", "asking"]).key("bob", BOB, &["fixture", "asking"]);
        let start = || Switchboard::start_ready(manifests.path(), &Options::default());
        let (switchboard, other) = (start(), start());
        Self { _manifests: manifests, fixture, asking, switchboard, other }
    }

    async fn holders(&self) -> Holders {
        let spent = Holder::begin(&self.switchboard, ALICE).await.spend().await;
        Holders {
            alice: Holder::begin(&self.switchboard, ALICE).await,
            again: Holder::begin(&self.switchboard, ALICE).await,
            bob: Holder::begin(&self.switchboard, BOB).await,
            elsewhere: Holder::begin(&self.other, ALICE).await,
            spent,
        }
    }

    /// Everything that came to the servers but what the gateway reads by itself: lists, and how to speak.
    async fn came(&self) -> Value {
        let mut counts: Value = serde_json::from_slice(&get(&self.fixture.counts).await.body).unwrap();
        let own = ["initialize", "ping", "server/discover", "subscriptions/listen"];
        let requests = counts["requests"].as_object_mut().unwrap();
        requests.retain(|method, _| !method.ends_with("/list") && !own.contains(&method.as_str()));
        json!([
            counts["requests"],
            counts["calls"],
            counts["responses"],
            self.asking.posts("tools/call"),
            self.asking.answers().len()
        ])
    }
}

impl Holders {
    /// The genuine ids that Alice may bring as nothing of this kind, in her first session.
    fn others(&self, kind: Kind) -> Vec<String> {
        let is_of_session = matches!(kind, Kind::Request | Kind::Event);
        let of_alice = Kind::ALL.iter().filter(|other| **other != kind).map(|other| self.alice.id(*other));
        let again = Kind::ALL.iter().filter(|other| **other != kind || is_of_session);
        let again = again.map(|other| self.again.id(*other));
        let theirs = [&self.bob, &self.elsewhere].into_iter().flat_map(|holder| Kind::ALL.map(|kind| holder.id(kind)));
        let genuine = of_alice.chain(again).chain(theirs).map(str::to_owned);
        genuine.chain(self.spent.iter().cloned()).chain([self.alice.other_state.clone()]).collect()
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn r8_a_forged_id_is_never_accepted() {
    let seed: u64 = match std::env::var_os("FORGED_SEED") {
        Some(seed) => seed.to_str().unwrap().parse().expect("FORGED_SEED is a number"),
        None => getrandom::u64().unwrap(),
    };
    std::io::stdout().write_all(format!("FORGED_SEED={seed}\n").as_bytes()).unwrap();
    let scene = Scene::start();
    let holders = Arc::new(scene.holders().await);
    let before = scene.came().await;
    let (mut cases, mut failures) = (0, Vec::new());
    for kind in Kind::ALL {
        let workers = (0..CONNECTIONS).map(|worker| {
            let (holders, worker) = (Arc::clone(&holders), u64::try_from(worker).unwrap());
            tokio::spawn(async move { forge(&holders, kind, (seed, worker)).await })
        });
        for worker in workers.collect::<Vec<_>>() {
            let (tried, wrong) = worker.await.unwrap();
            cases += tried;
            failures.extend(wrong);
        }
    }
    let figures = Figures::of("conformance");
    for (name, figure) in [("forged_cases", cases), ("forged_accepted", failures.len())] {
        let figure = f64::from(u32::try_from(figure).unwrap());
        figures.write(name, figure, &[figure]);
    }
    let told = failures.len().min(TOLD);
    assert!(failures.is_empty(), "{} of {cases}, FORGED_SEED={seed}: {:#?}", failures.len(), &failures[..told]);
    assert_eq!(cases, CASES * Kind::ALL.len());
    assert_eq!(scene.came().await, before, "no server heard of them");
    let holders = Arc::into_inner(holders).expect("every worker has ended");
    for holder in [holders.alice, holders.again, holders.bob, holders.elsewhere] {
        holder.goes_on().await;
    }
    assert!(!scene.switchboard.errors().contains("panicked"), "{}", scene.switchboard.errors());
}

/// One connection's part of the cases of a kind: how many there were, and how those were answered that were not refused
/// as they should.
async fn forge(holders: &Holders, kind: Kind, (seed, worker): (u64, u64)) -> (usize, Vec<String>) {
    let others = holders.others(kind);
    let genuine = holders.alice.id(kind);
    let (mut alice, mut bob) = (Sender::of(&holders.alice), Sender::of(&holders.bob));
    let mut wrong = Vec::new();
    for (turn, harm) in harms([seed, worker, kind as u64]).into_iter().enumerate() {
        let Forged { id, by } = harm.done_to(genuine, &others);
        let sender = match by {
            By::Owner => &mut alice,
            By::Another => &mut bob,
        };
        if let Err(answer) = sender.present(kind, &id, turn).await {
            wrong.push(format!("{kind:?} {harm:?} turn {turn}: {answer}"));
        }
    }
    (CASES / CONNECTIONS, wrong)
}

/// What one connection does to ids, by the numbers.
fn harms(seed: [u64; 3]) -> Vec<Harm> {
    let mut bytes = [0; 32];
    for (chunk, number) in bytes.chunks_exact_mut(8).zip(seed) {
        chunk.copy_from_slice(&number.to_be_bytes());
    }
    let mut runner = TestRunner::new_with_rng(Config::default(), TestRng::from_seed(RngAlgorithm::ChaCha, &bytes));
    let harm = harm();
    (0..CASES / CONNECTIONS).map(|_| harm.new_tree(&mut runner).unwrap().current()).collect()
}

/// Two callers, each with an id of each kind.
#[tokio::test(flavor = "multi_thread")]
async fn r8_what_one_caller_was_given_is_nothing_in_anothers_hands() {
    let scene = Scene::start();
    let (alice, bob) = (Holder::begin(&scene.switchboard, ALICE).await, Holder::begin(&scene.switchboard, BOB).await);
    let before = scene.came().await;
    for (from, to) in [(&alice, &bob), (&bob, &alice)] {
        let mut sender = Sender::of(to);
        for kind in Kind::ALL {
            for turn in 0..Sender::TURNS {
                assert_eq!(sender.present(kind, from.id(kind).as_bytes(), turn).await, Ok(()), "{kind:?} {turn}");
            }
        }
    }
    assert_eq!(scene.came().await, before, "no server heard of them");
    alice.goes_on().await;
    bob.goes_on().await;
}

/// What it would look like if one were accepted: the check of the checks.
#[tokio::test(flavor = "multi_thread")]
async fn a_genuine_id_is_not_taken_for_a_forged_one() {
    let scene = Scene::start();
    let alice = Holder::begin(&scene.switchboard, ALICE).await;
    let mut sender = Sender::of(&alice);
    // A cursor is never genuine. The last turn of a session ends it.
    for kind in Kind::ALL.into_iter().rev().filter(|kind| *kind != Kind::Cursor) {
        for turn in 0..2 {
            let first = turn == 0 || kind != Kind::Request;
            let accepted = sender.present(kind, alice.id(kind).as_bytes(), turn).await.is_err();
            assert_eq!(accepted, first, "{kind:?} {turn}: a question is answered once");
        }
    }
    let mut client = Client::new(&scene.switchboard.mcp).key(ALICE);
    client.set_header("mcp-session-id", alice.id(Kind::Session));
    assert_eq!(client.send(&Method::DELETE, &[], "").await.status, StatusCode::NO_CONTENT);
}
