//! The connections that are open, so that a policy that refuses the address of
//! one can end it.
//!
//! A connection is the task that moves its bytes: aborted, it closes, and
//! whatever it carries fails. Nothing is asked per request.

use std::net::SocketAddr;

use parking_lot::Mutex;
use tokio::task::AbortHandle;

/// Room for connections to come before those that have ended are forgotten.
const ROOM: usize = 16;

/// Open connections by where they lead; some may have ended meanwhile.
#[derive(Default)]
pub(super) struct Connections {
    open: Mutex<Vec<(SocketAddr, AbortHandle)>>,
}

impl Connections {
    /// Remembers a connection; ends it at once if it is no longer permitted. `permits` is asked while no other policy
    /// can come into force unseen: [`Self::retain`] comes after the change, and meets this connection or its question.
    pub(super) fn add(&self, address: SocketAddr, driver: AbortHandle, permits: impl FnOnce(SocketAddr) -> bool) {
        let mut open = self.open.lock();
        if !permits(address) {
            driver.abort();
            return;
        }
        if open.len() == open.capacity() {
            open.retain(|(_, driver)| !driver.is_finished());
            // As many again until the next look, so that a look costs little per connection.
            let room = open.len() + ROOM;
            open.shrink_to(2 * room);
            open.reserve(room);
        }
        open.push((address, driver));
    }

    /// Ends the connections that are not permitted.
    pub(super) fn retain(&self, permits: impl Fn(SocketAddr) -> bool) {
        self.open.lock().retain(|(address, driver)| {
            if driver.is_finished() {
                return false;
            }
            let keep = permits(*address);
            if !keep {
                driver.abort();
            }
            keep
        });
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn address(port: u16) -> SocketAddr {
        SocketAddr::from(([10, 0, 0, 1], port))
    }

    #[tokio::test]
    async fn r20_connections_that_ended_are_forgotten() {
        let connections = Connections::default();
        let lasting = tokio::spawn(std::future::pending::<()>());
        connections.add(address(1), lasting.abort_handle(), |_| true);
        for _ in 0..1000 {
            let brief = tokio::spawn(async {});
            connections.add(address(2), brief.abort_handle(), |_| true);
            brief.await.unwrap();
        }
        assert!(connections.open.lock().len() <= 2 * (1 + ROOM));
        connections.retain(|address| address.port() != 1);
        assert!(lasting.await.unwrap_err().is_cancelled(), "and those that have not are not");
    }

    #[tokio::test]
    async fn r20_a_connection_that_comes_after_its_address_was_refused_ends_at_once() {
        let connections = Connections::default();
        let late = tokio::spawn(std::future::pending::<()>());
        connections.add(address(1), late.abort_handle(), |_| false);
        assert!(late.await.unwrap_err().is_cancelled());
    }
}
