//! What an older release stored is read, and read as it was meant: `crds/testdata/snapshot`. These bytes are never
//! written anew; a schema gets them once, when it is made.

use super::*;
use crate::snapshot::{Caller, Cost, Nanos, TokenSubject};

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
fn schema_4_is_read_in_one_part_and_still_written() {
    let pointer = Pointer::decode(include_bytes!("../../../../testdata/snapshot/schema-4"), &key()).unwrap();
    assert_eq!((pointer.schema, pointer.revision), (4, 8));
    assert_eq!(open(&pointer, |_, _| None::<Vec<u8>>).unwrap(), meant());
    let now = plan(None, split(&meant()).unwrap().of(4), 8, 4).unwrap().pointer;
    assert_eq!(now, pointer);
}

#[test]
fn schema_4_has_all_but_tokens_and_costs() {
    let mut with_more = meant();
    with_more.servers[0].cost = Some(Cost { per_call: Nanos(10_000_000), per_tool: Vec::new() });
    with_more.settings.currency = Some("EUR".to_owned());
    with_more.settings.public_url = Some("https://mcp.example.com".to_owned());
    with_more.callers.push(Caller {
        id: "tools/zoe".to_owned(),
        keys: Vec::new(),
        token: Some(TokenSubject::User("zoe".to_owned())),
        ..with_more.callers[0].clone()
    });
    let parts = split(&with_more).unwrap();
    assert_eq!(joined(parts.of(4)).unwrap(), meant());
    assert_eq!(joined(parts.of(5)).unwrap(), with_more);
    assert_eq!(split(&meant()).unwrap().of(4), split(&meant()).unwrap().of(5), "where there are none, it is the same");
}

/// Who reads schema 4 knows nothing of addresses: to them such a server is off, and not everybody's.
#[test]
fn schema_4_has_no_server_for_internal_networks() {
    let mut with_internal = meant();
    with_internal.servers[0].internal = true;
    with_internal.settings.trusted_proxies = vec!["192.0.2.0/24".to_owned()];
    with_internal.settings.internal_networks = Some(vec!["10.0.0.0/8".to_owned()]);
    let parts = split(&with_internal).unwrap();
    let mut expected = meant();
    assert!(!expected.servers[0].off);
    expected.servers[0].off = true;
    assert_eq!(joined(parts.of(4)).unwrap(), expected);
    assert_eq!(joined(parts.of(5)).unwrap(), with_internal);
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
