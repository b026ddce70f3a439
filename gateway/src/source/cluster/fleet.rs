//! The fleet's keys as this process has them: read of a Secret, replaced when
//! that is, and in use by whatever needs them.

use std::sync::Arc;

use k8s_openapi::api::core::v1::Secret;
use tokio::time::Instant;

use super::keys::{Data, FleetKeys, KeysFault};
use super::objects::Objects;
use super::seals::Seals;
use super::watched::{Object, Seen, Watched, away};
use crate::admin::Admin;
use crate::node::Identity;

/// The keys, as they last were right.
pub(super) struct Fleet {
    secret: Watched<Secret>,
    /// The Secret, for people.
    name: String,
    admin: Arc<Admin>,
    known: Option<(Arc<FleetKeys>, Seals)>,
    /// What was last told to be wrong.
    told: String,
}

impl Fleet {
    /// Begins to watch their Secret. The admin port gets the token as soon as there is one.
    pub(super) fn begin(objects: &Objects, admin: Arc<Admin>) -> Self {
        Self { secret: objects.keys(), name: objects.keys_told(), admin, known: None, told: String::new() }
    }

    /// The keys; or why there are none, for people. A Secret that is gone or wrong changes nothing of those that are known.
    pub(super) fn look(&mut self) -> Result<Arc<FleetKeys>, String> {
        if let Some((_, seals)) = &mut self.known {
            seals.look(Instant::now());
        }
        self.read().or_else(|why| match &self.known {
            Some((keys, _)) => Ok(keys.clone()),
            None => Err(why),
        })
    }

    fn read(&mut self) -> Result<Arc<FleetKeys>, String> {
        let name = &self.name;
        let secret = match self.secret.look() {
            Seen { object: Object::There(secret), .. } => secret,
            Seen { object: Object::Absent, .. } => {
                return Err(format!("waiting for {name}: the operator makes it when it first starts"));
            }
            Seen { object: Object::Unknown, lost } => return Err(away(lost)),
        };
        let data: Data = secret.data.into_iter().flatten().map(|(name, value)| (name, value.0)).collect();
        if let Some((keys, _)) = self.known.as_ref().filter(|(keys, _)| keys.data == data) {
            return Ok(keys.clone());
        }
        let keys = FleetKeys::read(data).map(Arc::new).and_then(|keys| self.take(keys));
        keys.map_err(|fault| {
            let why = format!("{}: {fault}", self.name);
            if self.told != why {
                tracing::error!("{why}");
                self.told.clone_from(&why);
            }
            why
        })
    }

    /// Uses these keys as long as no others are known.
    pub(super) fn believe(&mut self, keys: &Arc<FleetKeys>) {
        if self.known.is_none() {
            // They were read before.
            let _ = self.take(keys.clone());
        }
    }

    fn take(&mut self, keys: Arc<FleetKeys>) -> Result<Arc<FleetKeys>, KeysFault> {
        self.admin.askers.take_token(keys.fleet_token()?);
        self.told.clear();
        let seals = match self.known.take() {
            None => Seals::new(&keys.seals),
            Some((before, mut seals)) => {
                tracing::info!("{} has changed", self.name);
                if before.data.get("peer-authority") != keys.data.get("peer-authority") {
                    tracing::warn!(
                        "a new peer-authority is used by processes that start from now on: restart the others"
                    );
                }
                seals.see(&keys.seals, Instant::now());
                seals
            }
        };
        self.known = Some((keys.clone(), seals));
        Ok(keys)
    }

    /// Waits until something else is known of the Secret.
    pub(super) async fn changed(&mut self) {
        self.secret.changed().await;
    }

    /// When [`Self::look`] is to be called though nothing changed.
    pub(super) fn due(&self) -> Option<Instant> {
        self.known.as_ref().and_then(|(_, seals)| seals.due())
    }

    /// What this process is known by; none before there are keys.
    pub(super) fn identity(&self) -> Option<Identity> {
        let (keys, seals) = self.known.as_ref()?;
        Some(Identity { sealer: seals.sealer().clone(), credentials: keys.peer_credentials().ok() })
    }
}
