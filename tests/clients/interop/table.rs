//! `docs/clients.md`: what works, and which versions were tried.

use std::fs;

use super::feature::FEATURES;
use super::{Row, versions};
use crate::toolchain;

const HEAD: &str = "# Clients and servers

Which features work through Switchboard between official SDKs, unmodified. Written by `UPDATE=1 tests/run clients`;
`tests/run clients` fails when it finds otherwise.

The servers have `sessionMode: PerClient`, so that they can ask their clients. `server-everything` is the reference server,
and speaks revisions up to 2025-11-25. The other servers are in `tests/clients/servers`: the one on *TypeScript v2* speaks
2026-07-28 alone, the one on *Python 2.x* speaks both and is asked in the revision of its client. *Speaks* is the revision
between client and gateway. A feature works when the client has all of it: *list* tools, *call* one, get a *prompt*, read a
*resource*, three notes of *progress* during a call, and *elicitation*: a form, sent in the middle of a call, that the client fills in.

";

/// The whole document.
pub(super) fn text(rows: &[Row]) -> String {
    let features = FEATURES.map(|feature| format!("{feature:?}").to_lowercase());
    let mut lines = vec![format!("| client | speaks | server | {} |", features.join(" | "))];
    lines.push(format!("|---|---|---|{}", "---|".repeat(features.len())));
    let mut seen = Vec::new();
    for Row { client, server, outcome } in rows {
        let speaks = outcome.revision.as_deref().unwrap_or("none");
        let cells = outcome.failures.each_ref().map(|failure| if failure.is_none() { "✓" } else { "✗" });
        lines.push(format!("| {client} | {speaks} | {server} | {} |", cells.join(" | ")));
        for (feature, failure) in features.iter().zip(&outcome.failures) {
            let line = |failure| format!("- {client} ({speaks}) – {server} – {feature}: `{failure}`");
            seen.extend(failure.as_ref().map(line));
        }
    }
    if !seen.is_empty() {
        lines.push("\nWhat was seen instead:\n".to_owned());
        lines.extend(seen);
    }
    lines.push("\n| package | version |\n|---|---|".to_owned());
    lines.extend(versions::all().map(|(package, version)| format!("| {package} | {version} |")));
    format!("{HEAD}{}\n", lines.join("\n"))
}

/// Fails when the document does not say this. `UPDATE=1` writes it.
#[expect(clippy::disallowed_methods, reason = "a switch of the person who runs the test")]
pub(super) fn check(wanted: &str) {
    let path = toolchain::checkout().join("docs/clients.md");
    if std::env::var("UPDATE").is_ok() {
        fs::write(&path, wanted).unwrap();
    }
    let found = fs::read_to_string(&path).unwrap_or_default();
    let only = |these: &str, those: &str| {
        let lines = these.lines().filter(|line| !those.lines().any(|other| other == *line));
        lines.fold(String::new(), |text, line| text + "\n" + line)
    };
    assert!(
        found == wanted,
        "docs/clients.md is stale: run UPDATE=1 tests/run clients\nit says:{}\nthis run gave:{}",
        only(&found, wanted),
        only(wanted, &found)
    );
}
