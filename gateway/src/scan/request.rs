//! What a client sends: one JSON-RPC message, or a batch of them, with everything that the gateway decides by (R2).
//! Offsets and borrowed text only; nothing is allocated unless a string that is read has escapes.

use std::borrow::Cow;

use super::fault::{Fault, FaultKind};
use super::keys::Known;
use super::levels::{Entry, Levels, Object, Record, Span, Value};
use super::lexer::{Kind, Lexer};
use super::text::decode;

/// Most messages of a batch.
pub const MAX_BATCH: usize = 50;

/// A scanned body. Whether a batch is allowed depends on the protocol version and is not decided here.
#[derive(Clone, Debug, PartialEq, Eq)]
#[expect(
    clippy::large_enum_variant,
    reason = "one message is the usual case, and a box would be an allocation for each"
)]
pub enum Incoming<'b> {
    One(Message<'b>),
    Batch(Vec<Message<'b>>),
}

/// A decoded string and its place, quotes included.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Text<'b> {
    pub value: Cow<'b, str>,
    pub span: Span,
}

/// A string or number as it is written, quotes included.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Raw<'b> {
    pub token: &'b [u8],
    pub span: Span,
}

/// A request, a notification (no id) or a response (a result or an error, with the id of the request).
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Message<'b> {
    /// The whole object.
    pub span: Span,
    pub id: Option<Raw<'b>>,
    /// None for a response.
    pub method: Option<Text<'b>>,
    pub params: Option<Params<'b>>,
    pub result: Option<Span>,
    pub error: Option<Span>,
    jsonrpc: bool,
}

/// The members of `params` that mean something here.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Params<'b> {
    pub object: Object,
    pub name: Option<Text<'b>>,
    pub uri: Option<Text<'b>>,
    pub cursor: Option<Text<'b>>,
    pub protocol_version: Option<Text<'b>>,
    pub level: Option<Text<'b>>,
    pub request_id: Option<Raw<'b>>,
    /// What `completion/complete` is about.
    pub reference: Option<Reference<'b>>,
    /// An object, like the two below.
    pub arguments: Option<Span>,
    pub capabilities: Option<Span>,
    pub client_info: Option<Span>,
    /// The answers to what a server asked for, and what it gave to be brought back with them (modern).
    pub input_responses: Option<Span>,
    pub request_state: Option<Text<'b>>,
    /// The task that a request is about (the tasks extension).
    pub task_id: Option<Text<'b>>,
    pub meta: Option<Meta<'b>>,
}

/// The members of `params.ref` that mean something here: a prompt's name, or a resource's URI or URI template.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Reference<'b> {
    pub kind: Option<Text<'b>>,
    pub name: Option<Text<'b>>,
    pub uri: Option<Text<'b>>,
}

/// The members of `params._meta` that mean something here; all but the first are those of the modern wire.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Meta<'b> {
    pub object: Object,
    pub progress_token: Option<Raw<'b>>,
    pub protocol_version: Option<Text<'b>>,
    /// An object, like the one below.
    pub client_capabilities: Option<Span>,
    pub client_info: Option<Span>,
    pub log_level: Option<Text<'b>>,
}

/// The `_meta` members by which a modern client says what a legacy one says in `initialize`: not for legacy upstreams.
pub const MODERN_META: [&str; 4] = [
    "io.modelcontextprotocol/protocolVersion",
    "io.modelcontextprotocol/clientCapabilities",
    "io.modelcontextprotocol/clientInfo",
    "io.modelcontextprotocol/logLevel",
];

