//! The stream of an answer to a client: kept for a time where the client may come back for it, else only as it comes.

use std::sync::Arc;

use bytes::Bytes;
use tokio::sync::mpsc;
use tokio::sync::mpsc::error::TrySendError;

use super::ClientSession;
use super::outbox::Outbox;
use crate::body::{Chunk, Stream};
use crate::event;

/// Chunks that wait for a slow client.
const QUEUE: usize = 8;

/// Where messages of an answer go.
pub enum AnswerStream {
    /// To a client that reads now or never.
    Passing(mpsc::Sender<Chunk>),
    /// To a client of a session, who may come back.
    Kept {
        /// The session.
        client: Arc<ClientSession>,
        /// The stream's number in it.
        number: u64,
        /// Its events.
        outbox: Arc<Outbox>,
    },
}

/// Nobody reads any more.
pub struct Gone;

impl AnswerStream {
    /// A stream that is not kept, and its body. `goes_on`: what comes is read though the client has gone.
    pub fn passing(goes_on: bool) -> (Self, Stream) {
        let (sender, mut stream) = Stream::channel(QUEUE);
        stream.goes_on = goes_on;
        (AnswerStream::Passing(sender), stream)
    }

    /// A stream that is kept, and its body.
    pub fn kept(client: Arc<ClientSession>) -> (Self, Stream) {
        let (number, outbox) = client.begin_stream();
        let (sender, stream) = Stream::channel(QUEUE);
        let reader = outbox.read();
        if let Some(beginning) = client.beginning(number, 0) {
            // A fresh queue has room.
            let _ = sender.try_send(Chunk::Data(beginning));
        }
        tokio::spawn(reader.run(sender));
        (AnswerStream::Kept { client, number, outbox }, stream)
    }

    /// Sends a message, when the client has read most of what came before.
    pub async fn send(&self, message: &Bytes) -> Result<(), Gone> {
        match self {
            AnswerStream::Passing(sender) => sender.send(Chunk::Data(event::message(message))).await.map_err(|_| Gone),
            AnswerStream::Kept { client, number, outbox } => {
                outbox.put_in_turn(|sequence| client.event(*number, sequence, message)).await;
                Ok(())
            }
        }
    }

    /// Sends the last message if there is room for it: the moment for it may have passed.
    pub fn send_last(&self, message: &[u8]) {
        match self {
            AnswerStream::Passing(sender) => drop(sender.try_send(Chunk::Data(event::message(message)))),
            AnswerStream::Kept { client, number, outbox } => {
                outbox.put(|sequence| client.event(*number, sequence, message));
            }
        }
    }

    /// Returns when the client has gone, where it cannot come back.
    pub async fn left(&self) {
        match self {
            AnswerStream::Passing(sender) => sender.closed().await,
            AnswerStream::Kept { .. } => std::future::pending().await,
        }
    }

    /// The end, rightly reached. Dropping it instead cuts the client off.
    pub fn end(self) {
        match &self {
            // With its queue full the end is one that a task waits to tell.
            AnswerStream::Passing(sender) => {
                if let Err(TrySendError::Full(end)) = sender.try_send(Chunk::End) {
                    let sender = sender.clone();
                    tokio::spawn(async move { sender.send(end).await });
                }
            }
            AnswerStream::Kept { outbox, .. } => outbox.end(),
        }
    }
}

impl Drop for AnswerStream {
    fn drop(&mut self) {
        if let AnswerStream::Kept { outbox, .. } = self {
            // Nothing where the end was reached.
            outbox.cut();
        }
    }
}
