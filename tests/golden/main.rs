//! What LiteLLM's clients are answered, byte for byte, where its documentation and code say what they send: a row for each
//! header that they may say and each error that they may get. Where the reply differs from LiteLLM's, it stands in
//! `docs/litellm.md`.
//!
//! In: the release build. Out: how many rows there are and how many were answered exactly, in `access.json` (R81).

#![allow(
    clippy::unwrap_used,
    clippy::panic,
    clippy::print_stdout,
    reason = "a test has no caller to return an error to: what fails here is a failed test, and says so at once"
)]

use tests::figures::Figures;

mod errors;
mod headers;
mod litellm;
mod row;
mod world;

use world::World;

#[tokio::test(flavor = "multi_thread")]
async fn litellm_itself_answers_alike_or_the_documents_say_where_not() {
    let world = World::start().await;
    let unsaid = litellm::compare(&world, &[headers::rows(), errors::rows()].concat()).await;
    assert!(unsaid.is_empty(), "{}", unsaid.join("\n"));
}

#[tokio::test(flavor = "multi_thread")]
async fn every_row_is_answered_as_it_is_written() {
    let world = World::start().await;
    let rows = [headers::rows(), errors::rows()].concat();
    let (mut samples, mut failed) = (Vec::new(), Vec::new());
    for row in &rows {
        let fault = row.try_out(&world).await.err();
        samples.push(if fault.is_none() { 1.0 } else { 0.0 });
        failed.extend(fault.map(|fault| format!("{}: {fault}", row.name)));
    }
    let figures = Figures::of("access");
    figures.write("golden_replies_passed", samples.iter().sum(), &samples);
    figures.write("golden_replies_total", samples.iter().map(|_| 1.0).sum(), &samples);
    assert!(failed.is_empty(), "{} of {} rows:\n{}", failed.len(), rows.len(), failed.join("\n"));
}