/// Scans a whole request body: one pass, all of R2 but the size.
pub fn request(body: &[u8]) -> Result<Incoming<'_>, Fault> {
    let record = Reader { body, message: Message::default(), batch: None };
    let mut levels = Levels::new(record);
    Lexer::read(body, 0, &mut levels)?;
    Ok(match levels.record.batch {
        Some(messages) => Incoming::Batch(messages),
        None => Incoming::One(levels.record.message),
    })
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Member {
    Body,
    Envelope,
    Jsonrpc,
    Id,
    Method,
    Params,
    Result,
    Error,
    Name,
    Uri,
    Cursor,
    ProtocolVersion,
    Level,
    RequestId,
    Reference,
    RefType,
    RefName,
    RefUri,
    Arguments,
    Capabilities,
    ClientInfo,
    InputResponses,
    RequestState,
    TaskId,
    Meta,
    ProgressToken,
    MetaVersion,
    MetaCapabilities,
    MetaClientInfo,
    MetaLogLevel,
}

const ENVELOPE: Known<Member> = &[
    ("jsonrpc", Member::Jsonrpc),
    ("id", Member::Id),
    ("method", Member::Method),
    ("params", Member::Params),
    ("result", Member::Result),
    ("error", Member::Error),
];

const PARAMS: Known<Member> = &[
    ("name", Member::Name),
    ("arguments", Member::Arguments),
    ("_meta", Member::Meta),
    ("uri", Member::Uri),
    ("cursor", Member::Cursor),
    ("protocolVersion", Member::ProtocolVersion),
    ("capabilities", Member::Capabilities),
    ("clientInfo", Member::ClientInfo),
    ("inputResponses", Member::InputResponses),
    ("requestState", Member::RequestState),
    ("taskId", Member::TaskId),
    ("requestId", Member::RequestId),
    ("level", Member::Level),
    ("ref", Member::Reference),
];

const REFERENCE: Known<Member> = &[("type", Member::RefType), ("name", Member::RefName), ("uri", Member::RefUri)];

const META: Known<Member> = &[
    ("progressToken", Member::ProgressToken),
    (MODERN_META[0], Member::MetaVersion),
    (MODERN_META[1], Member::MetaCapabilities),
    (MODERN_META[2], Member::MetaClientInfo),
    (MODERN_META[3], Member::MetaLogLevel),
];

impl Member {
    const fn path(self) -> &'static str {
        match self {
            Self::Body | Self::Envelope => "message",
            Self::Jsonrpc => "jsonrpc",
            Self::Id => "id",
            Self::Method => "method",
            Self::Params => "params",
            Self::Result => "result",
            Self::Error => "error",
            Self::Name => "params.name",
            Self::Uri => "params.uri",
            Self::Cursor => "params.cursor",
            Self::ProtocolVersion => "params.protocolVersion",
            Self::Level => "params.level",
            Self::RequestId => "params.requestId",
            Self::Reference => "params.ref",
            Self::RefType => "params.ref.type",
            Self::RefName => "params.ref.name",
            Self::RefUri => "params.ref.uri",
            Self::Arguments => "params.arguments",
            Self::Capabilities => "params.capabilities",
            Self::ClientInfo => "params.clientInfo",
            Self::InputResponses => "params.inputResponses",
            Self::RequestState => "params.requestState",
            Self::TaskId => "params.taskId",
            Self::Meta => "params._meta",
            Self::ProgressToken => "params._meta.progressToken",
            Self::MetaVersion => "params._meta.io.modelcontextprotocol/protocolVersion",
            Self::MetaCapabilities => "params._meta.io.modelcontextprotocol/clientCapabilities",
            Self::MetaClientInfo => "params._meta.io.modelcontextprotocol/clientInfo",
            Self::MetaLogLevel => "params._meta.io.modelcontextprotocol/logLevel",
        }
    }

    const fn fault(self, message: &'static str, offset: usize) -> Fault {
        let kind = match self {
            Self::Body
            | Self::Envelope
            | Self::Jsonrpc
            | Self::Id
            | Self::Method
            | Self::Params
            | Self::Result
            | Self::Error => FaultKind::Invalid,
            _ => FaultKind::Params,
        };
        Fault { kind, message, member: Some(self.path()), offset }
    }
}

