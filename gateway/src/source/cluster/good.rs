//! A snapshot as it was stored, with all that a table is made of; and what may
//! take its place.

use std::collections::BTreeMap;
use std::sync::Arc;

use crds::snapshot::stored::{Pointer, open};
use crds::snapshot::{Credentials, DecodeError, Snapshot};

use super::credentials::Wanted;
use super::keys::FleetKeys;
use crate::standing::Refused;
use crate::table::{RoutingTable, Version};

/// Parts that stand in slots, by digest.
pub(super) type Parts = BTreeMap<[u8; 32], Arc<[u8]>>;

/// Everything that a table is made of.
#[derive(Clone)]
pub(super) struct Good {
    /// By which it was authenticated.
    pub(super) keys: Arc<FleetKeys>,
    /// The pointer, as it was stored.
    pub(super) bytes: Arc<[u8]>,
    pub(super) pointer: Pointer,
    pub(super) parts: Parts,
    /// Of the servers, as far as they have arrived.
    pub(super) credentials: Credentials,
}

/// What a pointer that was offered is to the one that is known.
#[derive(Debug, Eq, PartialEq)]
pub(super) enum Verdict {
    /// The same.
    Same,
    /// One that takes its place.
    Newer(Pointer),
}

/// Whether a pointer may take the place of the last good one: it was made under the fleet's key, and its revision has
/// risen. A key that was replaced begins a new count: who may do that may do anything.
pub(super) fn judge(last: Option<&Good>, keys: &FleetKeys, bytes: &[u8]) -> Result<Verdict, Refused> {
    let pointer = Pointer::decode(bytes, &keys.mac);
    let pointer = pointer.map_err(|error| Refused::of_nobody(error.to_string()))?;
    let Some(last) = last.filter(|last| last.keys.mac.0 == keys.mac.0) else { return Ok(Verdict::Newer(pointer)) };
    let (offered, known) = (pointer.revision, last.pointer.revision);
    if *bytes == *last.bytes {
        Ok(Verdict::Same)
    } else if offered > known {
        Ok(Verdict::Newer(pointer))
    } else if offered == known {
        let reason = format!("the snapshot has revision {offered}, which is in force with another content");
        Err(Refused::of(offered, reason))
    } else {
        let reason = format!("the snapshot has revision {offered}, and {known} has been in force");
        Err(Refused::of(offered, reason))
    }
}

impl Good {
    /// The snapshot.
    pub(super) fn open(&self) -> Result<Snapshot, DecodeError> {
        open(&self.pointer, |_, digest| self.parts.get(digest))
    }

    /// The table of its snapshot. `header` overrides the settings' `clientSideAuthHeader`.
    pub(super) fn table(&self, mut snapshot: Snapshot, header: Option<&str>) -> RoutingTable {
        if let Some(name) = header {
            name.clone_into(&mut snapshot.settings.client_side_auth_header);
        }
        let version = Version::of(&self.pointer);
        RoutingTable::build(snapshot, &self.credentials, &self.keys.pepper, version)
    }

    /// What is said of it if it does not open.
    pub(super) fn refused(&self, error: &DecodeError) -> Refused {
        Refused::of(self.pointer.revision, error.to_string())
    }

    /// Whether `next` is the same but for callers that are denied beside those that this one denies.
    pub(super) fn only_denies_more(&self, next: &Pointer, keys: &FleetKeys) -> bool {
        self.keys.pepper.0 == keys.pepper.0
            && self.pointer.schema == next.schema
            && self.pointer.digest == next.digest
            && self.pointer.denied.iter().all(|id| next.denied.contains(id))
    }

    /// Those of the wanted credentials that have not arrived.
    pub(super) fn lacks(&self, wanted: &[Wanted]) -> Vec<Wanted> {
        let lacking = wanted.iter().filter(|wanted| !self.credentials.contains_key(&wanted.fingerprint));
        lacking.cloned().collect()
    }

    /// Takes over those of the wanted credentials that `before` has: they are named by all that they are made of.
    pub(super) fn inherit(&mut self, before: &Good, wanted: &[Wanted]) {
        let known = wanted.iter().filter_map(|wanted| before.credentials.get_key_value(&wanted.fingerprint));
        self.credentials.extend(known.map(|(fingerprint, secrets)| (*fingerprint, secrets.clone())));
    }
}

