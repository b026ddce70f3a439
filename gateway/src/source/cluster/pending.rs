//! Credentials that have not arrived: asked for again and again, while the
//! servers that need them are off and nothing else waits.

use std::time::Duration;

use crds::compile::Pepper;
use tokio::time::{Instant, sleep_until};

use super::credentials::{Found, Wanted};
use super::fetch;
use super::objects::Objects;
use super::pause::Pause;

/// The first wait before they are asked for again, and the longest. The operator writes them before it names them.
const PAUSES: (Duration, Duration) = (Duration::from_millis(100), Duration::from_secs(5));

/// What is waited for.
pub(super) struct Pending {
    wanted: Vec<Wanted>,
    at: Instant,
    pause: Pause,
    /// What was last told to be the trouble.
    told: Option<String>,
}

impl Pending {
    /// Waits for these, which were asked for just now, and for nothing else.
    pub(super) fn new(wanted: Vec<Wanted>) -> Self {
        let mut pause = Pause::new(PAUSES.0, PAUSES.1);
        Self { wanted, at: Instant::now() + pause.failed(), pause, told: None }
    }

    /// Asks for them when it is time to. Never returns if nothing is waited for.
    pub(super) fn ask(&self, objects: &Objects, pepper: Option<&Pepper>) -> impl Future<Output = Found> + use<> {
        let (objects, pepper) = (objects.clone(), pepper.cloned());
        let (wanted, at) = (self.wanted.clone(), self.at);
        async move {
            let Some(pepper) = pepper.filter(|_| !wanted.is_empty()) else { return std::future::pending().await };
            sleep_until(at).await;
            fetch::credentials(&objects, &pepper, &wanted).await
        }
    }

    /// None of them was there, and perhaps why.
    pub(super) fn none_came(&mut self, trouble: Option<String>) {
        if let Some(why) = trouble.as_ref().filter(|why| self.told.as_ref() != Some(*why)) {
            tracing::warn!("credentials have not arrived: {why}");
            self.told = trouble;
        }
        self.at = Instant::now() + self.pause.failed();
    }
}