struct Reader<'b> {
    body: &'b [u8],
    /// The message at hand; in a batch moved out when it is complete.
    message: Message<'b>,
    batch: Option<Vec<Message<'b>>>,
}

impl Record for Reader<'_> {
    type Member = Member;
    const TOP: Member = Member::Body;
    /// A body is in memory whole and bounded in size; nothing is gathered.
    const LONGEST: usize = usize::MAX;

    fn enter(&mut self, member: Member, object: bool, at: usize) -> Result<Entry<Member>, Fault> {
        match (member, object) {
            (Member::Body, false) => {
                self.batch = Some(Vec::new());
                Ok(Entry::Array(Member::Envelope))
            }
            (Member::Body | Member::Envelope, true) => Ok(Entry::Object(ENVELOPE)),
            (Member::Params, true) => {
                self.message.params = Some(Params::default());
                Ok(Entry::Object(PARAMS))
            }
            (Member::Meta, true) => {
                if let Some(params) = &mut self.message.params {
                    params.meta = Some(Meta::default());
                }
                Ok(Entry::Object(META))
            }
            (Member::Reference, true) => {
                if let Some(params) = &mut self.message.params {
                    params.reference = Some(Reference::default());
                }
                Ok(Entry::Object(REFERENCE))
            }
            (Member::Params | Member::Envelope | Member::Meta | Member::Reference, false) => {
                Err(member.fault("must be an object", at))
            }
            _ => Ok(Entry::Skip),
        }
    }

    fn value(&mut self, member: Member, value: &Value<'_>) -> Result<(), Fault> {
        match member {
            Member::Body if value.kind == Kind::Array => self.batch_ends(value),
            Member::Body | Member::Envelope => self.message_ends(member, value),
            Member::Jsonrpc => {
                self.message.jsonrpc = text(self.body, member, value)?.value == "2.0";
                if self.message.jsonrpc { Ok(()) } else { Err(member.fault("must be \"2.0\"", value.span.start)) }
            }
            Member::Id => raw(self.body, member, value).map(|raw| self.message.id = Some(raw)),
            Member::Method => text(self.body, member, value).map(|text| self.message.method = Some(text)),
            Member::Result => {
                self.message.result = Some(value.span);
                Ok(())
            }
            Member::Error => object(member, value).map(|span| self.message.error = Some(span)),
            Member::ProgressToken
            | Member::MetaVersion
            | Member::MetaCapabilities
            | Member::MetaClientInfo
            | Member::MetaLogLevel
            | Member::Meta => self.meta_value(member, value),
            Member::Reference | Member::RefType | Member::RefName | Member::RefUri => self.ref_value(member, value),
            _ => self.params_value(member, value),
        }
    }
}

