//! The one pass over every message: JSON bytes in, facts and places out (R2, R3). It validates the whole text (RFC
//! 8259, UTF-8, depth), reads by name only the members that the gateway decides by, and refuses what two decoders
//! could read in two ways there. All other bytes go on as they came, so unknown members, the order of keys, 2^53+1
//! and 1e400 survive. Pure: no IO, no clock. serde_json is absent on purpose (R4).
//!
//! [`request`] reads a client's body, [`tool_call`] that of a call over REST, [`message`] one message of an upstream, [`Reply`] an upstream's response as it
//! streams; [`splice`] makes edits at the places they gave, [`members`] opens one object further, [`values`] those on
//! the way to some values, [`contents_uris`] the URIs of what was read.

mod contents;
mod fault;
mod keys;
mod levels;
mod lexer;
mod members;
mod reply;
mod request;
mod splice;
mod text;
mod tool_call;
mod upstream;
mod values;

pub use contents::contents_uris;
pub use fault::{Fault, FaultKind};
pub use levels::{Object, Span};
pub use lexer::Kind;
pub use members::{Member, members};
pub use reply::{Outcome, Reply};
pub use request::{Incoming, MAX_BATCH, MODERN_META, Message, Meta, Params, Raw, Reference, Text, request};
pub use splice::{Edit, change_members, splice, splice_part};
pub use tool_call::{ToolCall, tool_call};
pub use upstream::{Call, ErrorFacts, Response, ResultFacts, Upstream, message};
pub use values::{Found, values};
