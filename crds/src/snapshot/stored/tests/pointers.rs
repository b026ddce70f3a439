//! A pointer's bytes, and what a snapshot is opened to.

use proptest::prelude::{any, prop_assert, prop_assert_eq, proptest};
use proptest::sample::Index;

use super::*;
use crate::snapshot::stored::split::cut;

/// One pointer of each kind: in slots, and with its part.
fn pointers(snapshot: &Snapshot) -> [Plan; 2] {
    let whole = split(snapshot).unwrap();
    [plan(None, &cut(snapshot, 3).unwrap(), 42, SCHEMA).unwrap(), plan(None, whole.of(SCHEMA), 42, SCHEMA).unwrap()]
}

fn is_refused(bytes: &[u8]) -> bool {
    Pointer::decode(bytes, &key()).is_err()
}

#[test]
fn bytes_begin_with_a_line_for_people_and_are_the_same_each_time() {
    for stored in pointers(&compiled(&[9; 99]).snapshot) {
        let bytes = stored.pointer.encode(&key());
        assert_eq!(bytes, stored.pointer.encode(&key()));
        let line = str::from_utf8(bytes.split(|byte| *byte == b'\n').next().unwrap()).unwrap();
        assert!(line.starts_with("switchboard-snapshot schema=5 revision=42 sha256="), "{line}");
        assert_eq!(Pointer::decode(&bytes, &key()).unwrap(), stored.pointer);
    }
}

#[test]
fn every_bit_of_a_pointer_counts() {
    for stored in pointers(&compiled(&[9; 99]).snapshot) {
        let bytes = stored.pointer.encode(&key());
        for at in 0..bytes.len() * 8 {
            let mut flipped = bytes.clone();
            flipped[at / 8] ^= 1 << (at % 8);
            assert!(is_refused(&flipped), "bit {at}");
        }
        for length in 0..bytes.len() {
            assert!(is_refused(&bytes[..length]), "cut to {length}");
        }
        assert!(is_refused(&[&bytes[..], b"x"].concat()));
        assert!(matches!(Pointer::decode(&bytes, &MacKey([4; 32])), Err(DecodeError::Forged)));
    }
}

#[test]
fn no_schema_is_taken_for_another() {
    let [slots, ..] = pointers(&Snapshot::default());
    let relabelled =
        |schema: &[u8]| [b"switchboard-snapshot schema=", schema, &slots.pointer.encode(&key())[29..]].concat();
    assert!(!is_refused(&relabelled(b"5")));
    assert!(matches!(Pointer::decode(&relabelled(b"4"), &key()), Err(DecodeError::Forged)));
    for other in ["3", "6"] {
        assert_eq!(
            Pointer::decode(&relabelled(other.as_bytes()), &key()).unwrap_err().to_string(),
            format!(
                "the snapshot has schema {other}, this build reads schemas 4 and 5: bring both to the same release"
            )
        );
    }
}

#[test]
fn one_snapshot_has_one_digest_wherever_it_stands() {
    let snapshot = compiled(&[9; 99]).snapshot;
    let cut = cut(&snapshot, 3).unwrap();
    let live = plan(None, &cut, 1, SCHEMA).unwrap().pointer;
    let mut moved = live.clone();
    moved.parts.iter_mut().for_each(|part| part.slot = part.slot.map(|slot| slot + 16));
    assert_eq!(plan(Some(&moved), &cut, 2, SCHEMA).unwrap().pointer.digest, live.digest);
}

#[test]
fn r42_a_denied_caller_is_nobody_at_once() {
    let snapshot = compiled(&[0; 900]).snapshot;
    let denied = snapshot.callers[0].id.clone();
    for mut stored in pointers(&snapshot) {
        stored.pointer.denied = vec![denied.clone(), "no/such".to_owned()];
        let pointer = Pointer::decode(&stored.pointer.encode(&key()), &key()).unwrap();
        let opened = open(&pointer, slots(&stored)).unwrap();
        assert_eq!(opened.callers, snapshot.callers[1..]);
        assert_eq!(opened.check(), Ok(()));
    }
}

#[test]
fn r42_the_deny_list_is_short() {
    let [mut stored, ..] = pointers(&Snapshot::default());
    stored.pointer.denied = (0..100).map(|number| format!("ns/{number}")).collect();
    let pointer = Pointer::decode(&stored.pointer.encode(&key()), &key()).unwrap();
    assert_eq!(pointer.denied, stored.pointer.denied[..DENIED_LIMIT]);
}

#[test]
fn the_anonymous_caller_can_be_denied_too() {
    let seeds = (0..=u8::MAX).map(|seed| compiled(&[seed; 300]).snapshot);
    let mut snapshot = seeds.into_iter().find(|snapshot| snapshot.anonymous.is_some()).unwrap();
    let id = snapshot.anonymous.as_ref().unwrap().id.clone();
    snapshot.deny(&[id]);
    assert_eq!(snapshot.anonymous, None);
}

proptest! {
    #[test]
    fn opening_undoes_storing(seed in proptest::collection::vec(any::<u8>(), 0..900)) {
        let snapshot = compiled(&seed).snapshot;
        for stored in pointers(&snapshot) {
            let pointer = Pointer::decode(&stored.pointer.encode(&key()), &key()).unwrap();
            prop_assert_eq!(&open(&pointer, slots(&stored)).unwrap(), &snapshot);
        }
    }

    #[test]
    fn a_part_that_is_not_the_named_one_is_not_taken(
        seed in proptest::collection::vec(any::<u8>(), 0..900),
        (which, bit) in any::<(Index, Index)>(),
        cut in any::<bool>(),
    ) {
        let [mut stored, ..] = pointers(&compiled(&seed).snapshot);
        let other = stored.writes[0].1.bytes.clone();
        let at = which.index(stored.writes.len());
        let (slot, part) = &mut stored.writes[at];
        let slot = *slot;
        let mut bytes = part.bytes.to_vec();
        let bit = bit.index(bytes.len() * 8);
        if cut { bytes.truncate(bit / 8) } else { bytes[bit / 8] ^= 1 << (bit % 8) }
        part.bytes = bytes.into();
        let missing = |result: Result<Snapshot, DecodeError>| matches!(result, Err(DecodeError::PartMissing { slot: at }) if at == slot);
        prop_assert!(missing(open(&stored.pointer, slots(&stored))), "altered");
        let mut held = slots(&stored);
        prop_assert!(missing(open(&stored.pointer, |at, digest| held(at, digest).filter(|_| at != slot))), "not there");
        if at > 0 {
            let swapped = open(&stored.pointer, |it, digest| if it == slot { Some(other.clone()) } else { held(it, digest) });
            prop_assert!(missing(swapped), "another part's");
        }
    }

    #[test]
    fn any_bytes_are_refused(bytes in proptest::collection::vec(any::<u8>(), 0..300)) {
        prop_assert!(is_refused(&bytes));
        let line = format!("switchboard-snapshot schema=5 revision=1 sha256={}\n", "0".repeat(64));
        prop_assert!(is_refused(&[line.as_bytes(), &bytes].concat()));
    }
}
