//! Waiting for a condition with a deadline, instead of sleeping and hoping.

use std::time::{Duration, Instant};

/// How often a condition is looked at.
const INTERVAL: Duration = Duration::from_millis(2);

/// Polls until `condition` gives a value; panics with `what` once `deadline` has passed.
pub fn until<T>(what: &str, deadline: Duration, mut condition: impl FnMut() -> Option<T>) -> T {
    let end = Instant::now() + deadline;
    loop {
        if let Some(value) = condition() {
            return value;
        }
        assert!(Instant::now() < end, "{what}: not within {deadline:?}");
        std::thread::sleep(INTERVAL);
    }
}

/// Looks again and again for as long as `time` lasts: `holds` panics when it no longer does.
pub fn throughout(time: Duration, mut holds: impl FnMut()) {
    let end = Instant::now() + time;
    while Instant::now() < end {
        holds();
        std::thread::sleep(INTERVAL);
    }
}

/// As [`until`], for a condition that is itself a conversation.
pub async fn until_async<T>(what: &str, deadline: Duration, mut condition: impl AsyncFnMut() -> Option<T>) -> T {
    let end = Instant::now() + deadline;
    loop {
        if let Some(value) = condition().await {
            return value;
        }
        assert!(Instant::now() < end, "{what}: not within {deadline:?}");
        tokio::time::sleep(INTERVAL).await;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn gives_what_the_condition_gives_once_it_holds() {
        let mut looks = 0;
        let seen = until("three looks", Duration::from_secs(5), || {
            looks += 1;
            (looks == 3).then_some(looks)
        });
        assert_eq!(seen, 3);
    }

    #[test]
    fn looks_for_as_long_as_it_is_told() {
        let began = Instant::now();
        let mut looks = 0;
        throughout(Duration::from_millis(20), || looks += 1);
        assert!(looks > 1 && began.elapsed() >= Duration::from_millis(20), "{looks} looks");
    }

    #[test]
    #[should_panic(expected = "never: not within")]
    fn names_what_did_not_come() {
        until("never", Duration::from_millis(5), || None::<()>);
    }
}
