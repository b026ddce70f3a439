//! The snapshot as a gateway reads it: by pointer, slots and credentials, each
//! authenticated, and never one that is older than what is in force.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use crds::compile::Pepper;
use crds::digest::key_digest;
use crds::snapshot::stored::{MacKey, Pointer, credential_slot, open, verify_secrets};
use crds::snapshot::{Secrets, Snapshot};
use k8s_openapi::api::core::v1::{ConfigMap, Secret};
use kube::Api;

use crate::release::Release;

/// A snapshot that is in force.
#[derive(Clone)]
pub(crate) struct InForce {
    pub(crate) revision: u64,
    pub(crate) schema: u32,
    /// How many parts it came in.
    pub(crate) parts: usize,
    pub(crate) snapshot: Arc<Snapshot>,
    /// Of the servers that have some, by id: those whose secrets are there and genuine.
    pub(crate) secrets: BTreeMap<String, Secrets>,
    pepper: Pepper,
}

/// Reads snapshots of a release.
pub(crate) struct Reader {
    maps: Api<ConfigMap>,
    secrets: Api<Secret>,
    prefix: String,
}

impl InForce {
    /// Whether somebody with this key is known.
    pub(crate) fn knows(&self, key: &str) -> bool {
        let digest = key_digest(&self.pepper, key.as_bytes());
        self.snapshot.callers.iter().flat_map(|caller| &caller.keys).any(|key| key.digest == digest)
    }

    /// Ids of the servers.
    pub(crate) fn servers(&self) -> Vec<&str> {
        self.snapshot.servers.iter().map(|server| server.id.as_str()).collect()
    }
}

impl Reader {
    pub(crate) fn of(release: &Release) -> Self {
        Self { maps: release.config_maps(), secrets: release.secrets(), prefix: release.named("") }
    }

    fn name(&self, suffix: &str) -> String {
        format!("{}{suffix}", self.prefix)
    }

    /// The token of the fleet, once there is one.
    pub(crate) async fn token(&self) -> Option<String> {
        String::from_utf8(self.keys().await?.get("fleet-token")?.clone()).ok()
    }

    async fn keys(&self) -> Option<BTreeMap<String, Vec<u8>>> {
        let secret = self.secrets.get_opt(&self.name("keys")).await.ok()??;
        Some(secret.data?.into_iter().map(|(name, value)| (name, value.0)).collect())
    }

    async fn bytes(&self, name: &str, entry: &str) -> Option<Vec<u8>> {
        let map = self.maps.get_opt(name).await.ok()??;
        Some(map.binary_data?.remove(entry)?.0)
    }

    /// What is offered, if it can be read, all of it is authentic, and it is newer than `before`.
    pub(crate) async fn read(&self, before: u64) -> Option<InForce> {
        let keys = self.keys().await?;
        let key = |name: &str| <[u8; 32]>::try_from(keys.get(name)?.as_slice()).ok();
        let (pepper, mac) = (Pepper(key("pepper")?), MacKey(key("mac")?));
        let bytes = self.bytes(&self.name("snapshot"), "pointer").await?;
        let pointer = Pointer::decode(&bytes, &mac).ok()?;
        if pointer.revision <= before {
            return None;
        }
        let mut slots = BTreeMap::new();
        for slot in pointer.parts.iter().filter_map(|part| part.slot) {
            slots.insert(slot, self.bytes(&self.name(&format!("snapshot-{slot:02}")), "part").await?);
        }
        let snapshot = open(&pointer, |slot, _| slots.get(&slot)).ok()?;
        let secrets = self.secrets_of(&snapshot, &pepper).await;
        let (revision, schema, parts) = (pointer.revision, pointer.schema, pointer.parts.len());
        Some(InForce { revision, schema, parts, snapshot: Arc::new(snapshot), secrets, pepper })
    }

    async fn secrets_of(&self, snapshot: &Snapshot, pepper: &Pepper) -> BTreeMap<String, Secrets> {
        let named: Vec<_> = snapshot.servers.iter().filter_map(|it| Some((&it.id, it.credential?))).collect();
        let mut entries = BTreeMap::new();
        for slot in named.iter().map(|(_, fingerprint)| credential_slot(fingerprint)).collect::<BTreeSet<_>>() {
            let found = self.secrets.get_opt(&self.name(&format!("credentials-{slot:02}"))).await;
            entries.extend(found.ok().flatten().and_then(|secret| secret.data).unwrap_or_default());
        }
        let genuine = named.into_iter().filter_map(|(server, fingerprint)| {
            let secrets: Secrets = serde_json::from_slice(&entries.get(&fingerprint.to_string())?.0).ok()?;
            verify_secrets(pepper, server, &secrets, &fingerprint).then(|| (server.clone(), secrets))
        });
        genuine.collect()
    }

    /// How many entries the Secrets of credentials have.
    pub(crate) async fn credential_entries(&self) -> usize {
        let mut count = 0;
        for slot in 0..16 {
            let found = self.secrets.get_opt(&self.name(&format!("credentials-{slot:02}"))).await;
            count += found.ok().flatten().and_then(|secret| secret.data).map_or(0, |data| data.len());
        }
        count
    }
}
