//! Follows the objects of a message that are read by name, level under level, and hands the known members to a
//! [`Record`]. Everything beneath other members is validated by the lexer and passed over here.

use super::fault::Fault;
use super::keys::{Keys, Known};
use super::lexer::{Kind, Sink, Token, too_long};

/// A place in a text: bytes from `start` to before `end`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Span {
    pub start: usize,
    pub end: usize,
}

impl Span {
    /// The bytes of this place in `text`, the text that was scanned.
    pub fn of(self, text: &[u8]) -> &[u8] {
        text.get(self.start..self.end).unwrap_or_default()
    }
}

/// An object: where it stands, braces included, and whether it has no members.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Object {
    pub span: Span,
    pub empty: bool,
}

/// The value of a known member, complete. `token` is there for scalars.
pub(super) struct Value<'a> {
    pub(super) kind: Kind,
    pub(super) span: Span,
    pub(super) token: Option<Token<'a>>,
    /// For an object that was entered: whether it has no members.
    pub(super) empty: bool,
}

/// What to do with a container that begins.
pub(super) enum Entry<M: 'static> {
    Skip,
    /// Read its members by name.
    Object(Known<M>),
    /// Read each element as this member.
    Array(M),
}

/// What is made of the known members.
pub(super) trait Record {
    type Member: Copy + 'static;
    /// Stands for the whole text.
    const TOP: Self::Member;
    /// What a key that is not known stands for, if it is read too.
    const OTHER: Option<Self::Member> = None;
    /// See [`Sink::LONGEST`].
    const LONGEST: usize;

    fn enter(&mut self, member: Self::Member, object: bool, at: usize) -> Result<Entry<Self::Member>, Fault>;
    fn value(&mut self, member: Self::Member, value: &Value<'_>) -> Result<(), Fault>;
    /// Any key of an object that is read by name, before its value.
    fn key(&mut self, _token: &Token<'_>) {}
}

/// Objects read by name within one another: batch, envelope, params, _meta.
const LEVELS: usize = 4;

struct Level<M: 'static> {
    keys: Keys<M>,
    /// The member whose value this container is.
    member: M,
    /// What each element is, if it is an array.
    item: Option<M>,
    start: usize,
}

/// The sink that keeps to the levels.
pub(super) struct Levels<R: Record> {
    pub(super) record: R,
    open: [Option<Level<R::Member>>; LEVELS],
    /// Entered containers; equal to the lexer's depth while none is open that is passed over.
    depth: usize,
    /// The known member whose value comes next or is being passed over.
    member: Option<R::Member>,
    /// Of the container that is being passed over.
    kind: Kind,
    start: usize,
}

impl<R: Record> Levels<R> {
    pub(super) fn new(record: R) -> Self {
        Self { record, open: [const { None }; LEVELS], depth: 0, member: Some(R::TOP), kind: Kind::Null, start: 0 }
    }

    /// Whether the value that comes or is being read is that of `member`.
    pub(super) fn awaits(&self, member: R::Member) -> bool
    where
        R::Member: PartialEq,
    {
        self.member == Some(member)
    }

    fn level(&mut self) -> Option<&mut Level<R::Member>> {
        self.depth.checked_sub(1).and_then(|index| self.open.get_mut(index)?.as_mut())
    }

    /// The innermost entered container ends.
    fn leave(&mut self, end: usize) -> Result<(), Fault> {
        self.depth -= 1;
        let Some(level) = self.open.get_mut(self.depth).and_then(Option::take) else { return Ok(()) };
        let kind = if level.item.is_some() { Kind::Array } else { Kind::Object };
        let span = Span { start: level.start, end };
        let value = Value { kind, span, token: None, empty: level.keys.is_empty() };
        self.record.value(level.member, &value)?;
        self.member = self.level().and_then(|outer| outer.item);
        Ok(())
    }
}

impl<R: Record> Sink for Levels<R> {
    const LONGEST: usize = R::LONGEST;

    fn open(&mut self, object: bool, at: usize, depth: usize) -> Result<(), Fault> {
        if depth != self.depth {
            return Ok(());
        }
        let Some(member) = self.member else { return Ok(()) };
        let (known, item): (Known<R::Member>, _) = match self.record.enter(member, object, at)? {
            Entry::Object(known) => (known, None),
            Entry::Array(item) => (&[], Some(item)),
            Entry::Skip => {
                self.kind = if object { Kind::Object } else { Kind::Array };
                self.start = at;
                return Ok(());
            }
        };
        if let Some(slot) = self.open.get_mut(self.depth) {
            *slot = Some(Level { keys: Keys::new(known), member, item, start: at });
            self.depth += 1;
            self.member = item;
        }
        Ok(())
    }

    fn close(&mut self, end: usize, depth: usize) -> Result<(), Fault> {
        if depth + 1 == self.depth {
            return self.leave(end);
        }
        if depth == self.depth
            && let Some(member) = self.member
        {
            let span = Span { start: self.start, end };
            return self.record.value(member, &Value { kind: self.kind, span, token: None, empty: false });
        }
        Ok(())
    }

    fn key(&mut self, token: Token<'_>, depth: usize) -> Result<(), Fault> {
        if depth != self.depth {
            return Ok(());
        }
        if token.raw.len() > R::LONGEST {
            return Err(too_long(token.start));
        }
        self.record.key(&token);
        let Some(level) = self.level() else { return Ok(()) };
        self.member = level.keys.take(&token)?.or(R::OTHER);
        Ok(())
    }

    fn scalar(&mut self, token: Token<'_>, depth: usize) -> Result<(), Fault> {
        if depth != self.depth {
            return Ok(());
        }
        let Some(member) = self.member else { return Ok(()) };
        if token.raw.len() > R::LONGEST {
            return Err(too_long(token.start));
        }
        let span = Span { start: token.start, end: token.end };
        self.record.value(member, &Value { kind: token.kind, span, token: Some(token), empty: false })
    }

    fn keeps(&self, key: bool, depth: usize) -> bool {
        depth == self.depth && (key || self.member.is_some())
    }
}
