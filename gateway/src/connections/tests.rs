use proptest::prelude::*;

use super::*;
use crate::metrics::Metrics;

const LIMITS: Limits = Limits { all: 6, of_peer: 3 };

fn connections() -> Arc<Connections> {
    Connections::new(LIMITS, Metrics::new().closed_connections)
}

fn peer(number: u8) -> Peer {
    Peer::from(std::net::IpAddr::from([192, 0, 2, number]))
}

#[test]
fn r13_one_address_leaves_room_for_others() {
    let connections = connections();
    let mut held: Vec<_> = (0..3).map(|_| connections.enter(peer(1)).unwrap()).collect();
    assert!(connections.enter(peer(1)).is_none());
    assert!(connections.enter(peer(2)).is_some(), "and it is free again");
    held.pop();
    assert!(connections.enter(peer(1)).is_some(), "who closes one may open one");
    assert_eq!(connections.closed.with_label_values(&["peer"]).get(), 1);
}

#[test]
fn r13_all_addresses_together_have_a_limit() {
    let connections = connections();
    let held: Vec<_> = (0..6).map(|number| connections.enter(peer(number)).unwrap()).collect();
    assert!(connections.enter(peer(9)).is_none());
    assert_eq!(connections.closed.with_label_values(&["all"]).get(), 1);
    drop(held);
    assert!(connections.enter(peer(9)).is_some());
}

#[test]
fn r13_what_is_closed_often_is_told_seldom() {
    let mut told = Seldom::default();
    let start = Instant::now();
    assert!(told.is_due(start));
    assert!(!told.is_due(start + TELL / 2));
    assert!(told.is_due(start + TELL));
    assert!(!told.is_due(start + TELL));
}

#[test]
fn r13_descriptors_are_left_for_upstreams() {
    assert_eq!(Limits::within(1 << 20), Limits { all: 16_384, of_peer: 4_096 });
    assert_eq!(Limits::within(16_384 + 2_048), Limits { all: 16_384, of_peer: 4_096 });
    assert_eq!(Limits::within(4_096), Limits { all: 2_048, of_peer: 512 });
    assert_eq!(Limits::within(1_024), Limits { all: 512, of_peer: 128 });
    assert_eq!(Limits::within(0), Limits { all: 4, of_peer: 1 });
}

proptest! {
    /// R13: whatever comes and goes, the limits hold, and nothing is remembered of who is gone.
    #[test]
    fn r13_the_limits_hold(steps in proptest::collection::vec((0_u8..4, any::<bool>()), 1..200)) {
        let connections = connections();
        let mut held: Vec<Vec<Place>> = (0..4).map(|_| Vec::new()).collect();
        for (number, enters) in steps {
            let all: usize = held.iter().map(Vec::len).sum();
            let mine = &mut held[usize::from(number)];
            if enters {
                let place = connections.enter(peer(number));
                prop_assert_eq!(place.is_some(), all < LIMITS.all && mine.len() < LIMITS.of_peer);
                mine.extend(place);
            } else {
                mine.pop();
            }
        }
        let peers = held.iter().filter(|places| !places.is_empty()).count();
        prop_assert_eq!(connections.open.lock().of_peer.len(), peers);
        drop(held);
        prop_assert_eq!(connections.open.lock().all, 0);
    }
}
