use std::net::Ipv4Addr;

use proptest::prelude::*;

use super::*;

fn peer(number: u32) -> Peer {
    Peer::from(std::net::IpAddr::from(Ipv4Addr::from_bits(number)))
}

/// Presents invalid credentials until one is too many; how many were not.
fn exhaust(guesses: &Guesses, peer: Peer, now: Instant) -> u32 {
    (0..BURST * 2).take_while(|_| guesses.take(peer, now)).count() as u32
}

#[test]
fn r13_an_address_has_a_burst_and_ten_a_second() {
    let guesses = Guesses::default();
    let start = Instant::now();
    assert_eq!(exhaust(&guesses, peer(1), start), 100);
    assert!(!guesses.take(peer(1), start + REFILL.mul_f64(0.99)));
    assert_eq!(exhaust(&guesses, peer(1), start + REFILL), 1);
    assert_eq!(exhaust(&guesses, peer(1), start + Duration::from_secs(1)), 9, "what was refused costs nothing");
    assert_eq!(exhaust(&guesses, peer(1), start + Duration::from_secs(3600)), 100, "no more than a burst is saved up");
}

#[test]
fn r13_addresses_do_not_count_for_each_other() {
    let guesses = Guesses::default();
    let now = Instant::now();
    assert_eq!(exhaust(&guesses, peer(1), now), 100);
    assert_eq!(exhaust(&guesses, peer(2), now), 100);
}

#[test]
fn r13_only_so_many_addresses_are_remembered_and_the_most_recovered_goes() {
    let guesses = Guesses::default();
    let now = Instant::now();
    for number in 0..MAX_PEERS as u32 {
        assert!(guesses.take(peer(number), now));
    }
    // The last one presents more than the others, and stays.
    let worst = peer(MAX_PEERS as u32 - 1);
    exhaust(&guesses, worst, now);
    for number in 0..MAX_PEERS as u32 {
        assert!(guesses.take(peer(1_000_000 + number), now));
        assert!(!guesses.take(worst, now), "after {number} further addresses");
    }
    let buckets = guesses.0.lock();
    assert_eq!((buckets.full_at.len(), buckets.by_time.len()), (MAX_PEERS, MAX_PEERS));
    drop(buckets);
    guesses.take(worst, now + REFILL * BURST);
    assert_eq!(guesses.0.lock().full_at.len(), 1, "who recovered is forgotten");
}

proptest! {
    /// R13: in any time an address gets through at most a burst and what was refilled.
    #[test]
    fn r13_no_pattern_of_guesses_gets_more_through(waits in proptest::collection::vec(0_u64..300, 1..600)) {
        let guesses = Guesses::default();
        let start = Instant::now();
        let mut now = start;
        let mut taken = 0;
        for wait in waits {
            now += Duration::from_millis(wait);
            taken += u128::from(guesses.take(peer(1), now));
            let refilled = (now - start).as_millis() / REFILL.as_millis();
            prop_assert!(taken <= u128::from(BURST) + refilled);
        }
    }
}
