//! One watch, for ever: what it tells, and what is said when it fails.
//!
//! The apiserver may be away: what was told stays. A list that is begun anew
//! and breaks off takes nothing away.

use std::fmt::Debug;
use std::pin::pin;
use std::time::Duration;

use futures_util::StreamExt;
use kube::{Api, Resource};
use kube_runtime::watcher::{self, Config, Event, watcher};
use serde::de::DeserializeOwned;
use tokio::sync::{mpsc, watch};
use tokio::time::sleep;

use crate::api;

/// What a watch tells.
#[derive(Debug)]
pub(crate) enum Told<T> {
    /// Everything follows, and what does not is gone once it is complete. With the value of `again` that asked for it: the
    /// list was begun after that.
    Begins(u64),
    /// One of everything.
    Listed(T),
    /// That was everything.
    Complete,
    /// New, or changed.
    Put(T),
    /// It was there, like this, and is gone.
    Gone(T),
    /// We may not see it, or the apiserver does not know the kind: nothing is known until it is well again.
    Refused(String),
    /// It fails, and is tried again.
    Fails(String),
    /// It goes on.
    Well,
}

/// The first and the longest pause after a failure.
const FIRST_PAUSE: Duration = Duration::from_millis(100);
const LONGEST_PAUSE: Duration = Duration::from_secs(2);
/// The pause after a refusal: somebody has to do something first.
const REFUSED_PAUSE: Duration = Duration::from_secs(5);
/// A watch that has been silent for so long after a failure goes on.
const CALM: Duration = Duration::from_secs(2);

/// Who hears of a watch, and as what.
pub(crate) struct Hearer<S, T> {
    /// What the watch is called.
    pub(crate) source: S,
    /// Where it is told.
    pub(crate) to: mpsc::Sender<(S, Told<T>)>,
    /// Everything is listed anew when it changes.
    pub(crate) again: watch::Receiver<u64>,
}

/// Follows what `api` and `config` name and tells it, until nobody listens.
pub(crate) async fn follow<K, T, S>(api: Api<K>, config: Config, read: fn(K) -> T, hearer: Hearer<S, T>)
where
    K: Resource + Clone + DeserializeOwned + Debug + Send + 'static,
    S: Clone,
{
    let Hearer { source, to, mut again } = hearer;
    let tell = async |told: Told<T>| to.send((source.clone(), told)).await.is_ok();
    // Beyond a list that is begun anew: who heard of a failure has to hear that it is over.
    let mut failures = 0;
    loop {
        let round = *again.borrow_and_update();
        let mut events = pin!(watcher(api.clone(), config.clone()));
        loop {
            let told = tokio::select! {
                event = events.next() => match event {
                    Some(Ok(event)) => of_event(event, round, read),
                    Some(Err(error)) => of_error(&error),
                    None => break,
                },
                () = sleep(CALM), if failures > 0 => Told::Well,
                changed = again.changed() => match changed {
                    Ok(()) => break,
                    Err(_) => return,
                },
            };
            let pause = match &told {
                Told::Refused(_) => Some(REFUSED_PAUSE),
                Told::Fails(_) => Some(pause(failures)),
                // A list that only begins may fail yet.
                Told::Begins(_) => None,
                _ => {
                    if failures > 0 && !matches!(told, Told::Well) && !tell(Told::Well).await {
                        return;
                    }
                    failures = 0;
                    None
                }
            };
            if !tell(told).await {
                return;
            }
            if let Some(pause) = pause {
                failures += 1;
                tokio::select! {
                    () = sleep(pause) => {}
                    () = to.closed() => return,
                }
            }
        }
    }
}

fn of_event<K, T>(event: Event<K>, round: u64, read: fn(K) -> T) -> Told<T> {
    match event {
        Event::Init => Told::Begins(round),
        Event::InitApply(object) => Told::Listed(read(object)),
        Event::InitDone => Told::Complete,
        Event::Apply(object) => Told::Put(read(object)),
        Event::Delete(object) => Told::Gone(read(object)),
    }
}

fn of_error<T>(error: &watcher::Error) -> Told<T> {
    use watcher::Error::{InitialListFailed, NoResourceVersion, WatchError, WatchFailed, WatchStartFailed};
    match error {
        InitialListFailed(error) | WatchStartFailed(error) | WatchFailed(error) => {
            if api::is(error, 403) || api::is(error, 404) {
                Told::Refused(api::brief(error))
            } else {
                Told::Fails(api::brief(error))
            }
        }
        WatchError(status) => Told::Fails(format!("{} ({})", status.message, status.code)),
        NoResourceVersion => Told::Fails("the apiserver gives no resourceVersion".to_owned()),
    }
}

/// Twice as long each time, within bounds: an apiserver that comes back is found within seconds.
fn pause(failures: u32) -> Duration {
    FIRST_PAUSE.saturating_mul(1 << failures.min(10)).min(LONGEST_PAUSE)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pauses_grow_to_two_seconds() {
        let pauses: Vec<_> = (0..7).map(|failures| pause(failures).as_millis()).collect();
        assert_eq!(pauses, [100, 200, 400, 800, 1600, 2000, 2000]);
        assert_eq!(pause(u32::MAX), LONGEST_PAUSE);
    }

    #[test]
    fn who_may_not_look_knows_nothing_and_any_other_failure_passes() {
        let answer = |code| {
            let status = kube::core::Status::failure("why", "Reason").with_code(code);
            of_error::<()>(&watcher::Error::InitialListFailed(kube::Error::Api(Box::new(status))))
        };
        assert!(matches!(answer(403), Told::Refused(_)));
        assert!(matches!(answer(404), Told::Refused(_)));
        assert!(matches!(answer(500), Told::Fails(_)));
    }
}
