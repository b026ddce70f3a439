//! Which key seals while keys are replaced (R9): a new one is accepted at once
//! and seals once every process accepts it; an old one is accepted for as long
//! as it is there.

use std::sync::Arc;
use std::time::Duration;

use tokio::time::Instant;

use crate::seal::{SealKey, Sealer};

/// How long a new key is known here before it seals: by then all others know it too.
const KNOWN: Duration = Duration::from_secs(60);

/// The keys for what clients bring back.
pub(super) struct Seals {
    sealer: Arc<Sealer>,
    /// By rising id.
    keys: Vec<SealKey>,
    sealing: u8,
    /// When the newest one seals.
    due: Option<Instant>,
}

impl Seals {
    /// Keys by rising id; the newest seals, as it does elsewhere.
    pub(super) fn new(keys: &[SealKey]) -> Self {
        let sealing = newest(keys);
        let sealer = Arc::new(Sealer::new(&in_order(keys, sealing)));
        Self { sealer, keys: keys.to_vec(), sealing, due: None }
    }

    /// Seals and opens.
    pub(super) fn sealer(&self) -> &Arc<Sealer> {
        &self.sealer
    }

    /// Which keys there are now, by rising id.
    pub(super) fn see(&mut self, keys: &[SealKey], now: Instant) {
        self.keys = keys.to_vec();
        if !keys.iter().any(|key| key.id == self.sealing) {
            self.sealing = newest(keys);
        }
        self.due = (self.sealing != newest(keys)).then(|| self.due.unwrap_or(now + KNOWN));
        self.sealer.replace(&in_order(&self.keys, self.sealing));
    }

    /// When [`Self::look`] is to be called.
    pub(super) fn due(&self) -> Option<Instant> {
        self.due
    }

    /// Seals with the newest if its time has come.
    pub(super) fn look(&mut self, now: Instant) {
        if self.due.is_some_and(|due| due <= now) {
            self.due = None;
            self.sealing = newest(&self.keys);
            self.sealer.replace(&in_order(&self.keys, self.sealing));
            tracing::info!("the key seal-{} seals from now on", self.sealing);
        }
    }
}

fn newest(keys: &[SealKey]) -> u8 {
    keys.last().map_or(0, |key| key.id)
}

/// The one that seals first.
fn in_order(keys: &[SealKey], sealing: u8) -> Vec<SealKey> {
    let (first, rest): (Vec<_>, Vec<_>) = keys.iter().cloned().partition(|key| key.id == sealing);
    [first, rest].concat()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::seal::Purpose;

    fn keys(ids: &[u8]) -> Vec<SealKey> {
        ids.iter().map(|id| SealKey { id: *id, key: [*id; 32] }).collect()
    }

    /// The id of the key that seals.
    fn sealing(seals: &Seals) -> u8 {
        let sealed = seals.sealer.seal(Purpose::Session, b"x").unwrap();
        let opens = |id: &u8| Sealer::new(&keys(&[*id])).open(Purpose::Session, sealed.as_bytes()).is_some();
        (1..=9).find(opens).unwrap()
    }

    fn opens(seals: &Seals, by: u8) -> bool {
        let sealed = Sealer::new(&keys(&[by])).seal(Purpose::Session, b"x").unwrap();
        seals.sealer.open(Purpose::Session, sealed.as_bytes()).is_some()
    }

    #[test]
    fn r9_a_new_key_is_accepted_at_once_and_seals_when_all_know_it() {
        let began = Instant::now();
        let mut seals = Seals::new(&keys(&[1]));
        assert!(sealing(&seals) == 1 && !opens(&seals, 2));
        seals.see(&keys(&[1, 2]), began);
        assert!(sealing(&seals) == 1 && opens(&seals, 2));
        // What is told again does not put it off.
        seals.see(&keys(&[1, 2]), began + KNOWN / 2);
        assert_eq!(seals.due(), Some(began + KNOWN));
        seals.look(began + KNOWN);
        assert!(sealing(&seals) == 2 && opens(&seals, 1) && seals.due().is_none());
        seals.see(&keys(&[2]), began + KNOWN);
        assert!(sealing(&seals) == 2 && !opens(&seals, 1));
    }

    #[test]
    fn r9_the_newest_takes_over_at_once_where_the_one_that_sealed_is_gone() {
        let mut seals = Seals::new(&keys(&[1, 2]));
        assert_eq!(sealing(&seals), 2);
        seals.see(&keys(&[1, 3]), Instant::now());
        assert!(sealing(&seals) == 3 && !opens(&seals, 2));
    }
}
