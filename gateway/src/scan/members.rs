//! The members of one object, by name: for the parts of a message that only some methods read (`arguments`, where a
//! rule looks into them, R2).

use std::borrow::Cow;

use super::fault::Fault;
use super::levels::{Entry, Levels, Record, Span, Value};
use super::lexer::{Kind, Lexer, Token};
use super::text::decode;

/// One member of an object.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Member<'a> {
    /// The key, decoded.
    pub name: Cow<'a, str>,
    /// The key with its quotes.
    pub key: Span,
    pub value: Span,
    pub kind: Kind,
}

/// All members of the object at `object` in `source`, in order, offsets in `source`. Err if it is not one complete
/// object, a key occurs twice, or there are more than 1,024.
pub fn members(source: &[u8], object: Span) -> Result<Vec<Member<'_>>, Fault> {
    let mut levels = Levels::new(Reader { source, members: Vec::new(), key: None });
    Lexer::read(object.of(source), object.start, &mut levels)?;
    Ok(levels.record.members)
}

struct Reader<'a> {
    source: &'a [u8],
    members: Vec<Member<'a>>,
    /// The key whose value comes next, and whether it has escapes.
    key: Option<(Span, bool)>,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Part {
    Whole,
    Member,
}

impl Record for Reader<'_> {
    type Member = Part;
    const TOP: Part = Part::Whole;
    const OTHER: Option<Part> = Some(Part::Member);
    const LONGEST: usize = usize::MAX;

    fn enter(&mut self, part: Part, object: bool, at: usize) -> Result<Entry<Part>, Fault> {
        match part {
            Part::Member => Ok(Entry::Skip),
            Part::Whole if object => Ok(Entry::Object(&[])),
            Part::Whole => Err(not_an_object(at)),
        }
    }

    fn key(&mut self, token: &Token<'_>) {
        self.key = Some((Span { start: token.start, end: token.end }, token.escaped));
    }

    fn value(&mut self, part: Part, value: &Value<'_>) -> Result<(), Fault> {
        if part == Part::Whole {
            return if value.kind == Kind::Object { Ok(()) } else { Err(not_an_object(value.span.start)) };
        }
        if let Some((key, escaped)) = self.key.take()
            && let Some(name) = decode(key.of(self.source), escaped)
        {
            self.members.push(Member { name, key, value: value.span, kind: value.kind });
        }
        Ok(())
    }
}

const fn not_an_object(at: usize) -> Fault {
    Fault::invalid("an object is expected", at)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(source: &str) -> Result<Vec<(String, String, Kind)>, Fault> {
        let span = Span { start: 1, end: source.len() - 1 };
        let list = members(source.as_bytes(), span)?;
        let text = |span: Span| String::from_utf8_lossy(span.of(source.as_bytes())).into_owned();
        Ok(list.into_iter().map(|member| (member.name.into_owned(), text(member.value), member.kind)).collect())
    }

    #[test]
    fn gives_members_with_their_places() {
        let expected = vec![
            ("a\n".to_owned(), "[1]".to_owned(), Kind::Array),
            ("b".to_owned(), "{\"a\":0}".to_owned(), Kind::Object),
            ("c".to_owned(), "1e400".to_owned(), Kind::Number),
        ];
        assert_eq!(read(r#"[{"a\n":[1], "b" : {"a":0},"c":1e400}]"#), Ok(expected));
        assert_eq!(read("[{}]"), Ok(vec![]));
    }

    #[test]
    fn r2_refuses_a_key_that_occurs_twice() {
        assert_eq!(read(r#"[{"a":1,"\u0061":2}]"#).unwrap_err().offset, 8);
        assert!(read(r#"[{"a":{"b":1,"b":2}}]"#).is_ok());
        assert!(read("[[1]]").is_err());
        assert!(read("[1]").is_err());
    }
}
