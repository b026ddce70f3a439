//! Each official client with servers of both eras, through the gateway: does each feature work that both have?
//!
//! `docs/clients.md` holds the answer, and the test fails when a run answers otherwise. `UPDATE=1 tests/run clients`
//! writes it anew.

mod feature;
mod servers;
mod table;
mod versions;

use std::thread;
use std::time::Duration;

use tests::manifests::Manifests;
use tests::process::{Options, Switchboard};
use tests::wait::until;

use crate::driver::{Answer, Client, Job, run};
use feature::{FEATURES, Feature};
use servers::{Place, Server, Servers};

const KEY: &str = "sb-clients-interop";
const LISTED: Duration = Duration::from_secs(60);

/// A client in one of the eras that it knows.
#[derive(Clone, Copy, PartialEq)]
struct Speaker {
    client: Client,
    /// How it is told to open a connection.
    era: Option<&'static str>,
    /// What the table calls it.
    title: &'static str,
    /// What it speaks with servers that speak both.
    revision: &'static str,
}

const SPEAKERS: [Speaker; 8] = [
    Speaker { client: Client::Python1, era: None, title: "Python SDK 1.x", revision: LEGACY },
    Speaker { client: Client::Python2, era: Some("auto"), title: "Python SDK 2.x", revision: MODERN },
    Speaker { client: Client::Python2, era: Some("legacy"), title: "Python SDK 2.x", revision: LEGACY },
    Speaker { client: Client::TypeScript1, era: None, title: "TypeScript SDK 1.x", revision: LEGACY },
    Speaker { client: Client::TypeScript2, era: Some("auto"), title: "TypeScript v2 packages", revision: MODERN },
    Speaker { client: Client::TypeScript2, era: Some("legacy"), title: "TypeScript v2 packages", revision: LEGACY },
    Speaker { client: Client::Rmcp, era: Some("modern"), title: "rmcp", revision: MODERN },
    Speaker { client: Client::Rmcp, era: Some("legacy"), title: "rmcp", revision: LEGACY },
];
const LEGACY: &str = "2025-11-25";
const MODERN: &str = "2026-07-28";

/// What came of a client at a place: the revision that it negotiated, if it did, and for each of [`FEATURES`] what was
/// seen instead, if it does not work.
struct Outcome {
    revision: Option<String>,
    failures: [Option<String>; FEATURES.len()],
}

/// A line of the table.
struct Row {
    client: &'static str,
    server: &'static str,
    outcome: Outcome,
}

#[test]
fn every_client_does_with_every_server_what_the_document_says() {
    let servers = Servers::start();
    let manifests = Manifests::default();
    for server in &servers.all {
        manifests.server(server.alias, &server.spec);
    }
    manifests.key("interop", KEY, &servers.all.each_ref().map(|server| server.alias));
    let gateway = Switchboard::start_ready(manifests.path(), &Options::default());
    let places = servers.all.each_ref().map(|server| server.through(&gateway.mcp, KEY));
    places.iter().for_each(wait_for_lists);
    let outcomes = side_by_side(|speaker| speaker.at(&places.each_ref()));
    let rows: Vec<Row> = outcomes
        .flat_map(|(speaker, outcomes)| {
            let row = |(server, outcome): (&Server, _)| Row { client: speaker.title, server: server.title, outcome };
            servers.all.iter().zip(outcomes).map(row).collect::<Vec<_>>()
        })
        .collect();
    assert_eq!(rows.len(), SPEAKERS.len() * servers.all.len());
    table::check(&table::text(&rows));
}

/// What fails in the table is the gateway's: without one, clients and servers that have a revision in common do all.
#[test]
fn every_client_does_everything_with_servers_of_its_era_directly() {
    let servers = Servers::start();
    let places: Vec<Place> = servers.all.iter().filter_map(Server::direct).collect();
    let outcomes = side_by_side(|speaker| {
        let places: Vec<_> = places.iter().filter(|place| place.offers.revision == speaker.revision).collect();
        speaker.at(&places)
    });
    for (speaker, outcomes) in outcomes {
        assert!(!outcomes.is_empty(), "{}", speaker.title);
        for outcome in outcomes {
            assert_eq!(outcome.failures, [const { None }; FEATURES.len()], "{}", speaker.title);
            assert_eq!(outcome.revision.as_deref(), Some(speaker.revision), "{}", speaker.title);
        }
    }
}

/// Waits until the lists of a server are read for clients that can be asked. A client that comes first is kept waiting
/// for five seconds and no more, which a busy machine may need for the start of a child alone, or for a server that all
/// of them ask at once. Python's SDK declares other capabilities than the others do.
fn wait_for_lists(place: &Place) {
    for client in [Client::Python1, Client::TypeScript1] {
        until("the lists of a server", LISTED, || {
            let job = Job { call: None, ..Feature::Elicitation.job(place, None) };
            run(client, &[job])[0].error.is_none().then_some(())
        });
    }
}

/// What each client gives, all of them at once.
fn side_by_side<T: Send>(each: impl Fn(Speaker) -> T + Sync) -> impl Iterator<Item = (Speaker, T)> {
    let outcomes = thread::scope(|scope| {
        let running = SPEAKERS.map(|speaker| {
            scope.spawn({
                let each = &each;
                move || each(speaker)
            })
        });
        running.map(|client| client.join().unwrap())
    });
    SPEAKERS.into_iter().zip(outcomes)
}

impl Speaker {
    /// Tries each feature at each place, on a connection of its own.
    fn at(self, places: &[&Place]) -> Vec<Outcome> {
        // Each client begins elsewhere, so that they do not all have their children started at once.
        let turn = SPEAKERS.iter().position(|other| *other == self).unwrap() % places.len();
        let (later, sooner) = places.split_at(turn);
        let jobs: Vec<_> = [sooner, later]
            .concat()
            .iter()
            .flat_map(|place| FEATURES.map(|feature| feature.job(place, self.era)))
            .collect();
        let mut answers = run(self.client, &jobs);
        answers.rotate_right(turn * FEATURES.len());
        let outcome = |(place, answers): (&&Place, &[Answer])| Outcome {
            revision: answers.iter().find_map(|answer| answer.protocol.clone()),
            failures: std::array::from_fn(|index| FEATURES[index].check(place, &answers[index]).err()),
        };
        places.iter().zip(answers.chunks(FEATURES.len())).map(outcome).collect()
    }
}
