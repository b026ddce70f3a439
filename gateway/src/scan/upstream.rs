//! What an upstream sends: one complete JSON-RPC message (a line over stdio, an SSE event), read at its top and at
//! `result`, `error` and `params` level (R3). The record behind it serves the streamed form in `reply` too.

use std::borrow::Cow;

use super::fault::Fault;
use super::keys::Known;
use super::levels::{Entry, Levels, Object, Record, Span, Value};
use super::lexer::{Kind, Lexer};
use super::request::{Raw, Text};
use super::text::decode;

/// A scanned message of an upstream.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Upstream<'b> {
    Response(Response),
    Request(Call<'b>),
    /// `id` is None.
    Notification(Call<'b>),
}

/// The answer to a request of ours. Exactly one of `result` and `error` is there.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Response {
    /// None if it is not ours: our ids are integers without sign, fraction or exponent.
    pub id: Option<u64>,
    /// Where the id stands; None if the member is missing.
    pub id_span: Option<Span>,
    pub result: Option<ResultFacts>,
    pub error: Option<ErrorFacts>,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ResultFacts {
    pub span: Span,
    /// Whether it is an object: then members can be put in.
    pub object: Option<Object>,
    pub is_error: bool,
    pub result_type: Option<Cow<'static, str>>,
    /// What a modern server asks for, and where the state stands that it wants back.
    pub input_requests: Option<Object>,
    pub request_state: Option<Span>,
    /// The task that it became, or is about.
    pub task_id: Option<Span>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ErrorFacts {
    pub span: Span,
    /// None if it is no integer of 64 bits.
    pub code: Option<i64>,
    /// The number as it is written.
    pub code_span: Option<Span>,
}

/// A request or notification of an upstream.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Call<'b> {
    pub id: Option<Raw<'b>>,
    pub method: Text<'b>,
    pub params: Option<Object>,
    /// `params.progressToken`, of `notifications/progress`.
    pub progress_token: Option<Raw<'b>>,
    /// `params.requestId`, of `notifications/cancelled`.
    pub request_id: Option<Raw<'b>>,
    /// `params.uri`, of `notifications/resources/updated`.
    pub uri: Option<Text<'b>>,
    /// `params.level`, of `notifications/message`; what is no string there is none.
    pub level: Option<Text<'b>>,
    /// `params._meta`, and the subscription there to which a notification belongs.
    pub meta: Option<Object>,
    pub subscription: Option<Raw<'b>>,
}

/// Scans one complete message.
pub fn message(line: &[u8]) -> Result<Upstream<'_>, Fault> {
    let mut levels = Levels::new(Facts::default());
    Lexer::read(line, 0, &mut levels)?;
    let facts = levels.record;
    let Some(method) = facts.method else { return facts.response().map(Upstream::Response) };
    let call = Call {
        id: facts.id.map(|id| id.raw(line)),
        method: text(line, method)?,
        params: facts.params,
        progress_token: facts.progress_token.map(|token| token.raw(line)),
        request_id: facts.request_id.map(|token| token.raw(line)),
        uri: facts.uri.map(|uri| text(line, uri)).transpose()?,
        level: facts.level.map(|level| text(line, level)).transpose()?,
        meta: facts.meta,
        subscription: facts.subscription.map(|token| token.raw(line)),
    };
    match facts.id {
        None => Ok(Upstream::Notification(call)),
        Some(Scalar { kind: Kind::Null, span, .. }) => {
            Err(Fault::invalid("must be a string or a number", span.start).of("id"))
        }
        Some(_) => Ok(Upstream::Request(call)),
    }
}

fn text(line: &[u8], scalar: Scalar) -> Result<Text<'_>, Fault> {
    let Scalar { span, escaped, .. } = scalar;
    let value = decode(span.of(line), escaped).ok_or(half_pair(span.start))?;
    Ok(Text { value, span })
}

const fn half_pair(at: usize) -> Fault {
    Fault::invalid("a value holds half of a surrogate pair", at)
}

/// The members that mean something in a message of an upstream.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Member {
    Message,
    Jsonrpc,
    Id,
    Method,
    Params,
    Result,
    Error,
    IsError,
    ResultType,
    InputRequests,
    RequestState,
    TaskId,
    Code,
    ProgressToken,
    RequestId,
    Uri,
    Level,
    Meta,
    Subscription,
}

