//! Decodes `text/event-stream` (HTML standard, section 9.2.6) from chunks cut anywhere.
//!
//! What a stream says of how to go on after it ended (`id`, `retry`) is kept
//! beside its events. Memory is bounded by the limit of one event, whatever the
//! server sends.

use std::time::Duration;

use bytes::{Buf, Bytes, BytesMut};

/// The longest event id that is kept, in bytes; a stream with longer ones cannot be resumed.
const LONGEST_ID: usize = 1024;

/// Chunks in, events out.
pub(crate) struct Decoder {
    /// What has come and is not yet a line.
    buffer: BytesMut,
    /// How much of it is known to hold no line end.
    scanned: usize,
    /// The last line ended in CR: an LF that follows belongs to it.
    after_cr: bool,
    /// No line has ended yet: the first may begin with a byte order mark.
    first: bool,
    /// The `event` field of the event under way.
    name: Bytes,
    /// Its `data` lines, joined.
    data: Option<BytesMut>,
    /// The `id` field that came last.
    id: Vec<u8>,
    /// The same, as of the last event's end; of an event that was cut off it does not count.
    last_id: Vec<u8>,
    /// What `retry` said last.
    retry: Option<Duration>,
    /// The largest event, in bytes.
    limit: usize,
}

/// An event with data.
#[derive(Debug, Eq, PartialEq)]
pub(crate) struct Event {
    /// Its type; empty if the stream does not say, which means `message`.
    pub(crate) name: Bytes,
    /// Its data, lines joined by LF.
    pub(crate) data: Bytes,
}

/// An event exceeds the decoder's limit.
#[derive(Debug, Eq, PartialEq)]
pub(crate) struct TooLarge;

impl Decoder {
    /// A decoder for one stream whose events are no larger than `limit`.
    pub(crate) fn new(limit: usize) -> Self {
        Self {
            buffer: BytesMut::new(),
            scanned: 0,
            after_cr: false,
            first: true,
            name: Bytes::new(),
            data: None,
            id: Vec::new(),
            last_id: Vec::new(),
            retry: None,
            limit,
        }
    }

    /// Takes the next chunk of the stream.
    pub(crate) fn push(&mut self, chunk: &[u8]) {
        self.buffer.extend_from_slice(chunk);
    }

    /// The next complete event in what was pushed. After an error the stream is lost.
    pub(crate) fn next(&mut self) -> Result<Option<Event>, TooLarge> {
        while let Some(line) = self.next_line() {
            if line.is_empty() {
                let name = std::mem::take(&mut self.name);
                self.last_id.clone_from(&self.id);
                if let Some(data) = self.data.take() {
                    return Ok(Some(Event { name, data: data.freeze() }));
                }
            } else {
                self.field(line);
            }
            self.check(0)?;
        }
        self.check(self.buffer.len())?;
        Ok(None)
    }

    /// The id of the last event, if it had one; events of no data may have one too.
    pub(crate) fn last_id(&self) -> Option<&[u8]> {
        Some(&self.last_id[..]).filter(|id| !id.is_empty())
    }

    /// How long to wait before the stream is asked for again, as far as it says so.
    pub(crate) fn retry(&self) -> Option<Duration> {
        self.retry
    }

    fn check(&self, more: usize) -> Result<(), TooLarge> {
        let held = self.data.as_ref().map_or(0, BytesMut::len) + self.name.len();
        if held + more > self.limit { Err(TooLarge) } else { Ok(()) }
    }

    /// The next complete line, without its end: LF, CR or CRLF.
    fn next_line(&mut self) -> Option<BytesMut> {
        if self.after_cr && !self.buffer.is_empty() {
            self.after_cr = false;
            if self.buffer[0] == b'\n' {
                self.buffer.advance(1);
            }
        }
        let Some(found) = memchr::memchr2(b'\r', b'\n', &self.buffer[self.scanned..]) else {
            self.scanned = self.buffer.len();
            return None;
        };
        let mut line = self.buffer.split_to(self.scanned + found);
        self.after_cr = self.buffer[0] == b'\r';
        self.buffer.advance(1);
        self.scanned = 0;
        if std::mem::take(&mut self.first) && line.starts_with(b"\xEF\xBB\xBF") {
            line.advance(3);
        }
        Some(line)
    }

    fn field(&mut self, mut line: BytesMut) {
        let colon = memchr::memchr(b':', &line);
        let (name, value) = match colon {
            Some(colon) => {
                let name = line.split_to(colon);
                line.advance(if line.get(1) == Some(&b' ') { 2 } else { 1 });
                (name, line)
            }
            None => (line, BytesMut::new()),
        };
        match &name[..] {
            b"data" => match &mut self.data {
                Some(data) => {
                    data.extend_from_slice(b"\n");
                    data.extend_from_slice(&value);
                }
                data => *data = Some(value),
            },
            b"event" => self.name = value.freeze(),
            b"id" if !value.contains(&0) => {
                self.id.clear();
                if value.len() <= LONGEST_ID {
                    self.id.extend_from_slice(&value);
                }
            }
            b"retry" if value.iter().all(u8::is_ascii_digit) => {
                let milliseconds = str::from_utf8(&value).ok().and_then(|digits| digits.parse().ok());
                self.retry = milliseconds.map(Duration::from_millis).or(self.retry);
            }
            // comments (an empty name), and what nobody knows
            _ => {}
        }
    }
}

#[cfg(test)]
mod tests;
