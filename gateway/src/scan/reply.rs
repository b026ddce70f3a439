//! A response of an upstream that streams through: checked as it passes, with our id replaced by the caller's and the
//! members that the caller's era requires put into the result. Nothing is held back but a cut id.

use std::borrow::Cow;

use bytes::Bytes;

use super::fault::Fault;
use super::levels::{Levels, Span};
use super::lexer::Lexer;
use super::upstream::{Facts, Member};

/// How a complete reply turned out.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Outcome {
    Result {
        is_error: bool,
        /// As the upstream wrote it; None if it did not.
        result_type: Option<Cow<'static, str>>,
    },
    Error {
        /// None if the error has no code that is an integer of 64 bits.
        code: Option<i64>,
    },
}

impl Outcome {
    /// Whether the caller is told of a failure: an error, or a result that says that it is one.
    pub fn is_error(&self) -> bool {
        matches!(self, Outcome::Error { .. } | Outcome::Result { is_error: true, .. })
    }
}

/// What takes the place of a span.
struct Piece {
    span: Span,
    comma: bool,
    bytes: Bytes,
}

/// The incremental scan of one JSON body with one response. Bytes may be out before a fault is seen; what to do then
/// is for the caller (R3: abort the stream).
pub struct Reply {
    expected: u64,
    downstream_id: Bytes,
    era_members: Option<&'static [u8]>,
    lexer: Lexer,
    levels: Levels<Facts>,
    /// Offset of the next chunk, and up to where the text has been written or replaced.
    read: usize,
    copied: usize,
    id_done: bool,
    result_done: bool,
}

impl Reply {
    /// `downstream_id` is the JSON token that takes the place of `expected`; `era_members` (`"key":value`, one or
    /// several) go to the end of a result that is an object without `resultType`.
    pub fn new(expected: u64, downstream_id: Bytes, era_members: Option<&'static [u8]>) -> Self {
        Self {
            expected,
            downstream_id,
            era_members,
            lexer: Lexer::new(0),
            levels: Levels::new(Facts::default()),
            read: 0,
            copied: 0,
            id_done: false,
            result_done: false,
        }
    }

    /// Takes the next chunk and appends to `out` what may go on. After a fault the scan is over.
    pub fn push(&mut self, chunk: &[u8], out: &mut Vec<u8>) -> Result<(), Fault> {
        self.lexer.push(chunk, &mut self.levels)?;
        let mut pieces = [self.new_id()?, self.new_members()];
        pieces.sort_unstable_by_key(|piece| piece.as_ref().map(|piece| piece.span.start));
        out.reserve(chunk.len() + self.downstream_id.len() + self.era_members.map_or(0, <[u8]>::len));
        for Piece { span, comma, bytes } in pieces.into_iter().flatten() {
            self.copy(chunk, span.start, out);
            if comma {
                out.push(b',');
            }
            out.extend_from_slice(&bytes);
            self.copied = span.end;
        }
        let end = self.read + chunk.len();
        let cut_id = self.lexer.cut_value().filter(|_| self.levels.awaits(Member::Id));
        self.copy(chunk, cut_id.unwrap_or(end), out);
        self.read = end;
        Ok(())
    }

    /// Writes the text up to the offset `end`, as far as it is not out yet.
    fn copy(&mut self, chunk: &[u8], end: usize, out: &mut Vec<u8>) {
        let from = self.copied.max(self.read) - self.read;
        out.extend_from_slice(chunk.get(from..end.saturating_sub(self.read)).unwrap_or_default());
        self.copied = self.copied.max(end);
    }

    /// The caller's id, when the last chunk completed ours.
    fn new_id(&mut self) -> Result<Option<Piece>, Fault> {
        let Some(id) = self.levels.record.id.filter(|_| !self.id_done) else { return Ok(None) };
        self.id_done = true;
        if self.levels.record.ours != Some(self.expected) {
            return Err(Fault::invalid("is not the id of the request", id.span.start).of("id"));
        }
        Ok(Some(Piece { span: id.span, comma: false, bytes: self.downstream_id.clone() }))
    }

    /// The members that the result lacks, when the last chunk completed it.
    fn new_members(&mut self) -> Option<Piece> {
        let result = self.levels.record.result.as_ref().filter(|_| !self.result_done)?;
        self.result_done = true;
        let bytes = Bytes::from_static(self.era_members.filter(|_| result.result_type.is_none())?);
        let object = result.object?;
        let at = object.span.end - 1;
        Some(Piece { span: Span { start: at, end: at }, comma: !object.empty, bytes })
    }

    /// The end of the body: everything has been written if this is Ok.
    pub fn finish(mut self) -> Result<Outcome, Fault> {
        self.lexer.finish(&mut self.levels)?;
        let response = self.levels.record.response()?;
        if response.id_span.is_none() {
            return Err(Fault::invalid("is missing", 0).of("id"));
        }
        Ok(match (response.result, response.error) {
            (Some(result), _) => Outcome::Result { is_error: result.is_error, result_type: result.result_type },
            (None, error) => Outcome::Error { code: error.and_then(|error| error.code) },
        })
    }
}

#[cfg(test)]
mod tests;