#[cfg(test)]
pub(super) mod tests {
    use std::fmt::Write as _;

    use crds::compile::{Compiled, Scope, compile};
    use crds::resources::{ParsedFile, merge};
    use crds::snapshot::stored::{plan, split};
    use crds::snapshot::{MacKey, SCHEMA};
    use sha2::{Digest, Sha256};

    use super::*;
    use crate::source::cluster::credentials::wanted;
    use crate::source::cluster::keys::tests::data;

    const NOW: i64 = 0;

    /// Compiles one server `ns/weather`, whose credential this is, and callers `ns/NAME` whose keys are their names.
    pub(in super::super) fn compiled(keys: &FleetKeys, credential: &str, callers: &[&str]) -> Compiled {
        let mut text = format!(
            "apiVersion: switchboard.dev/v1alpha1\nkind: McpServer\nmetadata: {{name: weather, namespace: ns}}\nspec: \
             {{http: {{url: 'http://weather.example/mcp', headers: [{{name: x-token, value: {credential}}}]}}}}\n"
        );
        for caller in callers {
            let sha256 = format!("{:x}", Sha256::digest(caller));
            write!(
                text,
                "---\napiVersion: switchboard.dev/v1alpha1\nkind: McpKeyBinding\nmetadata: {{name: {caller}, namespace: ns}}\n\
                 spec: {{subject: {{type: Key, keys: [{{name: k, sha256: {sha256}}}]}}, grants: {{servers: [{{name: weather}}]}}}}\n"
            )
            .unwrap();
        }
        let file = ParsedFile::parse("all.yaml", text.as_bytes()).unwrap();
        let merged = merge(&[&file]);
        let compiled = compile(&merged.resources, &Scope::Cluster { namespace: "ns".to_owned() }, &keys.pepper);
        let findings = merged.all_findings(&compiled.diagnostics);
        assert_eq!((compiled.snapshot.callers.len(), compiled.credentials.len()), (callers.len(), 1), "{findings:?}");
        compiled
    }

    /// As it is stored under a revision, denying nobody.
    pub(in super::super) fn stored(keys: &Arc<FleetKeys>, compiled: &Compiled, revision: u64) -> Good {
        let plan = plan(None, split(&compiled.snapshot).unwrap().of(SCHEMA), revision, SCHEMA).unwrap();
        let parts = plan.writes.into_iter().map(|(_, part)| (part.digest, part.bytes)).collect();
        let bytes = plan.pointer.encode(&keys.mac).into();
        let credentials = compiled.credentials.clone();
        Good { keys: keys.clone(), bytes, pointer: plan.pointer, parts, credentials }
    }

    pub(in super::super) fn keys() -> Arc<FleetKeys> {
        Arc::new(FleetKeys::read(data()).unwrap())
    }

    fn refused(last: &Good, keys: &FleetKeys, bytes: &[u8]) -> Refused {
        judge(Some(last), keys, bytes).unwrap_err()
    }

    #[test]
    fn a_pointer_whose_revision_rises_takes_the_place_of_the_last() {
        let keys = keys();
        let (one, two) = (compiled(&keys, "a", &["ann"]), compiled(&keys, "b", &["ann"]));
        let last = stored(&keys, &one, 7);
        assert_eq!(judge(Some(&last), &keys, &last.bytes), Ok(Verdict::Same));
        let next = stored(&keys, &two, 8);
        assert_eq!(judge(Some(&last), &keys, &next.bytes), Ok(Verdict::Newer(next.pointer.clone())));
        assert_eq!(judge(None, &keys, &last.bytes), Ok(Verdict::Newer(last.pointer.clone())), "any is the first");
        // What was in force before comes back with a new revision, as a rollback does.
        let back = stored(&keys, &one, 9);
        assert_eq!(judge(Some(&next), &keys, &back.bytes), Ok(Verdict::Newer(back.pointer.clone())));
    }

