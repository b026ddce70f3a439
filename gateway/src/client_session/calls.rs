//! The calls of one client to servers that may ask it: what such a server says beside the answer to a call can go with
//! the call that is newest, where the client has no stream open for it.

use std::sync::Arc;

use bytes::Bytes;
use tokio::sync::mpsc;

use super::ClientSession;

/// Messages that wait for their call to take them.
const QUEUE: usize = 16;

/// The calls, oldest first.
#[derive(Default)]
pub struct Calls {
    last: u64,
    open: Vec<(u64, Arc<str>, mpsc::Sender<Bytes>)>,
}

impl Calls {
    /// Whether there are none.
    pub(super) fn is_empty(&self) -> bool {
        self.open.is_empty()
    }
}

/// A call of a client that its server may ask. Dropped when it is over.
pub struct OpenCall {
    /// The client.
    pub client: Arc<ClientSession>,
    /// Tells calls of the client apart.
    pub number: u64,
    messages: mpsc::Receiver<Bytes>,
}

impl ClientSession {
    /// A call to a server, by its id.
    pub fn open_call(self: &Arc<Self>, server: &str) -> OpenCall {
        let (sender, messages) = mpsc::channel(QUEUE);
        let mut calls = self.calls.lock();
        calls.last += 1;
        let number = calls.last;
        calls.open.push((number, server.into(), sender));
        OpenCall { client: self.clone(), number, messages }
    }

    /// Sends a message to the client: on its own stream if it reads that, else with its newest call to the server, else on its
    /// own stream when it does.
    pub(super) fn send(&self, server: &str, message: &Bytes) {
        if !self.has_reader() {
            let calls = self.calls.lock();
            let mut newest = calls.open.iter().rev().filter(|(_, of, _)| **of == *server);
            if newest.any(|(_, _, call)| call.try_send(message.clone()).is_ok()) {
                return;
            }
        }
        self.tell(message);
    }
}

impl OpenCall {
    /// The next message that goes with the call.
    pub async fn next(&mut self) -> Bytes {
        match self.messages.recv().await {
            Some(message) => message,
            None => std::future::pending().await,
        }
    }
}

impl Drop for OpenCall {
    fn drop(&mut self) {
        self.client.calls.lock().open.retain(|(number, _, _)| *number != self.number);
        self.client.forget_asked_in(self.number);
        self.messages.close();
        while let Ok(message) = self.messages.try_recv() {
            self.client.tell(&message);
        }
    }
}
