//! `clients.json`, and beside it what came of each cell (R81).

use std::fs;

use serde_json::{Value, json};
use tests::process::target_directory;

/// Writes how many cells passed, of how many, with one sample a cell.
pub(crate) fn write(passed: usize, samples: &[Value]) {
    let folder = target_directory().join("figures");
    fs::create_dir_all(&folder).unwrap();
    let flat = json!({"clients_passed": passed, "clients_total": samples.len()});
    fs::write(folder.join("clients.json"), format!("{flat:#}\n")).unwrap();
    fs::write(folder.join("clients.samples.json"), format!("{:#}\n", json!(samples))).unwrap();
}
