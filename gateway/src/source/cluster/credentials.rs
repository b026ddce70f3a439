//! The secret values of servers: which a snapshot needs, and which of those
//! that are stored they are.

use std::collections::BTreeMap;

use crds::compile::Pepper;
use crds::snapshot::stored::verify_secrets;
use crds::snapshot::{Credentials, Fingerprint, Secrets, Snapshot};

/// The credential of a server.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(super) struct Wanted {
    /// `namespace/name`.
    pub(super) server: String,
    /// What it is stored by.
    pub(super) fingerprint: Fingerprint,
}

/// What came of asking for some.
#[derive(Debug, Default)]
pub(super) struct Found {
    /// Those that are there, each verified.
    pub(super) arrived: Credentials,
    /// Why others are not, for people; none: they are not there.
    pub(super) trouble: Option<String>,
}

/// The credentials that a snapshot's servers need.
pub(super) fn wanted(snapshot: &Snapshot) -> Vec<Wanted> {
    let servers = snapshot.servers.iter().filter(|server| !server.off);
    let wanted =
        servers.filter_map(|server| Some(Wanted { server: server.id.clone(), fingerprint: server.credential? }));
    wanted.collect()
}

impl Found {
    /// Takes those of a slot's entries (JSON by fingerprint) that are what the snapshot names for these servers. Others,
    /// forged or swapped, are as good as none.
    pub(super) fn take(&mut self, pepper: &Pepper, wanted: &[Wanted], entries: &BTreeMap<String, Vec<u8>>) {
        for Wanted { server, fingerprint } in wanted {
            let Some(entry) = entries.get(&fingerprint.to_string()) else { continue };
            let secrets = serde_json::from_slice::<Secrets>(entry).ok();
            let secrets = secrets.filter(|secrets| verify_secrets(pepper, server, secrets, fingerprint));
            if let Some(secrets) = secrets {
                self.arrived.insert(*fingerprint, secrets);
            } else {
                let why = format!("what is stored as the credential of the McpServer {server} is something else");
                self.trouble = Some(why);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::source::cluster::good::tests::{compiled, keys, stored};

    #[test]
    fn a_credential_that_was_forged_or_swapped_is_as_good_as_none() {
        let keys = keys();
        let good = stored(&keys, &compiled(&keys, "a", &["ann"]), 7);
        let wanted = wanted(&good.open().unwrap());
        let found = |entry: Vec<u8>| {
            let mut found = Found::default();
            found.take(&keys.pepper, &wanted, &BTreeMap::from([(wanted[0].fingerprint.to_string(), entry)]));
            found
        };
        let right = good.credentials.values().next().unwrap();
        let entry = |secrets: &Secrets| serde_json::to_vec(secrets).unwrap();
        let arrived = found(entry(right));
        assert_eq!((&arrived.arrived, arrived.trouble), (&good.credentials, None));
        let swapped = Secrets { url: Some("http://evil.example/mcp".to_owned()), ..right.clone() };
        for entry in [entry(&swapped), b"{".to_vec(), Vec::new()] {
            let found = found(entry);
            assert!(found.arrived.is_empty() && found.trouble.unwrap().contains("ns/weather"));
        }
    }
}
