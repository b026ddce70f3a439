//! Callers of a snapshot who are nobody any more, though it still has them: a
//! revocation that does not wait for the next snapshot (R42).

use crds::snapshot::Snapshot;

/// Who is denied. While that is nobody, asking costs a look at a length.
#[derive(Debug, Default)]
pub(super) struct Denied {
    /// Positions among the snapshot's callers, in rising order.
    callers: Vec<u32>,
    anonymous: bool,
}

impl Denied {
    /// Those of the snapshot who have these ids. Others are nobody already.
    pub(super) fn new(snapshot: &Snapshot, ids: &[String]) -> Self {
        let mut callers: Vec<u32> = ids.iter().filter_map(|id| position(snapshot, id)).collect();
        callers.sort_unstable();
        let anonymous = snapshot.anonymous.as_ref().is_some_and(|anonymous| ids.contains(&anonymous.id));
        Self { callers, anonymous }
    }

    /// Whether the caller with keys at this position is.
    pub(super) fn has(&self, caller: u32) -> bool {
        !self.callers.is_empty() && self.callers.binary_search(&caller).is_ok()
    }

    /// Whether the caller without a credential is.
    pub(super) fn has_anonymous(&self) -> bool {
        self.anonymous
    }
}

/// Where the caller with keys of this id stands.
pub(super) fn position(snapshot: &Snapshot, id: &str) -> Option<u32> {
    let found = snapshot.callers.binary_search_by(|caller| caller.id.as_str().cmp(id)).ok()?;
    u32::try_from(found).ok()
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use crds::compile::{Pepper, Scope, compile};
    use crds::resources::{ParsedFile, merge};
    use crds::snapshot::Credentials;
    use sha2::{Digest, Sha256};

    use crate::identify::{Identity, Who};
    use crate::networks::Side;
    use crate::table::{RoutingTable, Version};

    const NOW: i64 = 0;

    /// Callers `ns/a`, `ns/b` and `ns/c` with the keys `a`, `b` and `c`, and `ns/open` without one.
    fn table() -> RoutingTable {
        let subject = |name: &str, spec: &str| {
            format!(
                "---\napiVersion: switchboard.dev/v1alpha1\nkind: McpKeyBinding\nmetadata: {{name: {name}, namespace: ns}}\nspec: {{subject: {spec}}}\n"
            )
        };
        let keyed = ["a", "b", "c"].map(|name| {
            let digest = format!("{:x}", Sha256::digest(name));
            subject(name, &format!("{{type: Key, keys: [{{name: k, sha256: {digest}}}]}}"))
        });
        let text = keyed.concat() + &subject("open", "{type: Anonymous}");
        let file = ParsedFile::parse("file.yaml", text.as_bytes()).unwrap();
        let pepper = Pepper([1; 32]);
        let merged = merge(&[&file]);
        let compiled = compile(&merged.resources, &Scope::Local, &pepper);
        assert_eq!(compiled.snapshot.callers.len(), 3, "{:?}", merged.all_findings(&compiled.diagnostics));
        let credentials: Credentials = BTreeMap::new();
        RoutingTable::build(compiled.snapshot, &credentials, &pepper, Version { revision: 1, ..Version::default() })
    }

    fn known(table: &RoutingTable) -> Vec<&'static str> {
        let keys = ["a", "b", "c"].into_iter().filter(|key| table.identity_of(key.as_bytes(), NOW).is_some());
        keys.chain(table.anonymous(NOW).map(|_| "open")).collect()
    }

    fn knows(table: &RoutingTable, id: &str) -> bool {
        table.caller_by_id(id, Side::Outside).is_some()
    }

    #[test]
    fn r42_who_is_denied_is_nobody_and_all_others_are_who_they_were() {
        let table = table();
        assert_eq!(known(&table), ["a", "b", "c", "open"]);
        let held = Identity { who: table.identity_of(b"b", NOW).unwrap(), side: Side::Outside };
        let denying = table.denying(2, &["ns/b".to_owned(), "ns/gone".to_owned()]);
        assert_eq!((known(&denying), denying.version.revision), (vec!["a", "c", "open"], 2));
        assert!(denying.still(&held, "ns/b", NOW).is_none(), "what is held open ends");
        assert!(!knows(&denying, "ns/b") && knows(&denying, "ns/a"));
        assert!(denying.knows_key(b"b"), "the key still identifies, and is not sent to a server");
        let denying = denying.denying(3, &["ns/open".to_owned()]);
        assert_eq!(known(&denying), ["a", "b", "c"], "who is no longer on the list is somebody again");
        let open = Identity { who: Who::Anonymous, side: Side::Outside };
        assert!(denying.still(&open, "ns/open", NOW).is_none());
        assert!(!knows(&denying, "ns/open"));
    }
}