    #[test]
    fn what_is_old_other_altered_cut_or_foreign_is_refused() {
        let keys = keys();
        let (one, two) = (compiled(&keys, "a", &["ann"]), compiled(&keys, "b", &["ann"]));
        let last = stored(&keys, &one, 7);
        let reason = |bytes: &[u8]| (refused(&last, &keys, bytes).revision, refused(&last, &keys, bytes).reason);
        let (revision, why) = reason(&stored(&keys, &two, 6).bytes);
        assert_eq!((revision, why.as_str()), (Some(6), "the snapshot has revision 6, and 7 has been in force"));
        let (revision, why) = reason(&stored(&keys, &two, 7).bytes);
        assert!(revision == Some(7) && why.contains("another content"), "{why}");
        let mut denies_less =
            Good { pointer: Pointer { denied: vec!["ns/ann".into()], ..last.pointer.clone() }, ..last.clone() };
        denies_less.bytes = denies_less.pointer.encode(&keys.mac).into();
        assert!(refused(&denies_less, &keys, &last.bytes).reason.contains("another content"), "a denial is content");
        let next = stored(&keys, &two, 8);
        let cut = &next.bytes[..next.bytes.len() - 1];
        let mut altered = next.bytes.to_vec();
        *altered.last_mut().unwrap() ^= 1;
        let foreign = next.pointer.encode(&MacKey([9; 32]));
        for bytes in [cut, &altered, &foreign] {
            let (revision, why) = reason(bytes);
            assert!(revision.is_none() && why.contains("authentication code is wrong"), "{why}");
        }
        assert!(reason(b"").1.contains("not a snapshot"));
    }

    #[test]
    fn keys_that_were_replaced_begin_a_new_count() {
        let old = keys();
        let last = stored(&old, &compiled(&old, "a", &["ann"]), 7);
        let mut data = data();
        data.insert("mac".to_owned(), vec![8; 32]);
        let new = Arc::new(FleetKeys::read(data).unwrap());
        let first = stored(&new, &compiled(&new, "a", &["ann"]), 1);
        assert_eq!(judge(Some(&last), &new, &first.bytes), Ok(Verdict::Newer(first.pointer.clone())));
        assert!(
            refused(&last, &new, &last.bytes).reason.contains("authentication code is wrong"),
            "the old is foreign"
        );
    }

    #[test]
    fn r42_a_pointer_that_only_denies_more_needs_no_other_table() {
        let keys = keys();
        let good = stored(&keys, &compiled(&keys, "a", &["ann", "bob"]), 7);
        let next = |denied: &[&str]| Pointer {
            revision: 8,
            denied: denied.iter().map(ToString::to_string).collect(),
            ..good.pointer.clone()
        };
        assert!(good.only_denies_more(&next(&["ns/ann"]), &keys));
        let denies = Good { pointer: next(&["ns/ann"]), ..good.clone() };
        assert!(denies.only_denies_more(&next(&["ns/bob", "ns/ann"]), &keys));
        assert!(!denies.only_denies_more(&next(&[]), &keys), "who is somebody again needs a table that has them");
        let other = stored(&keys, &compiled(&keys, "a", &["bob"]), 8);
        assert!(!good.only_denies_more(&other.pointer, &keys));
        let table = denies.table(denies.open().unwrap(), None);
        assert!(table.identity_of(b"ann", NOW).is_none() && table.identity_of(b"bob", NOW).is_some());
        assert_eq!((table.version.revision, table.version.digest), (8, good.pointer.digest));
    }

    #[test]
    fn a_server_without_its_credential_is_off_and_alone_so() {
        let keys = keys();
        let whole = stored(&keys, &compiled(&keys, "a", &["ann"]), 7);
        let mut good = Good { credentials: Credentials::new(), ..whole.clone() };
        let snapshot = || whole.open().unwrap();
        let table = good.table(snapshot(), Some("authorization"));
        assert_eq!((table.pending(), table.snapshot.servers[0].off), (1, true));
        assert!(table.identity_of(b"ann", NOW).is_some(), "grants do not wait");
        assert_eq!(table.snapshot.settings.client_side_auth_header, "authorization");
        let wanted = wanted(&snapshot());
        assert_eq!(good.lacks(&wanted), wanted);
        good.inherit(&whole, &wanted);
        assert_eq!(good.lacks(&wanted), []);
        assert_eq!(good.table(snapshot(), None).pending(), 0);
    }
}
