//! What was compiled, written for the gateways: by the leader alone, and by
//! comparison, so that what is right costs no request (R41).
//!
//! ```text
//! Demand (what was compiled, who is denied already) ─┐
//! Held (what stands in the cluster, by its watches) ─┼► settle: credentials added, slots, pointer, credentials removed
//! View (what the pods run and can read) ─────────────┘
//! ```
//!
//! Whatever somebody else changes in these objects does not match any more, and
//! is written anew. A missing credential disables its server alone: a grant or
//! a revocation never waits for it.

use std::sync::Arc;
use std::time::Duration;

use crds::snapshot::Credentials;
use crds::snapshot::stored::{Parts, Pointer};
use tokio::sync::watch;
use tokio::time::{Instant, sleep_until};

use crate::api::WriteError;
use crate::events::{Events, Regarding};
use crate::keys::Keys;
use crate::lease::Leadership;
use crate::metrics::Metrics;
use crate::pods::View;
use crate::release::Own;

mod credentials;
mod held;
mod next;
mod writer;

pub(crate) use held::{Held, OwnChanges, start};
pub(crate) use writer::Writer;

use next::{Live, next, schema};

/// The first and the longest pause after a write that failed.
const FIRST_PAUSE: Duration = Duration::from_millis(100);
const LONGEST_PAUSE: Duration = Duration::from_secs(2);
/// The pause after a refusal: somebody has to do something first.
const REFUSED_PAUSE: Duration = Duration::from_secs(5);

/// What is to be in force. The latest one counts.
#[derive(Clone, Default)]
pub(crate) struct Demand {
    /// What was compiled last; none: nothing yet.
    pub(crate) output: Option<Arc<Output>>,
    /// Callers that have lost everything since then (R42).
    pub(crate) denied: Arc<[String]>,
}

/// What a compilation gave.
pub(crate) struct Output {
    /// In which term it was compiled: in a later one others have written since.
    pub(crate) term: u64,
    /// Counts compilations.
    pub(crate) number: u64,
    /// The snapshot.
    pub(crate) parts: Parts,
    /// The servers' secrets.
    pub(crate) credentials: Credentials,
}

/// What is written.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub(crate) struct Published {
    /// The newest compilation that is written whole; 0: none.
    pub(crate) number: u64,
    /// The revision in which it, or what is equal to it, is written.
    pub(crate) revision: u64,
    /// Why a newer one is not, if that does not pass by itself.
    pub(crate) blocked: Option<String>,
}

/// What the publisher listens to.
pub(crate) struct Sources {
    /// What is to be in force.
    pub(crate) demand: watch::Receiver<Demand>,
    /// What the pods run.
    pub(crate) view: watch::Receiver<View>,
    /// What stands in the cluster.
    pub(crate) own: OwnChanges,
}

/// Writes what is demanded.
pub(crate) struct Publisher {
    writer: Writer,
    keys: Keys,
    leadership: Leadership,
    held: Held,
    /// The highest revision that was ever seen under our own authentication code.
    newest: u64,
    published: watch::Sender<Published>,
    events: Events,
    metrics: Arc<Metrics>,
}

impl Publisher {
    /// One that has written nothing.
    pub(crate) fn new(
        writer: Writer,
        keys: Keys,
        leadership: Leadership,
        events: Events,
        metrics: Arc<Metrics>,
    ) -> Self {
        let published = watch::Sender::default();
        Self { writer, keys, leadership, held: Held::default(), newest: 0, published, events, metrics }
    }

    /// Tells what is written.
    pub(crate) fn published(&self) -> watch::Receiver<Published> {
        self.published.subscribe()
    }

