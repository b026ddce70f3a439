//! Who of several processes leads: the holder of the Lease `RELEASE-operator`.
//!
//! ```text
//! renewed ── every 3 s ──► renewed …     10 s without: nothing is written any more
//!                                        15 s without: another one may lead
//! ```
//!
//! A candidate measures by its own clock how long the Lease has stood still, so
//! that no two clocks are compared. The leader measures from before the request
//! that renewed the Lease. Both clocks go on while a process is frozen: who
//! wakes up from that finds that it does not lead any more, and writes nothing.
//!
//! Each time that the Lease is taken, and not only renewed, a *term* begins:
//! others may have led before it, and what was known and compiled then is not
//! to be written any more.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use k8s_openapi::api::coordination::v1::{Lease, LeaseSpec};
use k8s_openapi::apimachinery::pkg::apis::meta::v1::MicroTime;
use k8s_openapi::jiff::Timestamp;
use kube::api::{ObjectMeta, PostParams};
use kube::{Api, Client};
use tokio::sync::watch;
use tokio::time::{sleep, timeout};

use crate::api::{self, MANAGER};
use crate::clock::since_boot;
use crate::companion::Companion;
use crate::metrics::Metrics;
use crate::release::Release;

/// How long a Lease is the holder's after it was last renewed.
const DURATION: Duration = Duration::from_secs(15);
/// How long after that nothing more is written: what is on its way then has the rest of the duration to arrive.
const DEADLINE: Duration = Duration::from_secs(10);
/// Between two renewals.
const PERIOD: Duration = Duration::from_secs(3);
/// Between two looks at somebody else's: who gives it away is followed within that.
const LOOK: Duration = Duration::from_secs(1);
/// After a try that failed.
const RETRY: Duration = Duration::from_millis(500);
/// How long an answer is waited for.
const PATIENCE: Duration = Duration::from_secs(4);

/// Whether this process leads. Cheap to clone.
#[derive(Clone)]
pub(crate) struct Leadership(Arc<Shared>);

struct Shared {
    /// Since boot, in milliseconds: before the request that last renewed the Lease. 0: this process does not lead.
    renewed: AtomicU64,
    /// The term in which this process leads.
    term: watch::Sender<Option<u64>>,
    /// How many terms have begun.
    terms: AtomicU64,
    metrics: Arc<Metrics>,
}

/// Takes part in the election.
pub(crate) struct Election {
    leases: Api<Lease>,
    name: String,
    metadata: ObjectMeta,
    identity: String,
    leadership: Leadership,
    /// The Lease as it was last seen, and when it was first seen so.
    seen: Option<(Lease, Duration)>,
}

/// What came of a try to renew or take the Lease.
enum Attempt {
    /// It is ours, and has been since the last time.
    Kept,
    /// It is ours, and others may have had it.
    Taken,
    /// It is not ours.
    Others,
}

// === impl Leadership ===

impl Leadership {
    /// Of a process that does not lead.
    pub(crate) fn new(metrics: Arc<Metrics>) -> Self {
        let (renewed, terms) = (AtomicU64::new(0), AtomicU64::new(0));
        Self(Arc::new(Shared { renewed, term: watch::Sender::new(None), terms, metrics }))
    }

    /// Whether something may be written now. Ask right before each write.
    pub(crate) fn may_write(&self) -> bool {
        let renewed = Duration::from_millis(self.0.renewed.load(Ordering::Acquire));
        !renewed.is_zero() && since_boot().saturating_sub(renewed) < DEADLINE
    }

    /// The term in which this process leads; none if it does not.
    pub(crate) fn term(&self) -> Option<u64> {
        *self.0.term.borrow()
    }

    /// Tells of each change of the term.
    pub(crate) fn subscribe(&self) -> watch::Receiver<Option<u64>> {
        self.0.term.subscribe()
    }

