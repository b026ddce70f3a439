//! How many bytes of request bodies a pod holds at once (R13).

use std::sync::atomic::{AtomicUsize, Ordering};

/// The most bytes held.
const MAX_HELD: usize = 256 * 1024 * 1024;

/// Counts the bytes held.
#[derive(Default)]
pub struct Budget(AtomicUsize);

/// Bytes held; given back on drop.
pub struct Held<'b> {
    budget: &'b Budget,
    bytes: usize,
}

impl Budget {
    /// Nothing held yet, for one body.
    pub fn hold(&self) -> Held<'_> {
        Held { budget: self, bytes: 0 }
    }
}

impl Held<'_> {
    /// Holds more, unless the pod is full.
    pub fn add(&mut self, bytes: usize) -> bool {
        let before = self.budget.0.fetch_add(bytes, Ordering::Relaxed);
        self.bytes += bytes;
        before + bytes <= MAX_HELD
    }
}

impl Drop for Held<'_> {
    fn drop(&mut self) {
        self.budget.0.fetch_sub(self.bytes, Ordering::Relaxed);
    }
}
