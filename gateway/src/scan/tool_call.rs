//! The body of a call over REST (LiteLLM's `POST /mcp-rest/tools/call`): which server, which tool, with what. Read as
//! strictly as an MCP message (R2); members that mean nothing here are passed over.

use super::fault::{Fault, FaultKind};
use super::keys::Known;
use super::levels::{Entry, Levels, Record, Span, Value};
use super::lexer::{Kind, Lexer};
use super::request::Text;
use super::text::decode;

/// What is asked for. A member that is null is not there.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ToolCall<'b> {
    /// `server_id`.
    pub server: Option<Text<'b>>,
    /// `name`.
    pub name: Option<Text<'b>>,
    /// `arguments`, an object.
    pub arguments: Option<Span>,
}

/// Scans a whole body.
pub fn tool_call(body: &[u8]) -> Result<ToolCall<'_>, Fault> {
    let mut levels = Levels::new(Reader { body, call: ToolCall::default() });
    Lexer::read(body, 0, &mut levels)?;
    Ok(levels.record.call)
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Member {
    Body,
    Server,
    Name,
    Arguments,
}

const BODY: Known<Member> = &[("server_id", Member::Server), ("name", Member::Name), ("arguments", Member::Arguments)];

impl Member {
    const fn fault(self, message: &'static str, offset: usize) -> Fault {
        let (kind, member) = match self {
            Member::Body => (FaultKind::Invalid, "the body"),
            Member::Server => (FaultKind::Params, "server_id"),
            Member::Name => (FaultKind::Params, "name"),
            Member::Arguments => (FaultKind::Params, "arguments"),
        };
        Fault { kind, message, member: Some(member), offset }
    }
}

struct Reader<'b> {
    body: &'b [u8],
    call: ToolCall<'b>,
}

impl<'b> Reader<'b> {
    fn text(&self, member: Member, value: &Value<'_>) -> Result<Option<Text<'b>>, Fault> {
        match (value.kind, value.token) {
            (Kind::Null, _) => Ok(None),
            (Kind::String, Some(token)) => match decode(value.span.of(self.body), token.escaped) {
                Some(text) => Ok(Some(Text { value: text, span: value.span })),
                None => Err(member.fault("holds half of a surrogate pair", value.span.start)),
            },
            _ => Err(member.fault("must be a string", value.span.start)),
        }
    }
}

impl Record for Reader<'_> {
    type Member = Member;
    const TOP: Member = Member::Body;
    /// A body is in memory whole and bounded in size; nothing is gathered.
    const LONGEST: usize = usize::MAX;

    fn enter(&mut self, member: Member, object: bool, _at: usize) -> Result<Entry<Member>, Fault> {
        Ok(if member == Member::Body && object { Entry::Object(BODY) } else { Entry::Skip })
    }

    fn value(&mut self, member: Member, value: &Value<'_>) -> Result<(), Fault> {
        match member {
            Member::Server => self.call.server = self.text(member, value)?,
            Member::Name => self.call.name = self.text(member, value)?,
            Member::Arguments if value.kind == Kind::Null => {}
            Member::Arguments if value.kind == Kind::Object => self.call.arguments = Some(value.span),
            Member::Body if value.kind == Kind::Object => {}
            Member::Body | Member::Arguments => return Err(member.fault("must be an object", value.span.start)),
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn gives_what_is_called_and_where_the_arguments_stand() {
        let body = r#"{"n\u0061me":"get\u002dtime","arguments": {"a":1e400} ,"server_id":"ns/up","x":{"name":[]}}"#;
        let call = tool_call(body.as_bytes()).unwrap();
        assert_eq!((&*call.name.unwrap().value, &*call.server.unwrap().value), ("get-time", "ns/up"));
        assert_eq!(call.arguments.unwrap().of(body.as_bytes()), br#"{"a":1e400}"#);
        for nothing in ["{}", r#"{"name":null,"server_id":null,"arguments":null}"#] {
            assert_eq!(tool_call(nothing.as_bytes()), Ok(ToolCall::default()));
        }
    }

    #[test]
    fn r2_refuses_what_two_decoders_could_read_in_two_ways() {
        for body in [
            r#"{"name":"a","name":"b"}"#,
            r#"{"name":"a","Name":"b"}"#,
            r#"{"server_id":"a","server_\u0069d":"b"}"#,
            r#"{"server_id":"a","server_id\u0000":"b"}"#,
            "{\"arguments\":{},\"argument\u{17f}\":{}}",
            r#"{"x":1,"x":2}"#,
        ] {
            assert_eq!(tool_call(body.as_bytes()).unwrap_err().kind, FaultKind::Invalid, "{body}");
        }
        for body in [r#"{"name":1}"#, r#"{"arguments":[]}"#, r#"{"server_id":{}}"#, r#"{"name":"\ud800"}"#] {
            assert_eq!(tool_call(body.as_bytes()).unwrap_err().kind, FaultKind::Params, "{body}");
        }
        assert_eq!(tool_call(b"[]").unwrap_err().kind, FaultKind::Invalid);
        assert_eq!(tool_call(b"7").unwrap_err().kind, FaultKind::Invalid);
        assert_eq!(tool_call(b"{}{}").unwrap_err().kind, FaultKind::Parse);
    }
}