    /// Writes whenever something is not as demanded, until nobody demands anything any more.
    pub(crate) async fn run(mut self, mut sources: Sources) {
        let mut term = self.leadership.subscribe();
        let (mut pause, mut again) = (FIRST_PAUSE, None);
        loop {
            tokio::select! {
                Some((own, told)) = sources.own.recv() => self.held.take(own, told),
                changed = sources.demand.changed() => match changed {
                    // What is revoked does not wait for what failed before.
                    Ok(()) => again = None,
                    Err(_) => return,
                },
                changed = sources.view.changed() => if changed.is_err() { return },
                changed = term.changed() => match changed {
                    // Who led in between may have changed anything, rightly.
                    Ok(()) => self.held.forget_what_is_ours(),
                    Err(_) => return,
                },
                () = sleep_until(again.unwrap_or_else(Instant::now)), if again.is_some() => again = None,
            }
            while let Ok((own, told)) = sources.own.try_recv() {
                self.held.take(own, told);
            }
            if !self.leadership.may_write() || again.is_some() {
                continue;
            }
            let demand = sources.demand.borrow_and_update().clone();
            let view = sources.view.borrow_and_update().clone();
            match self.settle(&demand, &view).await {
                Ok(()) => pause = FIRST_PAUSE,
                Err(WriteError::NotLeading) => {}
                Err(WriteError::Refused(why)) => {
                    tracing::warn!("the apiserver refuses a write: {why}");
                    again = Some(Instant::now() + REFUSED_PAUSE);
                }
                Err(error) => {
                    tracing::warn!("not all is written yet: {error}");
                    again = Some(Instant::now() + pause);
                    pause = (pause * 2).min(LONGEST_PAUSE);
                }
            }
        }
    }

    /// Makes everything as it is demanded.
    async fn settle(&mut self, demand: &Demand, view: &View) -> Result<(), WriteError> {
        if !self.held.is_known() {
            if let Some(why) = self.held.refusal() {
                self.block("refused", why);
            }
            return Ok(());
        }
        self.put_back_keys().await?;
        let of_this_term = |output: &&Arc<Output>| self.leadership.term() == Some(output.term);
        let Some(output) = demand.output.as_ref().filter(of_this_term) else { return Ok(()) };
        // Nothing waits for a credential that cannot be written; the next round tries again.
        let added = self.add_credentials(&output.credentials).await;
        self.write_pointer(output, &demand.denied, view).await?;
        let revision = self.published.borrow().revision;
        let fleet = view.fleet();
        self.metrics.pods_propagated.set(i64::try_from(fleet.running(revision)).unwrap_or(i64::MAX));
        added?;
        if view.complete && fleet.running(revision) == fleet.serving() {
            self.remove_credentials(&output.credentials).await?;
        }
        Ok(())
    }

    async fn put_back_keys(&mut self) -> Result<(), WriteError> {
        let right = |held: &held::Stored| {
            self.keys.entries.iter().all(|(name, value)| held.data.get(name) == Some(value))
                && self.writer.companion.marks(&held.metadata, &self.writer.no_notes())
        };
        if self.held.get(Own::Keys).is_some_and(right) {
            self.held.is_right(Own::Keys);
            return Ok(());
        }
        let (entries, notes) = (self.keys.entries.clone(), self.writer.no_notes());
        self.put(Own::Keys, &entries, &notes).await
    }

    /// Slots first, then the pointer that names them.
    async fn write_pointer(&mut self, output: &Output, denied: &[String], view: &View) -> Result<(), WriteError> {
        let live = self.live(view);
        let schema = schema(view, live.pointer.as_ref().map(|pointer| pointer.schema));
        let plan = match next(&live, &output.parts, denied, schema) {
            Ok(plan) => plan,
            Err(too_large) => {
                self.block("too_large", &too_large.to_string());
                return Ok(());
            }
        };
        let revision = match plan {
            None => {
                let slots = live.pointer.iter().flat_map(|it| &it.parts).filter_map(|part| part.slot);
                for own in slots.map(Own::Slot).chain([Own::Pointer]) {
                    self.held.is_right(own);
                }
                live.pointer.as_ref().map_or(0, |pointer| pointer.revision)
            }
            Some(plan) => {
                for (slot, part) in plan.writes {
                    let data = [("part".to_owned(), part.bytes.to_vec())].into();
                    let notes = self.writer.no_notes();
                    self.put(Own::Slot(slot), &data, &notes).await?;
                }
                self.put_pointer(&plan.pointer).await?;
                // What stood in a slot that somebody else had changed stands in another one now.
                for own in self.held.moved_away(live.pointer.as_ref()) {
                    self.mended(own);
                }
                plan.pointer.revision
            }
        };
        self.newest = self.newest.max(revision);
        self.metrics.revision.set(i64::try_from(revision).unwrap_or(i64::MAX));
        for reason in ["refused", "too_large"] {
            self.metrics.blocked.with_label_values(&[reason]).set(0);
        }
        let published = Published { number: output.number, revision, blocked: None };
        self.published.send_if_modified(|before| std::mem::replace(before, published.clone()) != published);
        Ok(())
    }

