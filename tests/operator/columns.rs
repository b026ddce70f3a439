//! What `kubectl get` shows: `columns.txt`, written anew by `UPDATE=1`. The samples carry a status each.

use std::fmt::Write as _;
use std::path::Path;

use tests::args;

use crate::SHARED;

#[tokio::test]
async fn kubectl_get_shows_what_a_person_asks_first() {
    let here = Path::new(env!("CARGO_MANIFEST_DIR")).join("operator");
    let samples = here.join("samples");
    SHARED.namespace("columns", &[]).await;
    SHARED.apply(&samples);
    let folder = samples.to_str().unwrap();
    SHARED.kubectl(&["apply", "--server-side", "--subresource=status", "--filename", folder]);
    let mut shown = String::new();
    for view in [&["mcps,mcpag,mcpkb"][..], &["mcps,mcpag,mcpkb", "--output=wide"], &["mcp"]] {
        writeln!(shown, "$ kubectl get {}", view.join(" ")).unwrap();
        let table = SHARED.kubectl(&[&["get", "--namespace=columns"], view].concat());
        for line in table.lines() {
            writeln!(shown, "{}", without_age(line)).unwrap();
        }
    }
    let golden = here.join("columns.txt");
    if args::update() {
        std::fs::write(&golden, &shown).unwrap();
    }
    let expected = std::fs::read_to_string(&golden).unwrap_or_default();
    assert_eq!(shown, expected, "if this is meant: UPDATE=1 tests/run operator");
}

/// A line whose last column is an age, as `7s`.
fn without_age(line: &str) -> String {
    let line = line.trim_end();
    match line.rsplit_once(' ') {
        Some((rest, age)) if age.ends_with('s') && age.starts_with(|first: char| first.is_ascii_digit()) => {
            format!("{rest} …")
        }
        _ => line.to_owned(),
    }
}
