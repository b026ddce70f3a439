//! The servers' secrets, in Secrets: added before the pointer that needs them,
//! removed once no pod needs them any more.

use std::collections::BTreeMap;

use crds::snapshot::Credentials;
use crds::snapshot::stored::{CREDENTIAL_SLOTS, credential_slot};

use super::Publisher;
use super::held::Data;
use crate::api::WriteError;
use crate::release::Own;

/// The largest Secret, in bytes of its entries: the apiserver takes no more than 1 MiB.
const LARGEST: usize = 1000 << 10;

impl Publisher {
    /// Adds what is needed and not there. What cannot be added does not keep others from being.
    pub(super) async fn add_credentials(&mut self, credentials: &Credentials) -> Result<(), WriteError> {
        let mut failure = Ok(());
        for (slot, needed) in by_slot(credentials) {
            let own = Own::Credentials(slot);
            let Some(target) = self.target(own, needed) else {
                self.held.is_right(own);
                continue;
            };
            let added = match size(&target) {
                ..=LARGEST => self.put(own, &target, &BTreeMap::new()).await,
                size => Err(WriteError::Refused(format!("its credentials take {size} bytes, more than {LARGEST}"))),
            };
            if let Err(error) = added {
                let name = self.writer.release.own(own);
                tracing::warn!("credentials are not written, and servers wait for them: {name}: {error}");
                failure = Err(error);
            }
        }
        failure
    }

    /// Removes what nothing needs any more. To be called once every pod runs what `credentials` belong to.
    pub(super) async fn remove_credentials(&mut self, credentials: &Credentials) -> Result<(), WriteError> {
        let needed = by_slot(credentials);
        for slot in 0..CREDENTIAL_SLOTS {
            let own = Own::Credentials(slot);
            let Some(held) = self.held.get(own) else { continue };
            let is_needed = |name: &&String| needed.get(&slot).is_some_and(|needed| needed.contains_key(*name));
            let gone: Vec<String> = held.data.keys().filter(|name| !is_needed(name)).cloned().collect();
            if gone.is_empty() {
                continue;
            }
            match self.writer.remove(own, &gone, held).await {
                Ok(stored) => {
                    self.metrics.wrote(own.as_str());
                    self.held.wrote(own, stored);
                }
                Err(error) => {
                    self.failed(own, &error).await;
                    return Err(error);
                }
            }
        }
        Ok(())
    }

    /// What a slot must hold, if it does not: what is needed, and what pods may still need.
    fn target(&self, own: Own, needed: Data) -> Option<Data> {
        let held = self.held.get(own);
        let has = |(name, value): (&String, &Vec<u8>)| held.is_some_and(|held| held.data.get(name) == Some(value));
        let marked = held.is_some_and(|held| self.writer.companion.marks(&held.metadata, &BTreeMap::new()));
        if marked && needed.iter().all(has) {
            return None;
        }
        let mut both = held.map(|held| held.data.clone()).unwrap_or_default();
        both.extend(needed.iter().map(|(name, value)| (name.clone(), value.clone())));
        Some(if size(&both) > LARGEST { needed } else { both })
    }
}

fn size(data: &Data) -> usize {
    data.iter().map(|(name, value)| name.len() + value.len()).sum()
}

/// The entries of each slot that has some.
fn by_slot(credentials: &Credentials) -> BTreeMap<u8, Data> {
    let mut slots = BTreeMap::<u8, Data>::new();
    for (fingerprint, secrets) in credentials {
        // Texts always serialise.
        let value = serde_json::to_vec(secrets).unwrap_or_default();
        slots.entry(credential_slot(fingerprint)).or_default().insert(fingerprint.to_string(), value);
    }
    slots
}
