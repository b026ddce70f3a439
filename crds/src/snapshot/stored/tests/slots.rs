//! Where parts are put, over many changes.

use std::collections::{BTreeMap, BTreeSet};

use proptest::prelude::{any, prop_assert, prop_assert_eq, proptest};

use super::*;
use crate::compile::tests::scale::company;
use crate::compile::{Pepper, Scope};
use crate::snapshot::stored::split::cut;

fn named(pointer: &Pointer) -> BTreeSet<u8> {
    pointer.parts.iter().filter_map(|part| part.slot).collect()
}

/// A snapshot whose part with the settings differs from that of each other number.
fn numbered(number: u32) -> Snapshot {
    let mut snapshot = compiled(&[0; 900]).snapshot;
    snapshot.settings.max_tool_name_length = number;
    snapshot
}

#[test]
fn a_part_that_is_there_keeps_its_slot() {
    let live = plan(None, &cut(&numbered(1), 15).unwrap(), 1, 4).unwrap().pointer;
    let same = plan(Some(&live), &cut(&numbered(1), 15).unwrap(), 2, 4).unwrap();
    assert_eq!((&same.pointer.parts, same.pointer.digest, same.writes), (&live.parts, live.digest, vec![]));
    let next = plan(Some(&live), &cut(&numbered(2), 15).unwrap(), 2, 4).unwrap();
    let [(slot, part)] = &next.writes[..] else { panic!("one part changed, not {}", next.writes.len()) };
    assert!(!named(&live).contains(slot));
    assert_eq!(next.pointer.parts[0], PartRef { slot: Some(*slot), digest: part.digest });
    assert_eq!(next.pointer.parts[1..], live.parts[1..]);
    assert_ne!(next.pointer.digest, live.digest);
}

#[test]
fn everything_can_be_replaced_at_once() {
    let all_differ = |number: u8| {
        let mut resources = company(10, 400, false);
        resources.settings.max_tool_name_length = Some(u32::from(number) + 32);
        cut(&compile(&resources, &Scope::Local, &Pepper([number; 32])).snapshot, 15).unwrap()
    };
    let live = plan(None, &all_differ(1), 1, 4).unwrap();
    let next = plan(Some(&live.pointer), &all_differ(2), 2, 4).unwrap();
    assert_eq!((live.writes.len(), next.writes.len()), (16, 16));
    assert!(named(&live.pointer).is_disjoint(&named(&next.pointer)));
}

#[test]
fn too_few_slots_are_told_in_words() {
    let mut live = plan(None, &cut(&numbered(1), 3).unwrap(), 1, 4).unwrap().pointer;
    live.parts = (0..SLOTS).map(|slot| PartRef { slot: Some(slot), digest: [slot; 32] }).collect();
    let error = plan(Some(&live), &cut(&numbered(2), 3).unwrap(), 2, 4).unwrap_err();
    assert_eq!(
        error.to_string(),
        "the snapshot needs 4 slots, and the pointer in force leaves 0 of 32: delete the pointer; gateways serve on \
         until the next is there"
    );
}

proptest! {
    /// However snapshots follow each other, small ones between large ones, older schemas between newer: the pointer in
    /// force can be read until the next is there.
    #[test]
    fn no_write_touches_what_the_live_pointer_names(
        steps in proptest::collection::vec((any::<u8>(), 0..4_usize), 1..12),
    ) {
        let mut stored: BTreeMap<u8, Part> = BTreeMap::new();
        let mut live: Option<(Pointer, Snapshot)> = None;
        for ((seed, form), revision) in steps.into_iter().zip(1..) {
            let snapshot = compiled(&[seed; 300]).snapshot;
            let schema = if form == 3 && seed % 2 == 0 { 4 } else { SCHEMA };
            let whole = || split(&snapshot).map(|parts| parts.of(SCHEMA).to_vec());
            let parts = [3, 7, 15].get(form).map_or_else(whole, |count| cut(&snapshot, *count)).unwrap();
            let next = plan(live.as_ref().map(|(pointer, _)| pointer), &parts, revision, schema).unwrap();
            for (slot, part) in next.writes {
                stored.insert(slot, part);
                if let Some((pointer, snapshot)) = &live {
                    let held = |slot, _: &[u8; 32]| stored.get(&slot).map(|part: &Part| part.bytes.clone());
                    prop_assert_eq!(&open(pointer, held).unwrap(), snapshot);
                }
            }
            let held = |slot, _: &[u8; 32]| stored.get(&slot).map(|part: &Part| part.bytes.clone());
            prop_assert_eq!(&open(&next.pointer, held).unwrap(), &snapshot);
            prop_assert!(named(&next.pointer).iter().all(|slot| *slot < SLOTS));
            live = Some((next.pointer, snapshot));
        }
    }
}
