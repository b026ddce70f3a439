//! The keys of one issuer, as they come: asked for when it is first trusted,
//! every five minutes, and where a token names one that is not known. What was
//! had is kept through an outage.

use std::sync::{Arc, Weak};
use std::time::Duration;

use arc_swap::ArcSwapOption;
use crds::snapshot::Algorithm;
use tokio::sync::{Mutex, Notify};
use tokio::time::{Instant, sleep};

use super::Refused;
use super::jose::Parts;
use super::keys::{KeySet, TakenBack};
use super::source::{Fetched, Source};
use crate::denial::Reason;
use crate::egress::Egress;
use crate::metrics::IssuerMetrics;

/// How often they are asked for anew.
const REFRESH: Duration = Duration::from_secs(300);
/// How often they may be asked for because of a token, whose sender chooses what it names (R27).
const BECAUSE_OF_A_TOKEN: Duration = Duration::from_secs(30);
/// How soon they are asked for again where none were had: first, and at last.
const AGAIN: (Duration, Duration) = (Duration::from_millis(500), Duration::from_secs(30));

/// The keys of one issuer.
pub(super) struct Feed {
    source: Source,
    egress: Arc<Egress>,
    metrics: IssuerMetrics,
    keys: ArcSwapOption<Keys>,
    /// Told when a key is taken back.
    taken_back: Arc<Notify>,
    /// Who holds it asks; when it was last asked because of a token.
    asking: Mutex<Option<Instant>>,
}

struct Keys {
    issuer: String,
    set: KeySet,
}

impl Feed {
    /// Begins to ask; ends when nobody has it any more.
    pub(super) fn begin(
        source: Source,
        egress: Arc<Egress>,
        metrics: IssuerMetrics,
        taken_back: Arc<Notify>,
    ) -> Arc<Self> {
        let (keys, asking) = (ArcSwapOption::empty(), Mutex::default());
        let feed = Arc::new(Self { source, egress, metrics, keys, taken_back, asking });
        tokio::spawn(keep(Arc::downgrade(&feed)));
        feed
    }

    /// Whether this issuer, who is the one that it names, signed the token: then, whether the key is taken back since.
    pub(super) async fn verify(
        &self,
        named: &str,
        parts: &Parts<'_>,
        algorithm: Algorithm,
    ) -> Result<Arc<TakenBack>, Refused> {
        let kid = parts.header.kid.as_deref();
        let mut keys = self.keys.load_full();
        let has_key = |keys: &Arc<Keys>| keys.issuer == named && keys.set.find(kid, algorithm).is_some();
        if keys.as_ref().is_none_or(|keys| keys.issuer == named && !has_key(keys)) {
            self.ask_because_of_a_token().await;
            keys = self.keys.load_full();
        }
        let keys = keys.ok_or(Refused::Unavailable)?;
        if keys.issuer != named {
            return Err(Refused::Invalid(Reason::TokenIssuer));
        }
        let (key, taken_back) = keys.set.find(kid, algorithm).ok_or(Refused::Invalid(Reason::TokenKey))?;
        let verified = key.verifies(algorithm, parts.signed, &parts.signature);
        if verified { Ok(taken_back.clone()) } else { Err(Refused::Invalid(Reason::TokenSignature)) }
    }

    /// Takes back all of its keys: nobody hears any more which of them its issuer takes back.
    pub(super) fn end(&self) {
        if let Some(keys) = &*self.keys.load() {
            keys.set.take_back(None);
        }
    }

    async fn ask_because_of_a_token(&self) {
        let before = self.keys.load_full();
        let mut last = self.asking.lock().await;
        // Somebody else has asked while this one waited.
        let others = match (&before, &self.keys.load_full()) {
            (None, None) => false,
            (Some(before), Some(now)) => !Arc::ptr_eq(before, now),
            _ => true,
        };
        if others || last.is_some_and(|last| last.elapsed() < BECAUSE_OF_A_TOKEN) {
            return;
        }
        *last = Some(Instant::now());
        self.ask().await;
    }

    /// Asks, and tells whether keys came.
    async fn ask(&self) -> bool {
        match self.source.fetch(&self.egress).await.and_then(|Fetched { issuer, jwks }| {
            let set = KeySet::read(&jwks).ok_or("its keys are no JWKS document")?;
            Ok(Keys { issuer, set })
        }) {
            Ok(Keys { issuer, mut set }) => {
                self.metrics.came(self.source.name());
                let before = self.keys.load_full();
                if let Some(before) = before.as_ref().filter(|before| before.issuer == issuer) {
                    set.go_on(&before.set);
                }
                let keys = Arc::new(Keys { issuer, set });
                self.keys.store(Some(keys.clone()));
                if before.is_some_and(|before| before.set.take_back(Some(&keys.set))) {
                    self.taken_back.notify_one();
                }
                true
            }
            Err(why) => {
                self.metrics.failed(self.source.name());
                let had =
                    if self.keys.load().is_some() { "those of before are used" } else { "its tokens are refused" };
                tracing::warn!(issuer = self.source.name(), "no keys were had, {had}: {why}");
                false
            }
        }
    }
}

async fn keep(feed: Weak<Feed>) {
    let mut again = AGAIN.0;
    loop {
        let Some(feed) = feed.upgrade() else { return };
        let came = {
            let _asking = feed.asking.lock().await;
            feed.ask().await
        };
        drop(feed);
        if came {
            again = AGAIN.0;
            sleep(REFRESH).await;
        } else {
            sleep(again).await;
            again = (again * 2).min(AGAIN.1);
        }
    }
}
