//! The requests under way with one live child: who waits for which id.
//!
//! Requests go in by [`Session::request`], lines of the child by
//! [`Session::take`]; each reply goes to the request that has its id, and to
//! no other (R23).

use std::collections::HashMap;
use std::sync::Arc;

use bytes::Bytes;
use parking_lot::Mutex;
use tokio::runtime::Handle;
use tokio::sync::{mpsc, watch};
use tokio::task::AbortHandle;
use tokio::time::{Duration, Instant, sleep_until, timeout, timeout_at};

use super::lines::Piece;
use crate::capabilities::Capabilities;
use crate::upstream::message::{Kind, cancelled, kind};
use crate::upstream::unasked::Unasked;
use crate::upstream::{Era, Messages, Outcome, Outgoing, Reply, ReplyBody, Routed, UpstreamError};

/// Progress notifications that wait for a caller; further ones are dropped. The response has a place of its own.
const PROGRESS_QUEUE: usize = 32;

type Message = Result<Bytes, UpstreamError>;

/// A live child as requests meet it.
pub(super) struct Session {
    table: Mutex<Table>,
    /// Whole messages for the child's input.
    outbox: mpsc::Sender<Bytes>,
    runtime: Handle,
    max_response_bytes: u64,
    unasked: Unasked,
    /// The child is in the middle of a line without end: nothing that is sent now could be answered.
    blocked: watch::Sender<bool>,
}

struct Table {
    ended: bool,
    next_id: u64,
    waiting: HashMap<u64, Waiting>,
    quiet_since: Instant,
}

struct Waiting {
    progress: mpsc::Sender<Message>,
    answer: mpsc::OwnedPermit<Message>,
    bytes_left: u64,
}

/// Why a request was not sent.
pub(super) enum Refused {
    /// The child ended: nothing was written, another may be asked.
    Ended,
    /// The child does not read.
    Failed(UpstreamError),
}

/// Dropped when nobody waits for the request any more.
struct Forget<T> {
    session: Arc<Session>,
    id: u64,
    deadline: AbortHandle,
    /// Keeps the child alive while somebody waits.
    _alive: T,
}

impl Session {
    pub(super) fn new(outbox: mpsc::Sender<Bytes>, runtime: Handle, max_response_bytes: u64, unasked: Unasked) -> Self {
        let table = Table { ended: false, next_id: 0, waiting: HashMap::new(), quiet_since: Instant::now() };
        let blocked = watch::Sender::new(false);
        Self { table: Mutex::new(table), outbox, runtime, max_response_bytes, unasked, blocked }
    }

    /// What the server is told that its client can be asked for.
    pub(super) fn capabilities(&self) -> Capabilities {
        self.unasked.capabilities()
    }

    /// Holds requests back, or lets them go: one that is not yet written may go to another child.
    pub(super) fn block(&self, blocked: bool) {
        self.blocked.send_replace(blocked);
    }

