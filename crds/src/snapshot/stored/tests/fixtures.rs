//! What an older release stored is read, and read as it was meant: `crds/testdata/snapshot`. These bytes are never
//! written anew; a schema gets them once, when it is made.

use super::*;

const IN_SLOTS: [&[u8]; 4] = [
    include_bytes!("../../../../testdata/snapshot/schema-4-slots/00"),
    include_bytes!("../../../../testdata/snapshot/schema-4-slots/01"),
    include_bytes!("../../../../testdata/snapshot/schema-4-slots/02"),
    include_bytes!("../../../../testdata/snapshot/schema-4-slots/03"),
];

/// The snapshot that all of them hold.
fn meant() -> Snapshot {
    serde_json::from_str(include_str!("../../../../testdata/snapshot/snapshot.json")).unwrap()
}

#[test]
fn schema_3_is_read_and_still_written() {
    let bytes = include_bytes!("../../../../testdata/snapshot/schema-3");
    let pointer = Pointer::decode(bytes, &key()).unwrap();
    assert_eq!((pointer.schema, pointer.revision, &pointer.denied[..]), (3, 7, &[][..]));
    assert_eq!(open(&pointer, |_, _| None::<Vec<u8>>).unwrap(), meant());
    let now = plan(None, split(&meant()).unwrap(), 7, 3).unwrap().pointer;
    assert_eq!((now.revision, now.digest), (7, pointer.digest));
}

#[test]
fn schema_4_is_read_in_one_part() {
    let pointer = Pointer::decode(include_bytes!("../../../../testdata/snapshot/schema-4"), &key()).unwrap();
    assert_eq!((pointer.schema, pointer.revision), (4, 8));
    assert_eq!(open(&pointer, |_, _| None::<Vec<u8>>).unwrap(), meant());
}

#[test]
fn schema_4_is_read_from_slots_but_for_whom_it_denies() {
    let bytes = include_bytes!("../../../../testdata/snapshot/schema-4-slots/pointer");
    let pointer = Pointer::decode(bytes, &key()).unwrap();
    assert_eq!((pointer.schema, pointer.revision, &pointer.denied[..]), (4, 9, &["tools/ada".to_owned()][..]));
    let opened = open(&pointer, |slot, _| IN_SLOTS.get(usize::from(slot))).unwrap();
    let mut meant = meant();
    meant.callers.retain(|caller| caller.id != "tools/ada");
    assert_eq!(opened, meant);
}
