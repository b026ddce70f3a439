//! From what was stored to a table: what is missing is asked for, the rest is
//! at hand.

use std::sync::Arc;
use std::time::Duration;

use crds::snapshot::stored::Pointer;
use crds::snapshot::{Credentials, DecodeError, Snapshot};
use tokio::time::timeout;

use super::credentials::{Found, wanted};
use super::good::Good;
use super::keys::FleetKeys;
use super::pending::Pending;
use super::{Change, Cluster, Trouble, fetch};
use crate::standing::{Refused, Source};
use crate::table::RoutingTable;

/// How long a snapshot waits for credentials that it needs and that are most likely there: so that a server whose
/// credential is replaced is not off for the moment that a question takes.
const CREDENTIALS: Duration = Duration::from_millis(250);

impl Cluster {
    /// What follows from a newer pointer: what it names is read.
    pub(super) async fn take(
        &mut self,
        keys: Arc<FleetKeys>,
        bytes: Arc<[u8]>,
        pointer: Pointer,
    ) -> Result<Change, Trouble> {
        if let (Some(_), Some(good)) = (self.source, &mut self.good)
            && good.only_denies_more(&pointer, &keys)
        {
            let change = Change::Denied { revision: pointer.revision, callers: pointer.denied.clone() };
            (good.keys, good.bytes, good.pointer) = (keys, bytes, pointer);
            self.is_good();
            return Ok(change);
        }
        let known = self.good.as_ref().map(|known| &known.parts);
        let parts = fetch::parts(&self.objects, &pointer, known).await;
        let parts = parts.map_err(|error| Trouble::Unread(error.to_string()))?;
        let mut good = Good { keys, bytes, pointer, parts, credentials: Credentials::new() };
        let snapshot = self.opened(&good).await.map_err(|error| {
            let is_part = matches!(error, DecodeError::PartMissing { .. });
            let refused = good.refused(&error);
            if is_part { Trouble::Part(refused) } else { Trouble::Refused(refused) }
        })?;
        let wanted = wanted(&snapshot);
        if let Some(known) = &self.good {
            good.inherit(known, &wanted);
        }
        let lacking = good.lacks(&wanted);
        let asking = fetch::credentials(&self.objects, &good.keys.pepper, &lacking);
        if let Ok(Found { arrived, .. }) = timeout(CREDENTIALS, asking).await {
            good.credentials.extend(arrived);
        }
        let table = self.commit(good, snapshot, Source::Api).await;
        self.is_good();
        Ok(Change::Table(Box::new(table)))
    }

    /// The table of what is known.
    pub(super) async fn table_of_known(&mut self, source: Source) -> Result<RoutingTable, Refused> {
        let nothing = || Refused::of_nobody("nothing is known".to_owned());
        let good = self.good.clone().ok_or_else(nothing)?;
        let snapshot = self.opened(&good).await.map_err(|error| good.refused(&error))?;
        self.fleet.believe(&good.keys);
        Ok(self.commit(good, snapshot, source).await)
    }

    /// The table with credentials that have arrived, if one has.
    pub(super) async fn take_credentials(&mut self, found: Found) -> Option<RoutingTable> {
        if found.arrived.is_empty() {
            self.pending.none_came(found.trouble);
            return None;
        }
        let (mut good, source) = (self.good.clone()?, self.source?);
        good.credentials.extend(found.arrived);
        let snapshot = self.opened(&good).await.ok()?;
        Some(self.commit(good, snapshot, source).await)
    }

    /// Makes the table, and takes it as put in force.
    async fn commit(&mut self, good: Good, snapshot: Snapshot, source: Source) -> RoutingTable {
        let header = self.header.clone();
        let making = move || {
            let lacking = good.lacks(&wanted(&snapshot));
            let table = good.table(snapshot, header.as_deref());
            (good, lacking, table)
        };
        let (good, lacking, table) = self.maker.make(making).await;
        for wanted in &lacking {
            tracing::warn!("the McpServer {} is off: its credential has not arrived", wanted.server);
        }
        (self.good, self.source, self.pending) = (Some(good), Some(source), Pending::new(lacking));
        table
    }

    /// The snapshot of what was stored.
    async fn opened(&self, good: &Good) -> Result<Snapshot, DecodeError> {
        let good = good.clone();
        self.maker.make(move || good.open()).await
    }
}
