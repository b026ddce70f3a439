//! The legacy handshake, the same over every transport: `initialize` and what
//! the server says of itself.

use bytes::Bytes;
use serde::Deserialize;
use serde::de::IgnoredAny;
use serde_json::value::RawValue;

use super::era::{Era, MODERN, is_modern_error};
use super::{Outcome, UpstreamError};
use crate::capabilities::Capabilities;

/// The newest legacy revision; a server may answer an older one.
pub const NEWEST: &str = "2025-11-25";

/// The legacy revisions that the gateway speaks to servers.
pub const SPOKEN: [&str; 4] = ["2024-11-05", "2025-03-26", "2025-06-18", NEWEST];

/// The notification that ends the handshake.
pub const INITIALIZED: &str = r#"{"jsonrpc":"2.0","method":"notifications/initialized"}"#;

/// What a server said of itself in its answer to `initialize`, or to `server/discover`.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Hello {
    /// The revision in force, one of [`SPOKEN`], or [`MODERN`].
    pub version: &'static str,
    /// What it offers.
    pub offers: Offers,
}

impl Hello {
    /// The era of the revision in force.
    pub fn era(&self) -> Era {
        if self.version == MODERN { Era::Modern } else { Era::Legacy }
    }
}

/// What a server said that it offers.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
#[expect(clippy::struct_excessive_bools, reason = "each is a capability of its own, as the protocol has them")]
pub struct Offers {
    /// Tools; also if it said nothing at all.
    pub tools: bool,
    /// Prompts.
    pub prompts: bool,
    /// Resources, and templates of them.
    pub resources: bool,
    /// Completions of arguments of prompts and templates.
    pub completions: bool,
    /// Which of its lists a modern server tells of when they change, to who listens. Legacy servers tell unasked.
    pub changes: Changes,
}

/// The lists whose changes a modern server tells to who listens.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub struct Changes {
    /// That of tools.
    pub tools: bool,
    /// That of prompts.
    pub prompts: bool,
    /// Those of resources and of templates.
    pub resources: bool,
}

/// The `initialize` request. A pooled session declares no client capability: it has no one client to ask.
pub fn initialize(id: u64, capabilities: Capabilities) -> Bytes {
    let (version, capabilities) = (env!("CARGO_PKG_VERSION"), capabilities.to_json());
    Bytes::from(format!(
        r#"{{"jsonrpc":"2.0","id":{id},"method":"initialize","params":{{"protocolVersion":"{NEWEST}","capabilities":{capabilities},"clientInfo":{{"name":"switchboard","version":"{version}"}}}}}}"#
    ))
}

/// Reads the response to [`initialize`]; `message` is the whole JSON-RPC response.
pub fn hello(message: &[u8], id: u64) -> Result<Hello, UpstreamError> {
    #[derive(Deserialize)]
    struct Response<'a> {
        id: Option<u64>,
        #[serde(borrow)]
        result: Option<&'a RawValue>,
        error: Option<Error>,
    }
    #[derive(Deserialize)]
    struct Error {
        code: i64,
    }
    #[derive(Deserialize)]
    #[serde(rename_all = "camelCase")]
    struct InitializeResult {
        protocol_version: String,
        #[serde(default)]
        capabilities: Declared,
    }
    #[derive(Default, Deserialize)]
    struct Declared {
        tools: Option<IgnoredAny>,
        prompts: Option<IgnoredAny>,
        resources: Option<IgnoredAny>,
        completions: Option<IgnoredAny>,
    }
    let malformed = |what: &str| UpstreamError::new(Outcome::UpstreamError, format!("the answer to initialize {what}"));
    let response: Response<'_> =
        serde_json::from_slice(message).map_err(|_| malformed("is not a JSON-RPC response"))?;
    if response.id != Some(id) {
        return Err(malformed("bears another id"));
    }
    if let Some(error) = response.error {
        return Err(refused(error.code));
    }
    let result = response.result.ok_or_else(|| malformed("has no result"))?;
    let result: InitializeResult =
        serde_json::from_str(result.get()).map_err(|_| malformed("is not an InitializeResult"))?;
    let version = SPOKEN.into_iter().find(|spoken| *spoken == result.protocol_version).ok_or_else(|| {
        UpstreamError::new(
            Outcome::UnsupportedProtocol,
            "the server insists on a protocol revision that is not spoken to it",
        )
    })?;
    let Declared { tools, prompts, resources, completions } = result.capabilities;
    let silent = prompts.is_none() && resources.is_none();
    let offers = Offers {
        tools: tools.is_some() || silent,
        prompts: prompts.is_some(),
        resources: resources.is_some(),
        completions: completions.is_some(),
        changes: Changes::default(),
    };
    Ok(Hello { version, offers })
}

/// Whether a JSON-RPC error code of an answer to `initialize` says that only the modern protocol is spoken.
pub fn refused(code: i64) -> UpstreamError {
    match code {
        // UnsupportedProtocolVersion and its siblings, and "unknown method" for initialize itself
        -32601 => neither(),
        code if is_modern_error(code) => neither(),
        _ => UpstreamError::new(Outcome::UpstreamError, format!("the server refused initialize with error {code}")),
    }
}

fn neither() -> UpstreamError {
    UpstreamError::new(
        Outcome::UnsupportedProtocol,
        "the server refuses initialize, and did not answer server/discover as a server of 2026-07-28 does",
    )
}
