//! Which release serves a namespace: the one that holds the Lease `switchboard`
//! there (R43). Of two releases the second leaves the namespace to the first,
//! and says so.
//!
//! The Lease lasts five minutes and is renewed each minute: it outlives a leader,
//! an upgrade, and an apiserver that is away for a while. It is never given
//! back; after a release is gone it runs out by itself.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::Duration;

use futures_util::{StreamExt, stream};
use k8s_openapi::api::coordination::v1::{Lease, LeaseSpec};
use k8s_openapi::apimachinery::pkg::apis::meta::v1::MicroTime;
use k8s_openapi::jiff::{SignedDuration, Timestamp};
use kube::api::{ObjectMeta, PostParams};
use kube::{Api, Client};
use tokio::sync::watch;
use tokio::time::{Instant, sleep_until, timeout};

use crate::api::{self, MANAGER, WriteError};
use crate::events::{Events, Regarding};
use crate::lease::Leadership;
use crate::metrics::Metrics;
use crate::release::Release;

/// The Lease in each namespace.
const NAME: &str = "switchboard";
/// How long it is ours after it was last renewed, in seconds.
const DURATION: i32 = 300;
/// How old a renewal is before the next.
const RENEW: SignedDuration = SignedDuration::from_secs(60);
/// Between two looks at all of them.
const PERIOD: Duration = Duration::from_secs(20);
/// After a look that failed.
const RETRY: Duration = Duration::from_millis(500);
/// How many are looked at at once.
const AT_ONCE: usize = 16;
/// How long an answer is waited for.
const PATIENCE: Duration = Duration::from_secs(4);
/// How often a namespace is asked for before it is served without a claim: nothing is taken away from anybody for a
/// right that is missing.
const TRIES: u32 = 6;

/// Who serves which namespace.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub(crate) struct Claims(Arc<BTreeMap<String, Claim>>);

/// Who serves a namespace.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(crate) enum Claim {
    /// This release.
    Ours,
    /// Another one: which, as `NAMESPACE/RELEASE`.
    Theirs(String),
    /// That cannot be told; it goes on as if it were ours.
    Unclaimed,
}

/// Claims namespaces.
pub(crate) struct Claimant {
    client: Client,
    release: String,
    leadership: Leadership,
    events: Events,
    metrics: Arc<Metrics>,
    known: BTreeMap<String, Claim>,
    failures: BTreeMap<String, u32>,
    /// When each is to be looked at again.
    due: BTreeMap<String, Instant>,
    claims: watch::Sender<Claims>,
}

// === impl Claims ===

impl Claims {
    /// Namespaces that another release serves.
    pub(crate) fn foreign(&self) -> BTreeSet<String> {
        let foreign = self.0.iter().filter(|(_, claim)| matches!(claim, Claim::Theirs(_)));
        foreign.map(|(namespace, _)| namespace.clone()).collect()
    }

    /// Whether it is known who serves all of these.
    pub(crate) fn know<'n>(&self, mut namespaces: impl Iterator<Item = &'n String>) -> bool {
        namespaces.all(|namespace| self.0.contains_key(namespace))
    }
}

// === impl Claimant ===

impl Claimant {
    /// For a release.
    pub(crate) fn new(
        client: Client,
        release: &Release,
        leadership: Leadership,
        events: Events,
        metrics: Arc<Metrics>,
    ) -> Self {
        Self {
            client,
            release: release.claimant(),
            leadership,
            events,
            metrics,
            known: BTreeMap::new(),
            failures: BTreeMap::new(),
            due: BTreeMap::new(),
            claims: watch::Sender::default(),
        }
    }

    /// Tells who serves what.
    pub(crate) fn claims(&self) -> watch::Receiver<Claims> {
        self.claims.subscribe()
    }

    /// Claims what is wanted while this process leads, until nobody wants anything any more.
    pub(crate) async fn run(mut self, mut wanted: watch::Receiver<BTreeSet<String>>) {
        let mut term = self.leadership.subscribe();
        let mut next = Instant::now();
        loop {
            tokio::select! {
                () = sleep_until(next) => {}
                changed = wanted.changed() => if changed.is_err() { return },
                changed = term.changed() => match changed {
                    // Who leads next asks anew.
                    Ok(()) => self.forget(),
                    Err(_) => return,
                },
            }
            let failed = if self.leadership.may_write() {
                let wanted = wanted.borrow_and_update().clone();
                self.look(&wanted).await
            } else {
                false
            };
            next = Instant::now() + if failed { RETRY } else { PERIOD };
        }
    }

