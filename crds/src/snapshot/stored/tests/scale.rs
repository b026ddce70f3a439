//! How large many keys are, and how little one of them changes.

use std::time::Instant;

use super::*;
use crate::compile::Scope;
use crate::compile::tests::scale::company;

/// 100,000 at full size (R83), else as many as a large installation has.
fn bindings() -> usize {
    let full = std::env::var_os("SWITCHBOARD_TESTS_FULL").is_some_and(|value| !value.is_empty() && value != "0");
    if full { 100_000 } else { 20_000 }
}

fn kib(bytes: usize) -> String {
    format!("{} KiB", bytes.div_ceil(1024))
}

#[test]
fn many_bindings_fit_into_slots_and_one_change_writes_little() {
    let count = bindings();
    let resources = company(1000, count, true);
    let begun = Instant::now();
    let snapshot = compile(&resources, &Scope::Local, &pepper()).snapshot;
    let compiled = begun.elapsed();
    assert_eq!(snapshot.callers.len(), count);

    let begun = Instant::now();
    let parts = split(&snapshot).unwrap().of(SCHEMA).to_vec();
    let stored = plan(None, &parts, 1, SCHEMA).unwrap();
    let pointer = stored.pointer.encode(&key());
    let encoded = begun.elapsed();
    let begun = Instant::now();
    assert_eq!(open(&Pointer::decode(&pointer, &key()).unwrap(), slots(&stored)).unwrap(), snapshot);
    let opened = begun.elapsed();

    let sizes: Vec<String> = parts.iter().map(|part| kib(part.bytes.len())).collect();
    println!("{count} bindings: {} slots, pointer {}, base {}", parts.len(), kib(pointer.len()), sizes[0]);
    println!("buckets {}", sizes[1..].join(", "));
    println!("compile {compiled:.2?}, split and plan {encoded:.2?}, open {opened:.2?}");
    let largest = if count > 20_000 { PART_LIMIT } else { 150 << 10 };
    assert!(parts.iter().all(|part| part.bytes.len() < largest));

    let mut changed = snapshot.clone();
    changed.callers[count / 2].keys[0].digest.0 = [7; 16];
    let next = plan(Some(&stored.pointer), split(&changed).unwrap().of(SCHEMA), 2, SCHEMA).unwrap();
    let written: usize = next.writes.iter().map(|(_, part)| part.bytes.len()).sum();
    println!("a changed key writes {}", kib(written + next.pointer.encode(&key()).len()));
    assert_eq!(next.writes.len(), 1);
}