const MESSAGE: Known<Member> = &[
    ("jsonrpc", Member::Jsonrpc),
    ("id", Member::Id),
    ("result", Member::Result),
    ("error", Member::Error),
    ("method", Member::Method),
    ("params", Member::Params),
];
const RESULT: Known<Member> = &[
    ("isError", Member::IsError),
    ("resultType", Member::ResultType),
    ("inputRequests", Member::InputRequests),
    ("requestState", Member::RequestState),
    ("taskId", Member::TaskId),
];
const ERROR: Known<Member> = &[("code", Member::Code)];
const PARAMS: Known<Member> = &[
    ("progressToken", Member::ProgressToken),
    ("requestId", Member::RequestId),
    ("uri", Member::Uri),
    ("level", Member::Level),
    ("_meta", Member::Meta),
];
const META: Known<Member> = &[("io.modelcontextprotocol/subscriptionId", Member::Subscription)];

/// A scalar that is kept by its place.
#[derive(Clone, Copy)]
pub(super) struct Scalar {
    pub(super) span: Span,
    kind: Kind,
    escaped: bool,
}

impl Scalar {
    fn raw(self, line: &[u8]) -> Raw<'_> {
        Raw { token: self.span.of(line), span: self.span }
    }
}

/// What a message turns out to be, member by member.
#[derive(Default)]
pub(super) struct Facts {
    pub(super) id: Option<Scalar>,
    /// The id, if it can be one of ours.
    pub(super) ours: Option<u64>,
    pub(super) result: Option<ResultFacts>,
    pub(super) error: Option<ErrorFacts>,
    jsonrpc: bool,
    method: Option<Scalar>,
    params: Option<Object>,
    is_error: bool,
    result_type: Option<Cow<'static, str>>,
    input_requests: Option<Object>,
    request_state: Option<Span>,
    task_id: Option<Span>,
    code: Option<i64>,
    code_span: Option<Span>,
    progress_token: Option<Scalar>,
    request_id: Option<Scalar>,
    uri: Option<Scalar>,
    level: Option<Scalar>,
    meta: Option<Object>,
    subscription: Option<Scalar>,
}

impl Facts {
    /// The response that these facts make; Err if they make none.
    pub(super) fn response(self) -> Result<Response, Fault> {
        match (&self.result, &self.error) {
            _ if self.method.is_some() => Err(Fault::invalid("a response is expected", 0)),
            (None, None) => Err(Fault::invalid("the message has neither a method nor a result nor an error", 0)),
            (Some(_), Some(_)) => Err(Fault::invalid("the message has a result and an error", 0)),
            _ => Ok(Response {
                id: self.ours,
                id_span: self.id.map(|id| id.span),
                result: self.result,
                error: self.error,
            }),
        }
    }

    fn message_ends(&self, value: &Value<'_>) -> Result<(), Fault> {
        let at = value.span.start;
        if value.kind != Kind::Object {
            return Err(Fault::invalid("a message must be an object", at));
        }
        if !self.jsonrpc {
            return Err(Fault::invalid("is missing", at).of("jsonrpc"));
        }
        if self.method.is_some() && (self.result.is_some() || self.error.is_some()) {
            return Err(Fault::invalid("the message is a request and a response at once", at));
        }
        Ok(())
    }

    fn result_type(&mut self, value: &Value<'_>) -> Result<(), Fault> {
        string("result.resultType", value)?;
        let Some(token) = value.token else { return Ok(()) };
        let decoded = decode(token.raw, token.escaped).ok_or(half_pair(value.span.start))?;
        self.result_type = Some(match &*decoded {
            "complete" => Cow::Borrowed("complete"),
            "input_required" => Cow::Borrowed("input_required"),
            other => Cow::Owned(other.to_owned()),
        });
        Ok(())
    }

    fn code(&mut self, value: &Value<'_>) -> Result<(), Fault> {
        let (Kind::Number, Some(token)) = (value.kind, value.token) else {
            return Err(Fault::invalid("must be a number", value.span.start).of("error.code"));
        };
        self.code = std::str::from_utf8(token.raw).ok().and_then(|digits| digits.parse().ok());
        self.code_span = Some(value.span);
        Ok(())
    }