    /// From now on nothing is written, though the Lease is still held.
    pub(crate) fn retire(&self) {
        self.0.renewed.store(0, Ordering::Release);
        self.0.metrics.leader.set(0);
        self.0.term.send_if_modified(|term| term.take().is_some());
    }

    /// The Lease is ours by a request that was sent at this time. `taken`: it may have been another's before.
    fn hold(&self, renewed: Duration, taken: bool) {
        let renew = || {
            let millis = u64::try_from(renewed.as_millis()).unwrap_or(u64::MAX);
            self.0.renewed.store(millis, Ordering::Release);
            self.0.metrics.leader.set(1);
        };
        if !taken && self.term().is_some() {
            return renew();
        }
        // The term ends before the next begins, and nothing is written in between.
        self.retire();
        let next = self.0.terms.fetch_add(1, Ordering::AcqRel) + 1;
        self.0.term.send_modify(|term| {
            // Before anybody can see the term: who begins with it writes at once.
            renew();
            *term = Some(next);
        });
        tracing::info!(term = next, "this process leads");
    }
}

// === impl Election ===

impl Election {
    /// Of this process, for a release.
    /// The Lease goes with the release as its other companions do: by the time the last process of it ends, it may have
    /// lost the right to give the Lease away, and the next release of that name would wait for it.
    pub(crate) fn new(
        (client, companion): (&Client, &Companion),
        release: &Release,
        identity: &str,
        leadership: Leadership,
    ) -> Self {
        let leases = Api::namespaced(client.clone(), &release.namespace);
        let name = release.operator();
        let metadata = companion.metadata(&name);
        Self { leases, name, metadata, identity: identity.to_owned(), leadership, seen: None }
    }

    /// Leads whenever it can, for ever.
    pub(crate) async fn run(&mut self) {
        loop {
            let began = since_boot();
            let pause = match timeout(PATIENCE, self.attempt(began)).await {
                Ok(Ok(Attempt::Kept)) => {
                    self.leadership.hold(began, false);
                    PERIOD
                }
                Ok(Ok(Attempt::Taken)) => {
                    self.leadership.hold(began, true);
                    PERIOD
                }
                Ok(Ok(Attempt::Others)) => {
                    self.step_down("another process holds the Lease");
                    LOOK
                }
                failed => {
                    if let Ok(Err(error)) = failed {
                        tracing::warn!("the Lease {} cannot be renewed: {}", self.name, api::brief(&error));
                    }
                    if !self.leadership.may_write() {
                        self.step_down("the Lease was not renewed in time");
                    }
                    RETRY
                }
            };
            sleep(pause).await;
        }
    }

    /// Gives the Lease away, so that another process leads at once. Nothing of this one may be on its way any more.
    pub(crate) async fn release(mut self) {
        self.leadership.retire();
        let Some((lease, _)) = self.seen.take().filter(|(lease, _)| holder(lease) == Some(&self.identity)) else {
            return;
        };
        let mut spec = lease.spec.clone().unwrap_or_default();
        spec.holder_identity = Some(String::new());
        spec.lease_duration_seconds = Some(1);
        spec.renew_time = Some(MicroTime(Timestamp::now()));
        let released = timeout(PATIENCE, self.replace(&lease, spec)).await;
        if !matches!(released, Ok(Ok(_))) {
            tracing::warn!("the Lease {} was not released: the next leader waits {DURATION:?}", self.name);
        }
    }

    fn step_down(&self, why: &str) {
        if self.leadership.term().is_some() {
            tracing::warn!("this process does not lead any more: {why}");
        }
        self.leadership.retire();
    }