    fn forget(&mut self) {
        self.known.clear();
        self.failures.clear();
        self.due.clear();
        self.claims.send_replace(Claims::default());
    }

    /// Looks at each namespace whose time has come. Whether one of them could not be told.
    async fn look(&mut self, wanted: &BTreeSet<String>) -> bool {
        let now = Instant::now();
        let due = wanted.iter().filter(|namespace| self.due.get(*namespace).is_none_or(|due| *due <= now));
        let asked: Vec<_> = due.map(|namespace| self.ask(namespace.clone())).collect();
        let answers: Vec<_> = stream::iter(asked).buffer_unordered(AT_ONCE).collect().await;
        let mut failed = false;
        for (namespace, answer) in answers {
            match answer {
                Ok(claim) => {
                    self.failures.remove(&namespace);
                    let pause = if claim == Claim::Ours { RENEW.unsigned_abs() } else { PERIOD };
                    self.due.insert(namespace.clone(), now + pause);
                    self.settle(&namespace, claim);
                }
                Err(WriteError::NotLeading) => return false,
                Err(error) => failed |= self.failed(&namespace, &error),
            }
        }
        self.known.retain(|namespace, _| wanted.contains(namespace));
        self.due.retain(|namespace, _| wanted.contains(namespace));
        let claims = Claims(Arc::new(self.known.clone()));
        self.metrics.foreign_namespaces.set(i64::try_from(claims.foreign().len()).unwrap_or(i64::MAX));
        self.claims.send_if_modified(|before| std::mem::replace(before, claims.clone()) != claims);
        failed
    }

    async fn ask(&self, namespace: String) -> (String, Result<Claim, WriteError>) {
        let answer = self.claim(&namespace).await;
        (namespace, answer)
    }

    /// Whether to try again soon. What was known stays.
    fn failed(&mut self, namespace: &str, error: &WriteError) -> bool {
        let failures = self.failures.entry(namespace.to_owned()).or_default();
        *failures += 1;
        if self.known.contains_key(namespace) {
            return false;
        }
        if *failures < TRIES {
            return true;
        }
        tracing::warn!("namespace {namespace} is served without the Lease {NAME}, which cannot be had: {error}");
        self.known.insert(namespace.to_owned(), Claim::Unclaimed);
        false
    }

    fn settle(&mut self, namespace: &str, claim: Claim) {
        if self.known.get(namespace) == Some(&claim) {
            return;
        }
        if let Claim::Theirs(other) = &claim {
            let note = format!(
                "the release {other} serves this namespace: its objects are left out of {}. Let one of the two watch it.",
                self.release
            );
            tracing::error!("namespace {namespace}: {note}");
            self.events.warn(Regarding::lease(namespace, NAME), "ServedByAnotherRelease", note);
        } else if let Some(Claim::Theirs(other)) = self.known.get(namespace) {
            tracing::info!("namespace {namespace} is served by this release, and not by {other} any more");
        }
        self.known.insert(namespace.to_owned(), claim);
    }

    /// Takes or renews the Lease of a namespace, if it may.
    async fn claim(&self, namespace: &str) -> Result<Claim, WriteError> {
        let leases: Api<Lease> = Api::namespaced(self.client.clone(), namespace);
        let found = timeout(PATIENCE, leases.get_opt(NAME)).await.map_err(|_| WriteError::Silent)?;
        let found = found.map_err(|error| WriteError::Failed(api::brief(&error)))?;
        let (now, params) = (Timestamp::now(), params());
        let Some(lease) = found else {
            let metadata = ObjectMeta { name: Some(NAME.to_owned()), ..ObjectMeta::default() };
            let lease = Lease { metadata, spec: Some(self.renewed(None, now)) };
            return match api::write(&self.leadership, leases.create(&params, &lease)).await {
                Ok(_) => Ok(self.wrote()),
                // There is no such namespace, and so nobody's objects; or it ends.
                Err(WriteError::Conflict | WriteError::Refused(_)) if self.is_gone(namespace).await => Ok(Claim::Ours),
                Err(error) => Err(error),
            };
        };
        match standing(lease.spec.as_ref(), &self.release, now) {
            Standing::Fresh => Ok(Claim::Ours),
            Standing::Theirs(other) => Ok(Claim::Theirs(other)),
            Standing::Free => {
                let metadata = ObjectMeta {
                    name: Some(NAME.to_owned()),
                    resource_version: lease.metadata.resource_version,
                    ..ObjectMeta::default()
                };
                let lease = Lease { metadata, spec: Some(self.renewed(lease.spec, now)) };
                api::write(&self.leadership, leases.replace(NAME, &params, &lease)).await?;
                Ok(self.wrote())
            }
        }
    }

