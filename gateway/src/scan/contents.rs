//! The URIs of what a resource turned out to hold, for those that go by another one at the caller.

use super::fault::Fault;
use super::levels::{Entry, Levels, Record, Span, Value};
use super::lexer::{Kind, Lexer};

/// The places of `result.contents[].uri`, quotes included, in a complete message; those that are strings.
pub fn contents_uris(message: &[u8]) -> Result<Vec<Span>, Fault> {
    let mut levels = Levels::new(Reader::default());
    Lexer::read(message, 0, &mut levels)?;
    Ok(levels.record.uris)
}

#[derive(Default)]
struct Reader {
    uris: Vec<Span>,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Member {
    Message,
    Result,
    Contents,
    Content,
    Uri,
}

impl Record for Reader {
    type Member = Member;
    const TOP: Member = Member::Message;
    const LONGEST: usize = usize::MAX;

    fn enter(&mut self, member: Member, object: bool, _at: usize) -> Result<Entry<Member>, Fault> {
        Ok(match member {
            Member::Message if object => Entry::Object(&[("result", Member::Result)]),
            Member::Result if object => Entry::Object(&[("contents", Member::Contents)]),
            Member::Contents if !object => Entry::Array(Member::Content),
            Member::Content if object => Entry::Object(&[("uri", Member::Uri)]),
            _ => Entry::Skip,
        })
    }

    fn value(&mut self, member: Member, value: &Value<'_>) -> Result<(), Fault> {
        if member == Member::Uri && value.kind == Kind::String {
            self.uris.push(value.span);
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn uris_of_contents_and_no_others() {
        let message = br#"{"id":1,"result":{"uri":"no","contents":[{"uri":"a:1","text":"{\"uri\":\"no\"}"},7,{"text":"","uri":"b:2"},{"uri":3,"_meta":{"uri":"no"}}]},"jsonrpc":"2.0"}"#;
        let uris = contents_uris(message).unwrap();
        let uris: Vec<_> = uris.into_iter().map(|uri| uri.of(message)).collect();
        assert_eq!(uris, [br#""a:1""#, br#""b:2""#]);
    }
}
