//! The open streams of a process, so many as there may be (R13).

use std::collections::HashMap;
use std::sync::Arc;

use parking_lot::Mutex;
use tokio::sync::watch;

use super::stream::SseStream;
use crate::session::Nonce;

/// Streams at once: each has a connection, of which there are 16,384.
const ALL: usize = 8192;
/// Streams of one caller: many agents share a key. Fewer than the sessions of which anything may be kept, so that there is
/// room for clients of the other transport.
const OF_CALLER: usize = 512;

/// The open streams.
pub struct Streams {
    open: Arc<Mutex<Open>>,
    /// The process ends: idle streams do so now, others when they are.
    leaving: watch::Sender<bool>,
}

#[derive(Default)]
struct Open {
    streams: HashMap<Nonce, Arc<SseStream>>,
    /// None stands at zero, so that there are never more of them than streams.
    of_caller: HashMap<String, usize>,
}

/// A stream among those that are open, until it is dropped.
pub struct Place {
    open: Arc<Mutex<Open>>,
    nonce: Nonce,
    caller: String,
    stream: Arc<SseStream>,
}

impl Default for Streams {
    fn default() -> Self {
        Self { open: Arc::default(), leaving: watch::Sender::new(false) }
    }
}

impl Streams {
    /// Puts a caller's stream among the others; none if it is one too many, or if the process ends.
    pub fn enter(&self, (nonce, caller): (Nonce, &str), stream: Arc<SseStream>) -> Option<Place> {
        let mut open = self.open.lock();
        let of_caller = open.of_caller.get(caller).copied().unwrap_or_default();
        if open.streams.len() >= ALL || of_caller >= OF_CALLER || *self.leaving.borrow() {
            return None;
        }
        open.of_caller.insert(caller.to_owned(), of_caller + 1);
        open.streams.insert(nonce, stream.clone());
        Some(Place { open: self.open.clone(), nonce, caller: caller.to_owned(), stream })
    }

    /// The stream of a nonce, as long as it is open.
    pub fn get(&self, nonce: Nonce) -> Option<Arc<SseStream>> {
        self.open.lock().streams.get(&nonce).cloned()
    }

    /// Ends each stream once it has no request to answer, and takes no other.
    pub fn leave(&self) {
        self.leaving.send_replace(true);
    }

    /// Turns true when the process ends.
    pub fn leaving(&self) -> watch::Receiver<bool> {
        self.leaving.subscribe()
    }
}

impl Place {
    /// The stream.
    pub fn stream(&self) -> &Arc<SseStream> {
        &self.stream
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        let mut open = self.open.lock();
        open.streams.remove(&self.nonce);
        match open.of_caller.get_mut(&self.caller) {
            Some(count) if *count > 1 => *count -= 1,
            _ => drop(open.of_caller.remove(&self.caller)),
        }
    }
}

#[cfg(test)]
mod tests {
    use bytes::Bytes;

    use super::*;
    use crate::networks::Side;

    fn enter(streams: &Streams, number: usize, caller: &str) -> Option<Place> {
        let (stream, _) = SseStream::open(("/sse", Side::Outside), Bytes::from_static(b": \n\n"));
        streams.enter(((number as u64).to_be_bytes(), caller), stream)
    }

    #[tokio::test]
    async fn r13_streams_are_counted_in_all_and_by_caller_and_given_back() {
        let streams = Streams::default();
        let mut places: Vec<_> = (0..OF_CALLER).map(|number| enter(&streams, number, "one").unwrap()).collect();
        assert!(enter(&streams, OF_CALLER, "one").is_none(), "one more of a caller");
        places.extend((OF_CALLER..ALL).map(|number| enter(&streams, number, &number.to_string()).unwrap()));
        assert!(enter(&streams, ALL, "another").is_none(), "one more in all");
        drop(places.swap_remove(0));
        assert!(streams.get([0; 8]).is_none());
        assert!(enter(&streams, 0, "one").is_some(), "the place that was given back");
        drop(places);
        let open = streams.open.lock();
        assert!(open.streams.is_empty() && open.of_caller.is_empty());
    }

    #[tokio::test]
    async fn a_process_that_ends_begins_no_stream() {
        let streams = Streams::default();
        streams.leave();
        assert!(enter(&streams, 0, "one").is_none());
    }
}
