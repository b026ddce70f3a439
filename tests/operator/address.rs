//! Loopback addresses that nobody else on this machine listens on.

use std::net::Ipv4Addr;
use std::sync::atomic::{AtomicU16, Ordering};

/// The port of every admin port in a cluster.
pub(crate) const ADMIN_PORT: u16 = 9090;

/// Another address each time, for this process alone: two processes that test at once have different ids.
pub(crate) fn own_address() -> Ipv4Addr {
    static NEXT: AtomicU16 = AtomicU16::new(0);
    let [.., of_process_high, of_process_low] = std::process::id().to_be_bytes();
    let [number_high, number_low] = NEXT.fetch_add(1, Ordering::Relaxed).to_be_bytes();
    assert!(number_high < 2, "more addresses than a test run needs");
    Ipv4Addr::new(127, 128 + of_process_high % 32 + 32 * number_high, of_process_low, 1 + number_low % 254)
}
