//! Bytes that no writer of ours made, although they inflate: never a panic, never a snapshot that contradicts itself.

use proptest::prelude::{any, prop_assert, prop_assert_eq, proptest};
use proptest::sample::Index;

use super::*;
use crate::snapshot::stored::bucket::Bucket;
use crate::snapshot::stored::packed::{deflate, inflate, json, parse};
use crate::snapshot::stored::split::cut;
use crate::snapshot::{ByKind, Caller, Group, Inconsistent};

/// Where it is found, and what breaks it.
type Broken<T> = (&'static str, fn(&mut T));

/// A snapshot with something in each table.
fn sample() -> Snapshot {
    let pointer = Pointer::decode(include_bytes!("../../../../testdata/snapshot/schema-4"), &key()).unwrap();
    open(&pointer, |_, _| None::<Vec<u8>>).unwrap()
}

fn packed(value: &impl serde::Serialize) -> Vec<u8> {
    deflate(&json(value), usize::MAX).unwrap()
}

fn place(result: Result<Snapshot, DecodeError>) -> String {
    match result {
        Err(DecodeError::Inconsistent(Inconsistent(place))) => place,
        other => panic!("taken, or refused for something else: {other:?}"),
    }
}

#[test]
fn r13_inflation_is_bounded() {
    let bomb = deflate(&vec![b' '; 1 << 20], usize::MAX).unwrap();
    assert!(matches!(inflate(&bomb, 1 << 10), Err(DecodeError::TooLarge)));
    assert_eq!(inflate(&bomb, 1 << 20).unwrap().len(), 1 << 20);
    assert!(matches!(join(&[b"\xff\xff"]), Err(DecodeError::Inflate(_))));
    assert!(matches!(join(&[&packed(&"else")]), Err(DecodeError::Parse(_))));
    assert_eq!(place(join(&[])), "parts");
}

#[test]
fn a_whole_that_contradicts_itself_is_refused() {
    let broken: [Broken<Snapshot>; 12] = [
        ("patterns[0]", |it| it.patterns[0] = vec!["b".to_owned(), "a".to_owned()]),
        ("filters[1]", |it| it.filters[1] = vec![2]),
        // No such server; a filter out of range, of any kind; a server of which nothing is given.
        ("access[0]", |it| it.access[0] = vec![(3, ByKind::all(Some(0)))]),
        ("access[0]", |it| it.access[0] = vec![(0, ByKind { resources: Some(2), ..ByKind::all(Some(0)) })]),
        ("access[0]", |it| it.access[0] = vec![(0, ByKind::all(None))]),
        ("access[0]", |it| it.access[0] = vec![(1, ByKind::all(Some(0))), (0, ByKind::all(Some(0)))]),
        ("servers[0]", |it| it.servers[0].filters.prompts.deny = Some(2)),
        ("callers[0]", |it| it.callers[0].access = 5),
        ("callers[0]", |it| it.callers[0].namespace = 2),
        ("callers", |it| it.callers.push(it.callers[0].clone())),
        ("anonymous[0]", |it| it.anonymous = Some(Caller { access: 7, ..it.callers[0].clone() })),
        ("groups[2]", |it| it.groups.push(Group { admits: vec![3], ..it.groups[0].clone() })),
    ];
    for (number, (at, broken)) in broken.into_iter().enumerate() {
        let mut snapshot = sample();
        broken(&mut snapshot);
        assert_eq!(place(join(&[&packed(&snapshot)])), at, "{number}");
    }
}

#[test]
fn a_bucket_that_names_what_is_not_there_is_refused() {
    let broken: [Broken<Bucket>; 8] = [
        ("patterns[1]", |it| it.patterns.push(vec!["b".to_owned(), "a".to_owned()])),
        ("filters", |it| it.filters.push(vec![9])),
        ("access", |it| it.access.push(vec![(0, ByKind::all(Some(9)))])),
        ("access[5]", |it| it.access.push(vec![(9, ByKind::all(Some(0)))])),
        ("namespaces", |it| it.namespaces.push(("new".to_owned(), vec![2]))),
        ("callers", |it| it.callers[0].access = 9),
        ("callers", |it| it.callers[0].namespace = 9),
        ("callers", |it| it.callers.push(it.callers[0].clone())),
    ];
    let parts = cut(&sample(), 3).unwrap();
    let bucket = |part: &Part| parse::<Bucket>(&inflate(&part.bytes, INFLATED_LIMIT).unwrap()).unwrap();
    let full = parts[1..].iter().position(|part| !bucket(part).callers.is_empty()).unwrap() + 1;
    for (number, (at, broken)) in broken.into_iter().enumerate() {
        let mut bucket = bucket(&parts[full]);
        broken(&mut bucket);
        let broken = packed(&bucket);
        let parts: Vec<&[u8]> =
            parts.iter().enumerate().map(|(at, part)| if at == full { &broken[..] } else { &part.bytes }).collect();
        assert_eq!(place(join(&parts)), at, "{number}");
    }
}

#[test]
fn parts_in_another_order_are_refused() {
    let parts = cut(&sample(), 3).unwrap();
    assert!(matches!(join(&[&parts[1].bytes, &parts[0].bytes]), Err(DecodeError::Parse(_))));
    assert!(matches!(join(&[&parts[0].bytes, &parts[0].bytes]), Err(DecodeError::Parse(_))));
}

proptest! {
    #[test]
    fn other_numbers_than_were_written_never_panic(
        part in 0..4_usize,
        digits in proptest::collection::vec((any::<Index>(), b'0'..=b'9'), 1..6),
    ) {
        let mut parts: Vec<Vec<u8>> = cut(&sample(), 3).unwrap().iter().map(|part| part.bytes.to_vec()).collect();
        let mut text = inflate(&parts[part], INFLATED_LIMIT).unwrap();
        let places: Vec<usize> = (0..text.len()).filter(|at| text[*at].is_ascii_digit()).collect();
        for (at, digit) in digits {
            if !places.is_empty() {
                text[places[at.index(places.len())]] = digit;
            }
        }
        parts[part] = deflate(&text, usize::MAX).unwrap();
        if let Ok(snapshot) = join(&parts.iter().map(Vec::as_slice).collect::<Vec<_>>()) {
            prop_assert_eq!(snapshot.check(), Ok(()));
        }
    }

    #[test]
    fn bytes_that_inflate_by_chance_never_panic(bytes in proptest::collection::vec(any::<u8>(), 0..400)) {
        prop_assert!(join(&[&bytes]).is_err());
        let parts = cut(&sample(), 3).unwrap();
        prop_assert!(join(&[&parts[0].bytes, &bytes]).is_err());
    }
}
