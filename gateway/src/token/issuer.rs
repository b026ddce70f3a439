//! Whose tokens are taken: the issuers of the settings, and the cluster's own
//! for its service accounts.

use std::sync::{Arc, OnceLock};

use arc_swap::ArcSwap;
use crds::snapshot::{Issuer, UnixSeconds, WireSettings};
use sha2::{Digest, Sha256};
use tokio::sync::Notify;

use super::feed::Feed;
use super::jose::Parts;
use super::known::{Found, Known};
use super::source::Source;
use super::{LONGEST, Refused, Token, claims, keys, looks_like_one, service_account_audience};
use crate::denial::Reason;
use crate::egress::Egress;
use crate::metrics::IssuerMetrics;
use crate::table::RoutingTable;

/// What is known of tokens and of those who issue them.
pub struct Tokens {
    egress: Arc<Egress>,
    trusted: ArcSwap<Vec<Trusted>>,
    cluster: OnceLock<Arc<Feed>>,
    known: Known,
    /// Told when an issuer takes a key back: whoever is known by a token is to be looked at again.
    pub taken_back: Arc<Notify>,
    metrics: IssuerMetrics,
}

/// An issuer of the settings, with its keys.
struct Trusted {
    issuer: Arc<Issuer>,
    feed: Arc<Feed>,
}

impl Tokens {
    /// No token is taken yet.
    pub fn new(egress: Arc<Egress>, metrics: IssuerMetrics) -> Self {
        Self {
            egress,
            trusted: ArcSwap::default(),
            cluster: OnceLock::new(),
            known: Known::new(),
            taken_back: Arc::default(),
            metrics,
        }
    }

    /// Takes the tokens of the service accounts of the cluster with this apiserver. To be called in the runtime, once.
    pub fn trust_cluster(&self, apiserver: kube::Client) {
        self.cluster.get_or_init(|| self.begin(Source::Cluster(apiserver)));
    }

    fn begin(&self, source: Source) -> Arc<Feed> {
        self.metrics.begin(source.name());
        Feed::begin(source, self.egress.clone(), self.metrics.clone(), self.taken_back.clone())
    }

    /// Keeps the keys of these issuers at hand, and of no others: no token counts that another's key signed. Those that
    /// are known are not asked for again.
    pub fn trust(&self, issuers: &[Issuer]) {
        let before = self.trusted.load_full();
        if before.iter().map(|trusted| &*trusted.issuer).eq(issuers) {
            return;
        }
        let trusted: Vec<_> = issuers
            .iter()
            .map(|issuer| {
                let feed = before
                    .iter()
                    .find(|known| known.is_at(issuer))
                    .map_or_else(|| self.begin(Source::of(issuer)), |known| known.feed.clone());
                Trusted { issuer: Arc::new(issuer.clone()), feed }
            })
            .collect();
        let is_gone = |feed: &Arc<Feed>| trusted.iter().all(|now| !Arc::ptr_eq(&now.feed, feed));
        for gone in before.iter().filter(|before| is_gone(&before.feed)) {
            gone.feed.end();
        }
        let is_named = |name: &str| issuers.iter().any(|issuer| issuer.issuer == name);
        for gone in before.iter().filter(|before| !is_named(&before.issuer.issuer)) {
            self.metrics.end(&gone.issuer.issuer);
        }
        self.trusted.store(Arc::new(trusted));
    }

    /// Whose a token is, by its SHA-256, if it was verified before.
    pub fn known(&self, digest: &[u8; 32], table: &RoutingTable, now: UnixSeconds) -> Found {
        self.known.bearer(digest, table, now)
    }

    /// The token of an id, if one is known that is still valid.
    pub fn of_id(&self, id: &str, now: UnixSeconds) -> Option<Arc<Token>> {
        self.known.of_id(id, now)
    }

    /// Verifies a token by these settings and knows it from then on. Waits for keys that are on their way, and asks for
    /// them where a token names one that is not known.
    pub async fn verify(&self, text: &[u8], settings: &WireSettings, now: UnixSeconds) -> Result<Arc<Token>, Refused> {
        if text.len() > LONGEST || !looks_like_one(text) {
            return Err(Refused::Invalid(Reason::TokenMalformed));
        }
        let parts = Parts::read(text).filter(|parts| parts.header.is_of_ours());
        let parts = parts.ok_or(Refused::Invalid(Reason::TokenMalformed))?;
        let named = parts.payload.issuer().ok_or(Refused::Invalid(Reason::TokenLacksClaim))?;
        let of_settings = settings.issuers.iter().find(|issuer| issuer.issuer == named);
        let token = match (of_settings, self.cluster.get()) {
            (Some(issuer), _) => {
                let Trusted { issuer, feed } = &self.trusted(issuer).ok_or(Refused::Unavailable)?;
                let pinned = keys::read(&parts.header.alg).filter(|algorithm| issuer.algorithms.contains(algorithm));
                let taken_back =
                    feed.verify(named, &parts, pinned.ok_or(Refused::Invalid(Reason::TokenIssuer))?).await?;
                claims::of_issuer(&parts.payload, issuer, taken_back, now)
            }
            (None, Some(cluster)) => {
                let algorithm = keys::read(&parts.header.alg).ok_or(Refused::Invalid(Reason::TokenIssuer))?;
                let taken_back = cluster.verify(named, &parts, algorithm).await?;
                claims::of_account(&parts.payload, service_account_audience(settings), taken_back, now)
            }
            (None, None) => Err(Reason::TokenIssuer),
        };
        let token = Arc::new(token.map_err(Refused::Invalid)?);
        self.known.insert(Sha256::digest(text).into(), &token, now);
        Ok(token)
    }

    /// An issuer as some settings have it, with its keys; none if they are not at hand, as while settings change.
    fn trusted(&self, issuer: &Issuer) -> Option<Trusted> {
        let trusted = self.trusted.load();
        let feed = trusted.iter().find(|trusted| trusted.is_at(issuer))?.feed.clone();
        let same = trusted.iter().find(|trusted| *trusted.issuer == *issuer);
        Some(Trusted { issuer: same.map_or_else(|| Arc::new(issuer.clone()), |same| same.issuer.clone()), feed })
    }
}

impl Trusted {
    /// Whether an issuer's keys are where this one's are.
    fn is_at(&self, issuer: &Issuer) -> bool {
        (&self.issuer.issuer, &self.issuer.jwks_uri) == (&issuer.issuer, &issuer.jwks_uri)
    }
}
