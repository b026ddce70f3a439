//! `docs/conditions.md`: the catalogue, for people. `UPDATE=1 cargo test -p crds` writes it.

use std::fmt::Write;

use crate::conditions::{Act, CATALOGUE};

const INTRODUCTION: &str = "\
# Conditions

What the operator says in the status of each object, and what to do about it. `kubectl get` shows Ready and Propagated;
`kubectl describe` shows all, with messages that name the fields. This page is written by `UPDATE=1 cargo test -p crds`.

- **Ready** is True while Accepted, ResolvedRefs, Programmed and Propagated are; else it has the reason of the first that is
  not. Available, which servers have, is no part of it: a server that is down is right, and said to be down.
- **Stalled** is there, and True, while somebody has to act; **Reconciling** while it is on its way. Never both, and neither
  once the object is Ready. With `observedGeneration` that is what kstatus reads: Flux, Argo CD, `kubectl wait`.
- **Propagated** stays True for a generation once every serving pod has had it in force. It is False for what is not accepted,
  with the reason Pending as long as a pod still has what the object gave before, so that waiting for Propagated never takes
  a refusal for a success.
";

/// The catalogue as tables.
fn page() -> String {
    let mut page = INTRODUCTION.to_owned();
    let mut condition = "";
    for meaning in CATALOGUE {
        if meaning.condition != condition {
            condition = meaning.condition;
            let _ = write!(
                page,
                "\n## {condition}\n\n| status | reason | what it means | what to do |\n|---|---|---|---|\n"
            );
        }
        let act = match meaning.act {
            Act::Nothing => String::new(),
            Act::Wait(then) => format!("Wait. If it stays so: {}{}", then[..1].to_lowercase(), &then[1..]),
            Act::Do(what) => what.to_owned(),
        };
        let _ = writeln!(page, "| {} | {} | {} | {act} |", meaning.status, meaning.reason, meaning.means);
    }
    page
}

#[test]
fn the_page_about_conditions_is_the_catalogue() {
    let path = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("../docs/conditions.md");
    #[expect(clippy::disallowed_methods, reason = "whether to rewrite is asked of the person who runs the test")]
    if std::env::var("UPDATE").is_ok() {
        std::fs::write(&path, page()).unwrap();
    }
    let found = std::fs::read_to_string(&path).unwrap_or_default();
    assert!(found == page(), "docs/conditions.md is stale: run UPDATE=1 cargo test -p crds");
}