impl Reader<'_> {
    fn params_value(&mut self, member: Member, value: &Value<'_>) -> Result<(), Fault> {
        let body = self.body;
        let Some(params) = &mut self.message.params else { return object(member, value).map(drop) };
        match member {
            Member::Name => params.name = Some(text(body, member, value)?),
            Member::Uri => params.uri = Some(text(body, member, value)?),
            Member::Cursor => params.cursor = Some(text(body, member, value)?),
            Member::ProtocolVersion => params.protocol_version = Some(text(body, member, value)?),
            Member::Level => params.level = Some(text(body, member, value)?),
            Member::RequestId => params.request_id = Some(raw(body, member, value)?),
            Member::Arguments => params.arguments = Some(object(member, value)?),
            Member::Capabilities => params.capabilities = Some(object(member, value)?),
            Member::ClientInfo => params.client_info = Some(object(member, value)?),
            Member::InputResponses => params.input_responses = Some(object(member, value)?),
            Member::TaskId => params.task_id = Some(text(body, member, value)?),
            Member::RequestState => params.request_state = Some(text(body, member, value)?),
            _ => params.object = Object { span: object(member, value)?, empty: value.empty },
        }
        Ok(())
    }

    fn meta_value(&mut self, member: Member, value: &Value<'_>) -> Result<(), Fault> {
        let body = self.body;
        let meta = self.message.params.as_mut().and_then(|params| params.meta.as_mut());
        let Some(meta) = meta else { return object(member, value).map(drop) };
        match member {
            Member::ProgressToken => meta.progress_token = Some(raw(body, member, value)?),
            Member::MetaVersion => meta.protocol_version = Some(text(body, member, value)?),
            Member::MetaLogLevel => meta.log_level = Some(text(body, member, value)?),
            Member::MetaCapabilities => meta.client_capabilities = Some(object(member, value)?),
            Member::MetaClientInfo => meta.client_info = Some(object(member, value)?),
            _ => meta.object = Object { span: object(member, value)?, empty: value.empty },
        }
        Ok(())
    }

    fn ref_value(&mut self, member: Member, value: &Value<'_>) -> Result<(), Fault> {
        let body = self.body;
        let reference = self.message.params.as_mut().and_then(|params| params.reference.as_mut());
        let Some(reference) = reference else { return object(member, value).map(drop) };
        match member {
            Member::RefType => reference.kind = Some(text(body, member, value)?),
            Member::RefName => reference.name = Some(text(body, member, value)?),
            Member::RefUri => reference.uri = Some(text(body, member, value)?),
            _ => drop(object(member, value)?),
        }
        Ok(())
    }

    fn message_ends(&mut self, member: Member, value: &Value<'_>) -> Result<(), Fault> {
        let at = value.span.start;
        if value.kind != Kind::Object {
            return Err(member.fault("must be an object", at));
        }
        let message = &mut self.message;
        message.span = value.span;
        let response = message.result.is_some() || message.error.is_some();
        let wrong = if !message.jsonrpc {
            Some((Member::Jsonrpc, "is missing"))
        } else if message.method.is_none() && !response {
            Some((Member::Method, "is missing"))
        } else if message.method.is_some() && response {
            Some((member, "is a request and a response at once"))
        } else if message.result.is_some() && message.error.is_some() {
            Some((member, "has a result and an error"))
        } else if response && message.id.is_none() {
            Some((Member::Id, "is missing"))
        } else {
            None
        };
        if let Some((member, words)) = wrong {
            return Err(member.fault(words, at));
        }
        if let Some(batch) = &mut self.batch {
            if batch.len() == MAX_BATCH {
                return Err(Fault::invalid("a batch holds more than 50 messages", at));
            }
            batch.push(std::mem::take(message));
        }
        Ok(())
    }

    fn batch_ends(&self, value: &Value<'_>) -> Result<(), Fault> {
        if self.batch.as_ref().is_none_or(Vec::is_empty) {
            return Err(Fault::invalid("a batch holds no message", value.span.start));
        }
        Ok(())
    }
}

fn text<'b>(body: &'b [u8], member: Member, value: &Value<'_>) -> Result<Text<'b>, Fault> {
    let (Kind::String, Some(token)) = (value.kind, value.token) else {
        return Err(member.fault("must be a string", value.span.start));
    };
    match decode(value.span.of(body), token.escaped) {
        Some(text) => Ok(Text { value: text, span: value.span }),
        None => Err(member.fault("holds half of a surrogate pair", value.span.start)),
    }
}

fn raw<'b>(body: &'b [u8], member: Member, value: &Value<'_>) -> Result<Raw<'b>, Fault> {
    match (value.kind, value.token) {
        (Kind::String | Kind::Number, Some(token)) if !token.lone => {
            Ok(Raw { token: value.span.of(body), span: value.span })
        }
        (Kind::String, _) => Err(member.fault("holds half of a surrogate pair", value.span.start)),
        _ => Err(member.fault("must be a string or a number", value.span.start)),
    }
}

fn object(member: Member, value: &Value<'_>) -> Result<Span, Fault> {
    if value.kind == Kind::Object { Ok(value.span) } else { Err(member.fault("must be an object", value.span.start)) }
}

#[cfg(test)]
mod tests;