    fn wrote(&self) -> Claim {
        self.metrics.wrote("lease");
        Claim::Ours
    }

    /// Whether the namespace is known not to be there, or to be ending.
    async fn is_gone(&self, namespace: &str) -> bool {
        use k8s_openapi::api::core::v1::Namespace;
        let namespaces: Api<Namespace> = Api::all(self.client.clone());
        match timeout(PATIENCE, namespaces.get_opt(namespace)).await {
            Ok(Ok(found)) => found.is_none_or(|it| it.metadata.deletion_timestamp.is_some()),
            _ => false,
        }
    }

    fn renewed(&self, before: Option<LeaseSpec>, now: Timestamp) -> LeaseSpec {
        let mut spec = before.unwrap_or_default();
        if spec.holder_identity.as_ref() != Some(&self.release) {
            spec.acquire_time = Some(MicroTime(now));
            spec.lease_transitions = Some(spec.lease_transitions.map_or(0, |it| it.saturating_add(1)));
            spec.holder_identity = Some(self.release.clone());
        }
        spec.lease_duration_seconds = Some(DURATION);
        spec.renew_time = Some(MicroTime(now));
        spec
    }
}

/// How it stands with a Lease.
#[derive(Debug, Eq, PartialEq)]
enum Standing {
    /// Ours, and renewed not long ago.
    Fresh,
    /// Ours to take or to renew.
    Free,
    /// Another release's.
    Theirs(String),
}

/// Clocks that differ by seconds do not matter in five minutes.
fn standing(spec: Option<&LeaseSpec>, claimant: &str, now: Timestamp) -> Standing {
    let holder = spec.and_then(|spec| spec.holder_identity.as_deref()).filter(|holder| !holder.is_empty());
    let (Some(spec), Some(holder)) = (spec, holder) else { return Standing::Free };
    let age = spec.renew_time.as_ref().map(|renewed| now.duration_since(renewed.0));
    let lasts = SignedDuration::from_secs(spec.lease_duration_seconds.unwrap_or(DURATION).into());
    match age {
        Some(age) if holder == claimant && age < RENEW => Standing::Fresh,
        Some(age) if holder != claimant && age < lasts => Standing::Theirs(holder.to_owned()),
        _ => Standing::Free,
    }
}

fn params() -> PostParams {
    PostParams { field_manager: Some(MANAGER.to_owned()), ..PostParams::default() }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn spec(holder: &str, renewed: i64) -> LeaseSpec {
        LeaseSpec {
            holder_identity: Some(holder.to_owned()),
            lease_duration_seconds: Some(DURATION),
            renew_time: Some(MicroTime(at(renewed))),
            ..LeaseSpec::default()
        }
    }

    fn at(second: i64) -> Timestamp {
        Timestamp::from_second(second).unwrap()
    }

    #[test]
    fn r43_a_namespace_is_anothers_until_its_lease_has_run_out() {
        let of = |spec: Option<LeaseSpec>, now| standing(spec.as_ref(), "ns/mine", at(now));
        assert_eq!(of(None, 0), Standing::Free);
        assert_eq!(of(Some(LeaseSpec::default()), 0), Standing::Free);
        assert_eq!(of(Some(spec("", 0)), 0), Standing::Free);
        let theirs = || Some(spec("ns/theirs", 1000));
        assert_eq!(of(theirs(), 1299), Standing::Theirs("ns/theirs".to_owned()));
        assert_eq!(of(theirs(), 1300), Standing::Free);
    }

    #[test]
    fn r41_our_own_claim_is_renewed_each_minute_and_not_more_often() {
        let ours = spec("ns/mine", 1000);
        assert_eq!(standing(Some(&ours), "ns/mine", at(1059)), Standing::Fresh);
        assert_eq!(standing(Some(&ours), "ns/mine", at(1060)), Standing::Free);
    }
}