    /// Sends a request. The reply's messages end with the response, or with why there is none: the child's end, the
    /// deadline, a response that is too large. Dropping the reply cancels the request. `alive` is kept as long.
    pub(super) async fn request<T: Send + Sync + 'static>(
        self: &Arc<Self>,
        outgoing: &Outgoing<'_>,
        era: Era,
        alive: T,
    ) -> Result<Reply, Refused> {
        let mut blocked = self.blocked.subscribe();
        if timeout_at(outgoing.deadline, blocked.wait_for(|blocked| !blocked)).await.is_err() {
            return Err(Refused::Failed(UpstreamError::timeout("an endless line of the server's process")));
        }
        let place = match timeout_at(outgoing.deadline, self.outbox.reserve()).await {
            Ok(Ok(place)) => place,
            Ok(Err(_)) => return Err(Refused::Ended),
            Err(_) => return Err(Refused::Failed(UpstreamError::timeout("writing to the server's process"))),
        };
        let (progress, receiver) = mpsc::channel(PROGRESS_QUEUE + 1);
        let answer = progress.clone().try_reserve_owned().map_err(|_| Refused::Ended)?;
        let waiting = Waiting { progress, answer, bytes_left: self.max_response_bytes };
        let id = self.table.lock().add(waiting).ok_or(Refused::Ended)?;
        let forget =
            Forget { session: self.clone(), id, deadline: self.expire_at(outgoing.deadline, id), _alive: alive };
        place.send((outgoing.render)(id, era));
        Ok(Reply { id, era, body: ReplyBody::Messages(Messages::Routed(Routed::new(receiver, Box::new(forget)))) })
    }

    /// Writes a notification, if the child reads.
    pub(super) fn notify(&self, message: impl Into<Bytes>) {
        // full: the child has not read for long, and what it answers is not waited for
        let _ = self.outbox.try_send(message.into());
    }

    /// Writes a message, if the child reads within this time.
    pub(super) async fn tell(&self, message: Bytes, within: Duration) {
        if let Ok(Ok(place)) = timeout(within, self.outbox.reserve()).await {
            place.send(message);
        }
    }

    /// Takes a line of the child's output. False if it was none of the protocol.
    pub(super) fn take(&self, piece: Piece) -> bool {
        let line = match piece {
            Piece::Whole(line) => line,
            Piece::Cut { answers: Some(id), .. } => {
                self.table.lock().fail(id, self.too_large());
                return true;
            }
            Piece::Cut { answers: None, .. } => return false,
            Piece::Overflows => return true,
        };
        match kind(&line) {
            Some(Kind::Response { id }) => return id.is_some_and(|id| self.answer(id, line.clone())),
            Some(Kind::Notification { progress: Some(id), .. }) => self.progress(id, line.clone()),
            Some(kind) if self.unasked.is_of_call(&kind) && self.ask_in_call(&line) => {}
            Some(kind) => {
                if let Some(answer) = self.unasked.take(&kind, &line) {
                    self.notify(answer);
                }
            }
            None => return line.is_empty(),
        }
        true
    }

    /// Fails all that wait; nothing is sent any more.
    pub(super) fn end(&self, error: &UpstreamError) {
        let waiting = {
            let mut table = self.table.lock();
            table.ended = true;
            std::mem::take(&mut table.waiting)
        };
        self.block(false);
        for waiting in waiting.into_values() {
            waiting.answer.send(Err(error.clone()));
        }
    }

    /// Ends a session that nobody has used for `idle`, or says when to ask again.
    pub(super) fn end_if_quiet(&self, idle: Duration) -> Result<(), Instant> {
        let mut table = self.table.lock();
        let due = if table.waiting.is_empty() { table.quiet_since + idle } else { Instant::now() + idle };
        if due > Instant::now() {
            return Err(due);
        }
        table.ended = true;
        Ok(())
    }

    fn answer(&self, id: u64, line: Bytes) -> bool {
        let Some(waiting) = self.table.lock().remove(id) else { return false };
        let fits = line.len() as u64 <= waiting.bytes_left;
        waiting.answer.send(if fits { Ok(line) } else { Err(self.too_large()) });
        true
    }

    /// Gives a request of the server to the one call under way; false if there is none, or more than one.
    fn ask_in_call(&self, line: &Bytes) -> bool {
        let table = self.table.lock();
        let mut calls = table.waiting.keys();
        let (Some(id), None) = (calls.next().copied(), calls.next()) else { return false };
        drop(table);
        self.progress(id, line.clone());
        true
    }

    fn progress(&self, id: u64, line: Bytes) {
        let mut table = self.table.lock();
        let Some(waiting) = table.waiting.get_mut(&id) else { return };
        if let Some(left) = waiting.bytes_left.checked_sub(line.len() as u64) {
            waiting.bytes_left = left;
            // full: the caller is slower than the server; the next one says more
            let _ = waiting.progress.try_send(Ok(line));
        } else {
            table.fail(id, self.too_large());
            drop(table);
            self.cancelled(id);
        }
    }

    fn expire_at(self: &Arc<Self>, deadline: Instant, id: u64) -> AbortHandle {
        let session = self.clone();
        let expire = async move {
            sleep_until(deadline).await;
            if session.table.lock().fail(id, UpstreamError::timeout("the server's answer")) {
                session.cancelled(id);
            }
        };
        self.runtime.spawn(expire).abort_handle()
    }

    fn cancelled(&self, id: u64) {
        self.notify(cancelled(id));
    }

    fn too_large(&self) -> UpstreamError {
        let limit = self.max_response_bytes;
        UpstreamError::new(Outcome::UpstreamError, format!("the server's answer is larger than {limit} bytes"))
    }
}

impl Table {
    fn add(&mut self, waiting: Waiting) -> Option<u64> {
        if self.ended {
            return None;
        }
        let id = self.next_id;
        self.next_id += 1;
        self.waiting.insert(id, waiting);
        Some(id)
    }

    fn remove(&mut self, id: u64) -> Option<Waiting> {
        self.quiet_since = Instant::now();
        self.waiting.remove(&id)
    }

    /// Answers with a failure; false if nobody waits for this id.
    fn fail(&mut self, id: u64, error: UpstreamError) -> bool {
        let waiting = self.remove(id);
        waiting.map(|waiting| waiting.answer.send(Err(error))).is_some()
    }
}

impl<T> Drop for Forget<T> {
    fn drop(&mut self) {
        self.deadline.abort();
        let waited = self.session.table.lock().remove(self.id).is_some();
        if waited {
            self.session.cancelled(self.id);
        }
    }
}