    /// Renews or takes the Lease, if it may.
    async fn attempt(&mut self, now: Duration) -> Result<Attempt, kube::Error> {
        if let Some((lease, _)) = self.seen.clone().filter(|(lease, _)| holder(lease) == Some(&self.identity)) {
            match self.replace(&lease, renewed(lease.spec.clone(), &self.identity)).await {
                Ok(lease) => return Ok(self.saw(lease, now, Attempt::Kept)),
                // Changed by somebody: look who it is.
                Err(error) if api::is(&error, 409) || api::is(&error, 404) => {}
                Err(error) => return Err(error),
            }
        }
        let Some(lease) = self.leases.get_opt(&self.name).await? else {
            let lease = Lease { metadata: self.metadata.clone(), spec: Some(renewed(None, &self.identity)) };
            return match self.leases.create(&params(), &lease).await {
                Ok(lease) => Ok(self.saw(lease, now, Attempt::Taken)),
                Err(error) if api::is(&error, 409) => Ok(Attempt::Others),
                Err(error) => Err(error),
            };
        };
        self.saw(lease.clone(), now, Attempt::Others);
        let is_free = holder(&lease).is_none_or(|holder| *holder == self.identity) || self.has_run_out(now);
        if !is_free {
            return Ok(Attempt::Others);
        }
        match self.replace(&lease, renewed(lease.spec.clone(), &self.identity)).await {
            Ok(lease) => Ok(self.saw(lease, now, Attempt::Taken)),
            Err(error) if api::is(&error, 409) => Ok(Attempt::Others),
            Err(error) => Err(error),
        }
    }

    /// With the resourceVersion that the Lease had: of two that try at once one fails.
    async fn replace(&self, lease: &Lease, spec: LeaseSpec) -> Result<Lease, kube::Error> {
        let resource_version = lease.metadata.resource_version.clone();
        let metadata = ObjectMeta { resource_version, ..self.metadata.clone() };
        self.leases.replace(&self.name, &params(), &Lease { metadata, spec: Some(spec) }).await
    }

    /// Keeps the Lease as it was seen, and says what that is the outcome of.
    fn saw(&mut self, lease: Lease, now: Duration, outcome: Attempt) -> Attempt {
        let same =
            |(before, _): &&(Lease, Duration)| before.metadata.resource_version == lease.metadata.resource_version;
        let since = self.seen.as_ref().filter(same).map_or(now, |(_, since)| *since);
        self.seen = Some((lease, since));
        outcome
    }

    /// Whether nobody has renewed the Lease for as long as it lasts.
    fn has_run_out(&self, now: Duration) -> bool {
        self.seen.as_ref().is_some_and(|(lease, since)| {
            let seconds = lease.spec.as_ref().and_then(|spec| spec.lease_duration_seconds);
            let lasts = seconds.and_then(|it| u64::try_from(it).ok()).map_or(DURATION, Duration::from_secs);
            now.saturating_sub(*since) >= lasts
        })
    }
}

/// Who holds the Lease; nobody if it was released.
fn holder(lease: &Lease) -> Option<&String> {
    lease.spec.as_ref()?.holder_identity.as_ref().filter(|holder| !holder.is_empty())
}

/// The next state of a Lease that this process takes or keeps.
fn renewed(before: Option<LeaseSpec>, identity: &str) -> LeaseSpec {
    let mut spec = before.unwrap_or_default();
    let now = MicroTime(Timestamp::now());
    if spec.holder_identity.as_deref() != Some(identity) {
        spec.acquire_time = Some(now.clone());
        spec.lease_transitions = Some(spec.lease_transitions.map_or(0, |transitions| transitions.saturating_add(1)));
        spec.holder_identity = Some(identity.to_owned());
    }
    spec.lease_duration_seconds = i32::try_from(DURATION.as_secs()).ok();
    spec.renew_time = Some(now);
    spec
}

