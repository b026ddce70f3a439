//! What was stored once is read for ever, schema by schema.

use super::*;

#[test]
fn what_an_older_release_stored_is_read() {
    let bytes = include_bytes!("../../../testdata/snapshot/schema-3");
    let pointer = Pointer::decode(bytes, &MacKey([3; 32])).unwrap();
    assert_eq!((pointer.schema, pointer.revision), (3, 7));
    let snapshot = open(&pointer, |_, _| None::<Vec<u8>>).unwrap();
    let text = serde_json::to_string_pretty(&snapshot).unwrap() + "\n";
    assert_eq!(text, include_str!("../../../testdata/snapshot/schema-3.json"));
}
