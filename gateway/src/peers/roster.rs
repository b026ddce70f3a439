//! Which other processes there are: those that the names of the
//! configuration resolve to, and those that introduced themselves, so that a
//! process is known to all from its first question on.

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use parking_lot::RwLock;
use tokio_rustls::TlsConnector;

use super::Boot;
use super::line::Line;
use crate::owner::Owner;

/// The most addresses that are known at once.
const MAX_ADDRESSES: usize = 256;
/// An address that no name resolves to is forgotten after this long without an answer.
const FORGET: Duration = Duration::from_secs(60);

/// The addresses that are known.
pub(super) struct Roster {
    own: Owner,
    tls: TlsConnector,
    lines: RwLock<BTreeMap<SocketAddr, Known>>,
}

struct Known {
    line: Arc<Line>,
    /// A name of the configuration resolves to it.
    is_named: bool,
}

impl Roster {
    /// Nobody is known.
    pub(super) fn new(own: Owner, tls: TlsConnector) -> Self {
        Self { own, tls, lines: RwLock::default() }
    }

    /// What the names resolve to now; and who is gone is forgotten.
    pub(super) fn name(&self, addresses: &[SocketAddr]) {
        let mut lines = self.lines.write();
        lines.retain(|address, known| {
            known.is_named = addresses.contains(address);
            known.is_named || !known.line.seen().is_lost(FORGET)
        });
        for address in addresses {
            self.add(&mut lines, *address, true);
        }
    }

    /// A process introduced itself.
    pub(super) fn learn(&self, address: SocketAddr, boot: Boot) {
        if !self.lines.read().contains_key(&address) {
            self.add(&mut self.lines.write(), address, false);
        }
        if let Some(known) = self.lines.read().get(&address) {
            known.line.introduced(boot);
        }
    }

    fn add(&self, lines: &mut BTreeMap<SocketAddr, Known>, address: SocketAddr, is_named: bool) {
        if Some(address) != self.own.address && lines.len() < MAX_ADDRESSES {
            let line = || Known { line: Arc::new(Line::new(address, self.tls.clone())), is_named };
            lines.entry(address).or_insert_with(line);
        }
    }

    /// All addresses, this process's own by another name included.
    pub(super) fn all(&self) -> Vec<Arc<Line>> {
        self.lines.read().values().map(|known| known.line.clone()).collect()
    }

    /// All but this process.
    pub(super) fn others(&self) -> Vec<Arc<Line>> {
        let mut all = self.all();
        all.retain(|line| line.seen().boot != Some(self.own.boot));
        all
    }

    /// The way to an address. One that is not known, or no more, is kept by nobody.
    pub(super) fn line(&self, address: SocketAddr) -> Arc<Line> {
        let known = self.lines.read().get(&address).map(|known| known.line.clone());
        known.unwrap_or_else(|| Arc::new(Line::new(address, self.tls.clone())))
    }

    /// A process said that it ends.
    pub(super) fn leaves(&self, address: SocketAddr, boot: Boot) {
        if let Some(known) = self.lines.read().get(&address) {
            known.line.leaves(boot);
        }
    }
}
