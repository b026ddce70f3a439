//! The events of one stream to a client, each with an id: what was not read yet, and what was read of late, for a client
//! that comes back after its connection broke.
//!
//! Writers are never held up by a client that is away; one that reads holds them up. At most one connection reads: a new
//! one takes over.

use std::collections::VecDeque;
use std::sync::Arc;
use std::sync::atomic::AtomicUsize;
use std::sync::atomic::Ordering::Relaxed;
use std::time::Duration;

use bytes::Bytes;
use parking_lot::Mutex;
use tokio::sync::{Notify, mpsc};
use tokio::time::Instant;

use crate::body::Chunk;

/// The most events that are kept.
const MAX_EVENTS: usize = 64;
/// The most bytes of them, if there is more than one.
const MAX_BYTES: usize = 256 * 1024;
/// How many events wait for a client that reads before their writer waits too.
const UNREAD: usize = 8;
/// How long a client that reads hears nothing at most: a sign of life keeps proxies between from ending the connection.
const KEEP_ALIVE: Duration = Duration::from_secs(20);
/// How long a stream is kept that nobody reads.
const KEPT: Duration = Duration::from_secs(60);

/// The most bytes that all outboxes together keep; past it each keeps its last event alone.
const MAX_ALL_BYTES: usize = 128 * 1024 * 1024;

/// The bytes that all outboxes keep.
pub type Kept = Arc<AtomicUsize>;

/// One stream's events.
pub struct Outbox {
    all: Kept,
    state: Mutex<State>,
    changed: Notify,
}

struct State {
    kept: VecDeque<(u64, Bytes)>,
    bytes: usize,
    /// Of the event that comes next, from 1.
    next: u64,
    /// Of the last event that a connection took.
    read: u64,
    /// The connection that reads, by its number.
    reader: Option<u64>,
    readers: u64,
    end: Option<End>,
    /// When the last connection went.
    left: Instant,
}

#[derive(Clone, Copy, Eq, PartialEq)]
enum End {
    /// Rightly reached.
    Reached,
    /// What would have come does not: the client must not take it for the end.
    Cut,
}

/// A connection that reads from an outbox.
pub struct Reader {
    outbox: Arc<Outbox>,
    number: u64,
    /// The last event that it was given, or need not be given.
    after: u64,
}

/// What a reader does next.
enum Next {
    Give(u64, Bytes),
    Wait,
    End(End),
}

impl Outbox {
    /// Nothing yet. `all`: what all outboxes keep.
    pub fn new(all: Kept) -> Arc<Self> {
        let state = State {
            kept: VecDeque::new(),
            bytes: 0,
            next: 1,
            read: 0,
            reader: None,
            readers: 0,
            end: None,
            left: Instant::now(),
        };
        Arc::new(Self { all, state: Mutex::new(state), changed: Notify::new() })
    }

    /// Puts an event in, `event` of its number; the oldest go to make room.
    pub fn put(&self, event: impl FnOnce(u64) -> Bytes) {
        let mut state = self.state.lock();
        if state.end.is_some() {
            return;
        }
        let sequence = state.next;
        state.next += 1;
        let event = event(sequence);
        state.bytes += event.len();
        self.all.fetch_add(event.len(), Relaxed);
        state.kept.push_back((sequence, event));
        let is_over = |state: &State| state.bytes > MAX_BYTES || self.all.load(Relaxed) > MAX_ALL_BYTES;
        while state.kept.len() > MAX_EVENTS || (is_over(&state) && state.kept.len() > 1) {
            self.drop_oldest(&mut state);
        }
        drop(state);
        self.changed.notify_waiters();
    }

    fn drop_oldest(&self, state: &mut State) {
        if let Some((_, gone)) = state.kept.pop_front() {
            state.bytes -= gone.len();
            self.all.fetch_sub(gone.len(), Relaxed);
        }
    }

    /// The same, once a client that reads has read most of what is there.
    pub async fn put_in_turn(&self, event: impl FnOnce(u64) -> Bytes) {
        self.until(|state| (state.reader.is_none() || state.unread() < UNREAD).then_some(())).await;
        self.put(event);
    }

    /// The end: who reads is told it after the events before it.
    pub fn end(&self) {
        self.end_as(End::Reached);
    }

    /// The end of a stream that lacks its last events.
    pub fn cut(&self) {
        self.end_as(End::Cut);
    }

