//! The incremental validator of one JSON text (RFC 8259): chunks go in, cut anywhere; tokens and containers with
//! their offsets come out at a [`Sink`]. Numbers are checked, never converted, so 1e400 and 2^53+1 stay as they are.
//! The same text in any cutting gives the same calls and the same fault (a property test holds it).

mod escapes;
mod number;

use self::escapes::Escapes;
use self::number::Number;
use super::fault::Fault;
use super::text::{Utf8, not_utf8, plain};

/// Containers that may be open at once (R2).
pub(super) const MAX_DEPTH: usize = 128;

/// What a value is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    Object,
    Array,
    String,
    Number,
    True,
    False,
    Null,
}

/// A key or scalar. `raw` is complete, quotes included, if the text came in one piece or the sink keeps this token;
/// else it may be empty.
#[derive(Clone, Copy, Debug)]
pub(super) struct Token<'a> {
    pub(super) kind: Kind,
    pub(super) raw: &'a [u8],
    pub(super) start: usize,
    pub(super) end: usize,
    pub(super) escaped: bool,
    /// Holds a surrogate escape without its other half, so no Unicode text.
    pub(super) lone: bool,
}

/// Receiver of the structure. `depth` counts the containers around the key or value.
pub(super) trait Sink {
    /// Longest token in bytes that is gathered over chunk borders; a kept one beyond it is a fault.
    const LONGEST: usize;