    fn id(&mut self, value: &Value<'_>) -> Result<(), Fault> {
        self.id = Some(scalar("id", &[Kind::String, Kind::Number, Kind::Null], value)?);
        if value.kind == Kind::Number {
            let digits = value.token.and_then(|token| std::str::from_utf8(token.raw).ok());
            // Parsing to u64 refuses sign, fraction and exponent; a `+` is none of JSON's.
            self.ours = digits.and_then(|digits| digits.parse().ok());
        }
        Ok(())
    }
}

impl Record for Facts {
    type Member = Member;
    const TOP: Member = Member::Message;
    const LONGEST: usize = 16 * 1024;

    fn enter(&mut self, member: Member, object: bool, at: usize) -> Result<Entry<Member>, Fault> {
        Ok(match member {
            Member::Id => return Err(Fault::invalid("must be a string or a number", at).of("id")),
            Member::Message if object => Entry::Object(MESSAGE),
            Member::Result if object => Entry::Object(RESULT),
            Member::Error if object => Entry::Object(ERROR),
            Member::Params if object => Entry::Object(PARAMS),
            Member::Meta if object => Entry::Object(META),
            _ => Entry::Skip,
        })
    }

    fn value(&mut self, member: Member, value: &Value<'_>) -> Result<(), Fault> {
        let reference = &[Kind::String, Kind::Number];
        match member {
            Member::Message => self.message_ends(value)?,
            Member::Jsonrpc => {
                self.jsonrpc =
                    value.token.is_some_and(|token| decode(token.raw, token.escaped).is_some_and(|v| v == "2.0"));
                if !self.jsonrpc {
                    return Err(Fault::invalid("must be \"2.0\"", value.span.start).of("jsonrpc"));
                }
            }
            Member::Id => self.id(value)?,
            Member::Method => self.method = Some(string("method", value)?),
            Member::Params => self.params = Some(object("params", value)?),
            Member::Meta => self.meta = Some(object("params._meta", value)?),
            Member::Uri => self.uri = Some(string("params.uri", value)?),
            Member::Level => self.level = string("params.level", value).ok(),
            Member::ProgressToken => self.progress_token = Some(scalar("params.progressToken", reference, value)?),
            Member::RequestId => self.request_id = Some(scalar("params.requestId", reference, value)?),
            Member::Subscription => self.subscription = Some(scalar("subscriptionId", reference, value)?),
            Member::Code => self.code(value)?,
            Member::ResultType => self.result_type(value)?,
            // Of a legacy result these are anything.
            Member::InputRequests => self.input_requests = object("result.inputRequests", value).ok(),
            Member::TaskId => self.task_id = string("result.taskId", value).ok().map(|id| id.span),
            Member::RequestState => {
                self.request_state = string("result.requestState", value).ok().map(|state| state.span);
            }
            Member::IsError => match value.kind {
                Kind::True => self.is_error = true,
                Kind::False => {}
                _ => return Err(Fault::invalid("must be true or false", value.span.start).of("result.isError")),
            },
            Member::Result => {
                let object = (value.kind == Kind::Object).then_some(Object { span: value.span, empty: value.empty });
                self.result = Some(ResultFacts {
                    span: value.span,
                    object,
                    is_error: self.is_error,
                    result_type: self.result_type.take(),
                    input_requests: self.input_requests,
                    request_state: self.request_state,
                    task_id: self.task_id,
                });
            }
            Member::Error => {
                let span = object("error", value)?.span;
                self.error = Some(ErrorFacts { span, code: self.code, code_span: self.code_span });
            }
        }
        Ok(())
    }
}

fn object(name: &'static str, value: &Value<'_>) -> Result<Object, Fault> {
    if value.kind != Kind::Object {
        return Err(Fault::invalid("must be an object", value.span.start).of(name));
    }
    Ok(Object { span: value.span, empty: value.empty })
}

fn string(name: &'static str, value: &Value<'_>) -> Result<Scalar, Fault> {
    scalar(name, &[Kind::String], value)
}

fn scalar(name: &'static str, kinds: &[Kind], value: &Value<'_>) -> Result<Scalar, Fault> {
    match value.token {
        Some(token) if token.lone => Err(half_pair(token.start).of(name)),
        Some(token) if kinds.contains(&token.kind) => {
            Ok(Scalar { span: value.span, kind: token.kind, escaped: token.escaped })
        }
        _ => Err(Fault::invalid("has a type that it must not have", value.span.start).of(name)),
    }
}

#[cfg(test)]
mod tests;