    fn end_as(&self, end: End) {
        self.state.lock().end.get_or_insert(end);
        self.changed.notify_waiters();
    }

    /// Whether a connection reads.
    pub fn has_reader(&self) -> bool {
        self.state.lock().reader.is_some()
    }

    /// Whether nobody reads, and nobody is expected back.
    pub fn is_left(&self) -> bool {
        let state = self.state.lock();
        state.reader.is_none() && state.left.elapsed() > KEPT
    }

    /// A connection that reads what no other did.
    pub fn read(self: &Arc<Self>) -> Reader {
        let mut state = self.state.lock();
        let after = state.read;
        self.taken_over(&mut state, after)
    }

    /// A connection that reads what came after an event; none if that is not known any more.
    pub fn read_after(self: &Arc<Self>, sequence: u64) -> Option<Reader> {
        let mut state = self.state.lock();
        let oldest = state.kept.front().map_or(state.next, |(sequence, _)| *sequence);
        let is_known = sequence < state.next && sequence + 1 >= oldest;
        is_known.then(|| self.taken_over(&mut state, sequence))
    }

    fn taken_over(self: &Arc<Self>, state: &mut State, after: u64) -> Reader {
        state.readers += 1;
        state.reader = Some(state.readers);
        self.changed.notify_waiters();
        Reader { outbox: self.clone(), number: state.readers, after }
    }

    /// Waits until `ready` gives something.
    async fn until<T>(&self, mut ready: impl FnMut(&mut State) -> Option<T>) -> T {
        loop {
            let mut changed = std::pin::pin!(self.changed.notified());
            changed.as_mut().enable();
            if let Some(ready) = ready(&mut self.state.lock()) {
                return ready;
            }
            changed.await;
        }
    }
}

impl Drop for Outbox {
    fn drop(&mut self) {
        self.all.fetch_sub(self.state.get_mut().bytes, Relaxed);
    }
}

impl State {
    fn unread(&self) -> usize {
        self.kept.iter().rev().take_while(|(sequence, _)| *sequence > self.read).count()
    }
}

impl Reader {
    /// The last event that it need not be given.
    pub fn after(&self) -> u64 {
        self.after
    }

    /// Gives events to the connection until it or the stream ends, or another takes over.
    pub async fn run(mut self, sender: mpsc::Sender<Chunk>) {
        loop {
            match self.next() {
                Next::Give(sequence, event) => {
                    if sender.send(Chunk::Data(event)).await.is_err() {
                        return;
                    }
                    self.given(sequence);
                }
                Next::End(End::Reached) => {
                    let _ = sender.send(Chunk::End).await;
                    return;
                }
                Next::End(End::Cut) => return,
                Next::Wait => {
                    let more = self.outbox.until(|state| match self.next_in(state) {
                        Next::Wait => None,
                        Next::Give(..) | Next::End(_) => Some(()),
                    });
                    tokio::select! {
                        () = more => {}
                        () = sender.closed() => return,
                        () = tokio::time::sleep(KEEP_ALIVE) => {
                            // A queue that is full is life enough.
                            let _ = sender.try_send(Chunk::Data(Bytes::from_static(b": \n\n")));
                        }
                    }
                }
            }
        }
    }

    fn next(&self) -> Next {
        self.next_in(&self.outbox.state.lock())
    }

    fn next_in(&self, state: &State) -> Next {
        if state.reader != Some(self.number) {
            return Next::End(End::Reached);
        }
        let next = state.kept.partition_point(|(sequence, _)| *sequence <= self.after);
        match (state.kept.get(next), state.end) {
            (Some((sequence, event)), _) => Next::Give(*sequence, event.clone()),
            (None, Some(end)) => Next::End(end),
            (None, None) => Next::Wait,
        }
    }

    fn given(&mut self, sequence: u64) {
        self.after = sequence;
        let mut state = self.outbox.state.lock();
        state.read = state.read.max(sequence);
        // One that is larger than all that is kept was kept to be read.
        if state.bytes > MAX_BYTES {
            self.outbox.drop_oldest(&mut state);
        }
        drop(state);
        self.outbox.changed.notify_waiters();
    }
}

impl Drop for Reader {
    fn drop(&mut self) {
        let mut state = self.outbox.state.lock();
        if state.reader == Some(self.number) {
            state.reader = None;
            state.left = Instant::now();
        }
        drop(state);
        self.outbox.changed.notify_waiters();
    }
}

#[cfg(test)]
mod tests;