    async fn put_pointer(&mut self, pointer: &Pointer) -> Result<(), WriteError> {
        let data = [("pointer".to_owned(), pointer.encode(&self.keys.mac))].into();
        self.put(Own::Pointer, &data, &Writer::notes(pointer)).await?;
        tracing::info!(
            revision = pointer.revision,
            schema = pointer.schema,
            parts = pointer.parts.len(),
            denied = pointer.denied.len(),
            "the snapshot is written"
        );
        Ok(())
    }

    /// What is in force for who reads the pointer now.
    fn live(&mut self, view: &View) -> Live {
        let stored = self.held.get(Own::Pointer);
        let bytes = stored.and_then(|stored| stored.data.get("pointer"));
        let pointer = bytes.and_then(|bytes| Pointer::decode(bytes, &self.keys.mac).ok());
        let intact = |pointer: &Pointer| {
            let holds = |slot: u8, digest: &[u8; 32]| {
                self.held.get(Own::Slot(slot)).is_some_and(|it| {
                    it.data.get("part").is_some_and(|held| held.as_slice() == digest)
                        && self.writer.companion.marks(&it.metadata, &self.writer.no_notes())
                })
            };
            pointer.parts.iter().map(|part| part.slot.is_none_or(|slot| holds(slot, &part.digest))).collect()
        };
        let intact = pointer.as_ref().map(intact).unwrap_or_default();
        let marked = pointer
            .as_ref()
            .zip(stored)
            .is_some_and(|(pointer, stored)| self.writer.companion.marks(&stored.metadata, &Writer::notes(pointer)));
        self.newest = self.newest.max(pointer.as_ref().map_or(0, |pointer| pointer.revision));
        Live { pointer, intact, marked, floor: self.newest.max(next::plausible(view)) }
    }

    /// Writes one object. What somebody else had changed is mended by that.
    async fn put(
        &mut self,
        own: Own,
        data: &held::Data,
        notes: &std::collections::BTreeMap<String, String>,
    ) -> Result<(), WriteError> {
        match self.writer.put(own, data, notes, self.held.get(own)).await {
            Ok(stored) => {
                self.metrics.wrote(own.as_str());
                if self.held.wrote(own, stored) {
                    self.mended(own);
                }
                Ok(())
            }
            Err(error) => {
                self.failed(own, &error).await;
                Err(error)
            }
        }
    }

    fn mended(&self, own: Own) {
        let name = self.writer.release.own(own);
        tracing::warn!("{name} had been changed by somebody else: it is written anew");
        self.metrics.mended(own);
        let regarding = match own {
            Own::Pointer | Own::Slot(_) => Regarding::config_map(&self.writer.release.namespace, &name),
            Own::Credentials(_) | Own::Keys => Regarding::secret(&self.writer.release.namespace, &name),
        };
        let note = "somebody else had changed it; it is as the operator made it again";
        self.events.warn(regarding, "Mended", note.to_owned());
    }

    /// After a write that failed: what stands there is looked at again if it is not what was thought.
    async fn failed(&mut self, own: Own, error: &WriteError) {
        if !matches!(error, WriteError::NotLeading) {
            self.metrics.failed_to_write(own.as_str());
        }
        match error {
            WriteError::Conflict | WriteError::Silent => {
                if let Ok(found) = self.writer.read(own).await {
                    self.held.found(own, found);
                }
            }
            WriteError::Refused(why) if matches!(own, Own::Pointer | Own::Slot(_)) => {
                let why = format!("{}: {why}", self.writer.release.own(own));
                self.block("refused", &why);
            }
            _ => {}
        }
    }

    fn block(&self, reason: &str, why: &str) {
        self.metrics.blocked.with_label_values(&[reason]).set(1);
        self.published.send_if_modified(|published| {
            let news = published.blocked.as_deref() != Some(why);
            if news {
                tracing::error!("no snapshot can be written, the last one stays in force: {why}");
                published.blocked = Some(why.to_owned());
            }
            news
        });
    }
}