fn params() -> PostParams {
    PostParams { field_manager: Some(MANAGER.to_owned()), ..PostParams::default() }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn lease(version: &str, holder: &str, lasts: i32) -> Lease {
        let spec = LeaseSpec {
            holder_identity: Some(holder.to_owned()),
            lease_duration_seconds: Some(lasts),
            ..LeaseSpec::default()
        };
        let metadata = ObjectMeta { resource_version: Some(version.to_owned()), ..ObjectMeta::default() };
        Lease { metadata, spec: Some(spec) }
    }

    fn leadership() -> Leadership {
        Leadership::new(Arc::default())
    }

    #[test]
    fn a_lease_runs_out_when_it_has_stood_still_for_as_long_as_it_lasts() {
        let at = Duration::from_secs;
        let election = |seen| {
            // No request is sent.
            let config = kube::Config::new("http://127.0.0.1:9".parse().unwrap());
            let client = Client::try_from(config).unwrap();
            let release = Release { name: "r".to_owned(), namespace: "n".to_owned(), instance: "r".to_owned() };
            let mut election = Election::new((&client, &Companion::default()), &release, "me", leadership());
            election.seen = seen;
            election
        };
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        let _guard = runtime.enter();
        let mut election = election(None);
        election.saw(lease("1", "other", 15), at(100), Attempt::Others);
        assert!(!election.has_run_out(at(114)));
        // Seen again, as it was: the time counts from the first look.
        election.saw(lease("1", "other", 15), at(114), Attempt::Others);
        assert!(election.has_run_out(at(115)));
        // Renewed: from now on.
        election.saw(lease("2", "other", 15), at(115), Attempt::Others);
        assert!(!election.has_run_out(at(129)) && election.has_run_out(at(130)));
        election.saw(lease("3", "", 1), at(132), Attempt::Others);
        assert_eq!(holder(&election.seen.as_ref().unwrap().0), None, "released");
    }

    #[test]
    fn who_takes_a_lease_over_says_so_and_who_keeps_it_does_not() {
        let first = renewed(None, "a");
        assert_eq!(first.lease_transitions, Some(0));
        let kept = renewed(Some(first.clone()), "a");
        assert_eq!((kept.acquire_time.clone(), kept.lease_transitions), (first.acquire_time.clone(), Some(0)));
        let taken = renewed(Some(kept), "b");
        assert_eq!((taken.holder_identity.as_deref(), taken.lease_transitions), (Some("b"), Some(1)));
        assert_eq!(taken.lease_duration_seconds, Some(15));
    }

    #[test]
    fn nothing_is_written_ten_seconds_after_the_last_renewal() {
        let leadership = leadership();
        assert!(!leadership.may_write());
        leadership.hold(since_boot(), true);
        assert!(leadership.may_write() && leadership.term().is_some());
        // As after a process was frozen: it has not noticed yet, and does not write.
        leadership.hold(since_boot().saturating_sub(DEADLINE), false);
        assert!(!leadership.may_write() && leadership.term().is_some());
        leadership.hold(since_boot(), false);
        leadership.retire();
        assert!(!leadership.may_write() && leadership.term().is_none());
    }

    /// Else what begins with a term waits for its next turn, as the claims of namespaces once did for 20 s.
    #[test]
    fn who_is_told_of_a_term_may_write_in_it() {
        let leadership = leadership();
        let mut told = leadership.subscribe();
        let both = std::sync::Barrier::new(2);
        for _ in 0..10_000 {
            std::thread::scope(|scope| {
                let leads = scope.spawn(|| {
                    both.wait();
                    while told.borrow_and_update().is_none() {
                        std::hint::spin_loop();
                    }
                    leadership.may_write()
                });
                both.wait();
                leadership.hold(since_boot(), true);
                assert!(leads.join().unwrap());
            });
            leadership.retire();
        }
    }

    #[test]
    fn a_term_begins_whenever_others_may_have_led() {
        let leadership = leadership();
        leadership.hold(since_boot(), true);
        leadership.hold(since_boot(), false);
        assert_eq!(leadership.term(), Some(1), "renewed");
        // Frozen so long that another one came and went: the Lease is taken at the first try, with no word in between.
        leadership.hold(since_boot(), true);
        assert_eq!(leadership.term(), Some(2));
        leadership.retire();
        leadership.hold(since_boot(), false);
        assert_eq!(leadership.term(), Some(3), "everybody was told that it did not lead");
    }
}