    fn open(&mut self, object: bool, at: usize, depth: usize) -> Result<(), Fault>;
    fn close(&mut self, end: usize, depth: usize) -> Result<(), Fault>;
    fn key(&mut self, token: Token<'_>, depth: usize) -> Result<(), Fault>;
    fn scalar(&mut self, token: Token<'_>, depth: usize) -> Result<(), Fault>;
    /// Whether the bytes of the key or scalar that a chunk border cuts will be looked at.
    fn keeps(&self, key: bool, depth: usize) -> bool;
}

#[derive(Clone, Copy, Debug)]
enum State {
    Value,
    /// A value or the end of an array that has just begun.
    FirstValue,
    /// A key or the end of an object that has just begun.
    FirstKey,
    NextKey,
    Colon,
    /// A comma or the end of the container.
    After,
    /// Nothing but white space may follow.
    Done,
    String {
        key: bool,
    },
    Number(Number),
    Literal {
        kind: Kind,
        rest: &'static [u8],
    },
}

/// Has no Debug: it may hold a piece of the text.
pub(super) struct Lexer {
    state: State,
    /// One bit a container, the innermost lowest: set for an object.
    stack: u128,
    depth: usize,
    /// Offset of the chunk at hand.
    base: usize,
    /// Offset where the token at hand began.
    token: usize,
    escapes: Escapes,
    carry: Vec<u8>,
    utf8: Utf8,
}

impl Lexer {
    /// A lexer whose first byte has the offset `base`.
    pub(super) fn new(base: usize) -> Self {
        Self {
            state: State::Value,
            stack: 0,
            depth: 0,
            base,
            token: base,
            escapes: Escapes::new(),
            carry: Vec::new(),
            utf8: Utf8::default(),
        }
    }

    /// Reads one whole text.
    pub(super) fn read<S: Sink>(text: &[u8], base: usize, sink: &mut S) -> Result<(), Fault> {
        let mut lexer = Self::new(base);
        lexer.push(text, sink)?;
        lexer.finish(sink)
    }

    /// Reads the next chunk. After a fault the lexer is of no more use.
    pub(super) fn push<S: Sink>(&mut self, chunk: &[u8], sink: &mut S) -> Result<(), Fault> {
        let valid = self.utf8.check(chunk, self.base)?;
        if valid < chunk.len() {
            // The byte that begins no sequence is read too, as it would be at the end of a chunk.
            self.run(&chunk[..=valid], sink).map_err(|fault| *fault)?;
            return Err(not_utf8(self.base + valid));
        }
        self.run(chunk, sink).map_err(|fault| *fault)?;
        self.keep(chunk, sink)?;
        self.base += chunk.len();
        Ok(())
    }

    /// The end of the text.
    pub(super) fn finish<S: Sink>(&mut self, sink: &mut S) -> Result<(), Fault> {
        if let State::Number(number) = self.state
            && self.depth == 0
            && number.may_end()
        {
            self.scalar(Kind::Number, &[], 0, sink).map_err(|fault| *fault)?;
        }
        if matches!(self.state, State::Done) {
            return Ok(());
        }
        Err(Fault::parse("the text ends too early", self.base))
    }

    /// Where the scalar that the last chunk border cut began.
    pub(super) fn cut_value(&self) -> Option<usize> {
        matches!(self.state, State::String { key: false } | State::Number(_) | State::Literal { .. })
            .then_some(self.token)
    }

    /// The steps box their faults, so that their results fit into registers; measured as faster on small requests.
    fn run<S: Sink>(&mut self, chunk: &[u8], sink: &mut S) -> Result<(), Box<Fault>> {
        let mut at = 0;
        while let Some(&byte) = chunk.get(at) {
            at = match self.state {
                State::String { key } => self.string(key, chunk, at, sink)?,
                State::Number(number) => self.number(number, chunk, at, sink)?,
                State::Literal { kind, rest } => self.literal((kind, rest), chunk, at, sink)?,
                _ if matches!(byte, b' ' | b'\n' | b'\r' | b'\t') => at + 1,
                State::FirstValue if byte == b']' => self.close(at, sink)?,
                State::Value | State::FirstValue => self.value(byte, chunk, at, sink)?,
                State::FirstKey if byte == b'}' => self.close(at, sink)?,
                State::FirstKey | State::NextKey if byte == b'"' => self.begin_string(true, chunk, at, sink)?,
                State::FirstKey | State::NextKey => return Err(self.wrong("a member name is expected", at)),
                State::Colon if byte == b':' => {
                    self.state = State::Value;
                    at + 1
                }
                State::Colon => return Err(self.wrong("a colon is expected", at)),
                State::After => self.after(byte, at, sink)?,
                State::Done => return Err(self.wrong("something follows the value", at)),
            };
        }
        Ok(())
    }

    fn value<S: Sink>(&mut self, byte: u8, chunk: &[u8], at: usize, sink: &mut S) -> Result<usize, Box<Fault>> {
        let number = match byte {
            b'"' => return self.begin_string(false, chunk, at, sink),
            b'{' | b'[' => return self.open(byte == b'{', at, sink),
            b't' => return self.begin_literal((Kind::True, b"rue"), chunk, at, sink),
            b'f' => return self.begin_literal((Kind::False, b"alse"), chunk, at, sink),
            b'n' => return self.begin_literal((Kind::Null, b"ull"), chunk, at, sink),
            b'-' => Number::Minus,
            b'0' => Number::Zero,
            b'1'..=b'9' => Number::Integer,
            _ => return Err(self.wrong("a value is expected", at)),
        };
        self.begin_token(at);
        self.number(number, chunk, at + 1, sink)
    }

    fn after<S: Sink>(&mut self, byte: u8, at: usize, sink: &mut S) -> Result<usize, Box<Fault>> {
        let object = self.stack & 1 == 1;
        match byte {
            b',' => {
                self.state = if object { State::NextKey } else { State::Value };
                Ok(at + 1)
            }
            b'}' if object => self.close(at, sink),
            b']' if !object => self.close(at, sink),
            _ => Err(self.wrong("a comma or the end of the container is expected", at)),
        }
    }

    fn open<S: Sink>(&mut self, object: bool, at: usize, sink: &mut S) -> Result<usize, Box<Fault>> {
        if self.depth == MAX_DEPTH {
            return Err(Box::new(Fault::invalid("containers are nested more than 128 deep", self.base + at)));
        }
        sink.open(object, self.base + at, self.depth)?;
        self.stack = (self.stack << 1) | u128::from(object);
        self.depth += 1;
        self.state = if object { State::FirstKey } else { State::FirstValue };
        Ok(at + 1)
    }

    fn close<S: Sink>(&mut self, at: usize, sink: &mut S) -> Result<usize, Box<Fault>> {
        self.stack >>= 1;
        self.depth -= 1;
        self.ended();
        sink.close(self.base + at + 1, self.depth)?;
        Ok(at + 1)
    }

    fn ended(&mut self) {
        self.state = if self.depth == 0 { State::Done } else { State::After };
    }

    fn begin_token(&mut self, at: usize) {
        self.token = self.base + at;
        self.escapes = Escapes::new();
        self.carry.clear();
    }

    fn begin_string<S: Sink>(&mut self, key: bool, chunk: &[u8], at: usize, sink: &mut S) -> Result<usize, Box<Fault>> {
        self.begin_token(at);
        // Most strings are short, plain and complete: they need none of the state below.
        let end = at + 1 + plain(&chunk[at + 1..]);
        if chunk.get(end) == Some(&b'"') {
            return self.end_string(key, chunk, end + 1, sink);
        }
        self.state = State::String { key };
        self.string(key, chunk, end, sink)
    }

    fn string<S: Sink>(&mut self, key: bool, chunk: &[u8], mut at: usize, sink: &mut S) -> Result<usize, Box<Fault>> {
        loop {
            if self.escapes.inside() {
                let Some(&byte) = chunk.get(at) else { return Ok(at) };
                self.escapes.push(byte).map_err(|words| self.wrong(words, at))?;
                at += 1;
                continue;
            }
            let skipped = plain(&chunk[at..]);
            at += skipped;
            if skipped > 0 {
                self.escapes.unpaired();
            }
            match chunk.get(at) {
                None => return Ok(at),
                Some(b'"') => return self.end_string(key, chunk, at + 1, sink),
                Some(b'\\') => {
                    self.escapes.begin();
                    at += 1;
                }
                Some(_) => return Err(self.wrong("a control character stands in a string", at)),
            }
        }
    }

    fn end_string<S: Sink>(&mut self, key: bool, chunk: &[u8], end: usize, sink: &mut S) -> Result<usize, Box<Fault>> {
        self.escapes.unpaired();
        if !key {
            return self.scalar(Kind::String, chunk, end, sink);
        }
        if self.escapes.lone {
            return Err(Box::new(Fault::invalid("a member name holds half of a surrogate pair", self.token)));
        }
        self.gather(chunk, end, S::LONGEST)?;
        sink.key(self.token(Kind::String, chunk, end), self.depth)?;
        self.state = State::Colon;
        Ok(end)
    }

    fn number<S: Sink>(
        &mut self,
        mut number: Number,
        chunk: &[u8],
        mut at: usize,
        sink: &mut S,
    ) -> Result<usize, Box<Fault>> {
        while let Some(&byte) = chunk.get(at) {
            number = match number.next(byte) {
                Some(next) => next,
                None if number.may_end() => return self.scalar(Kind::Number, chunk, at, sink),
                None => return Err(self.wrong("a number is not written as JSON has it", at)),
            };
            at += 1;
        }
        self.state = State::Number(number);
        Ok(at)
    }

    fn begin_literal<S: Sink>(
        &mut self,
        literal: (Kind, &'static [u8]),
        chunk: &[u8],
        at: usize,
        sink: &mut S,
    ) -> Result<usize, Box<Fault>> {
        self.begin_token(at);
        self.literal(literal, chunk, at + 1, sink)
    }

    fn literal<S: Sink>(
        &mut self,
        (kind, mut rest): (Kind, &'static [u8]),
        chunk: &[u8],
        mut at: usize,
        sink: &mut S,
    ) -> Result<usize, Box<Fault>> {
        while let [expected, after @ ..] = rest {
            match chunk.get(at) {
                None => {
                    self.state = State::Literal { kind, rest };
                    return Ok(at);
                }
                Some(byte) if byte == expected => rest = after,
                Some(_) => return Err(self.wrong("a value is expected", at)),
            }
            at += 1;
        }
        self.scalar(kind, chunk, at, sink)
    }

    fn scalar<S: Sink>(&mut self, kind: Kind, chunk: &[u8], end: usize, sink: &mut S) -> Result<usize, Box<Fault>> {
        self.gather(chunk, end, S::LONGEST)?;
        self.ended();
        sink.scalar(self.token(kind, chunk, end), self.depth)?;
        Ok(end)
    }

    fn token<'a>(&'a self, kind: Kind, chunk: &'a [u8], end: usize) -> Token<'a> {
        let raw = match self.token.checked_sub(self.base) {
            Some(start) => &chunk[start..end],
            None => &self.carry,
        };
        Token { kind, raw, start: self.token, end: self.base + end, escaped: self.escapes.any, lone: self.escapes.lone }
    }

    /// Completes a token that began in an earlier chunk and was kept from there.
    fn gather(&mut self, chunk: &[u8], end: usize, longest: usize) -> Result<(), Fault> {
        if self.carry.is_empty() {
            return Ok(());
        }
        self.carry.extend_from_slice(&chunk[..end]);
        if self.carry.len() > longest {
            return Err(too_long(self.token));
        }
        Ok(())
    }

    /// Keeps what the chunk has of a token that goes on in the next one, if the sink will want to read it.
    fn keep<S: Sink>(&mut self, chunk: &[u8], sink: &S) -> Result<(), Fault> {
        let key = matches!(self.state, State::String { key: true });
        if !(key || self.cut_value().is_some()) || !sink.keeps(key, self.depth) {
            return Ok(());
        }
        let start = self.token.saturating_sub(self.base).min(chunk.len());
        self.carry.extend_from_slice(&chunk[start..]);
        if self.carry.len() > S::LONGEST {
            return Err(too_long(self.token));
        }
        Ok(())
    }

    #[expect(clippy::unnecessary_box_returns, reason = "the steps return it boxed; see `run`")]
    fn wrong(&self, message: &'static str, at: usize) -> Box<Fault> {
        Box::new(Fault::parse(message, self.base + at))
    }
}

/// A key or tracked value that is longer than it may be.
pub(super) const fn too_long(offset: usize) -> Fault {
    Fault::invalid("a member name or a value that is read here is too long", offset)
}

#[cfg(test)]
pub(super) mod tests;
