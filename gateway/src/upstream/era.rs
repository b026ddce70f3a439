//! Which protocol a server speaks: sessions, up to 2025-11-25, or the
//! stateless one of 2026-07-28. It is asked once by `server/discover` (R5;
//! 2026-07-28, basic/versioning), and again when what was found no longer works.

use bytes::Bytes;
use serde::Deserialize;
use serde_json::value::RawValue;

use super::handshake::{Changes, Hello, Offers};
use super::{Outcome, UpstreamError};
use crate::capabilities::Capabilities;

/// The stateless revision, the only one of its era.
pub const MODERN: &str = "2026-07-28";

/// The code of `HeaderMismatch`.
pub(crate) const HEADER_MISMATCH: i64 = -32020;
/// The code of `UnsupportedProtocolVersion`; its data names those that are supported.
pub(crate) const UNSUPPORTED_VERSION: i64 = -32022;

/// What a server speaks.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub enum Era {
    /// Sessions that begin with `initialize`.
    #[default]
    Legacy,
    /// Requests that each say who asks and what they can take.
    Modern,
}

/// What the answer to `server/discover` shows.
#[derive(Clone, Debug, Eq, PartialEq)]
pub enum Found {
    /// A server of 2026-07-28.
    Modern(Hello),
    /// A server that is greeted by `initialize`.
    Legacy,
}

/// The members of `_meta` that every modern request bears, as the gateway says them for itself, and for clients that say
/// nothing of the kind but what they can be asked for.
pub fn own_meta(capabilities: Capabilities) -> String {
    let (capabilities, version) = (capabilities.to_json(), env!("CARGO_PKG_VERSION"));
    format!(
        r#""io.modelcontextprotocol/protocolVersion":"{MODERN}","io.modelcontextprotocol/clientCapabilities":{capabilities},"io.modelcontextprotocol/clientInfo":{{"name":"switchboard","version":"{version}"}}"#
    )
}

/// The `server/discover` request.
pub fn discover(id: u64) -> Bytes {
    request(id, "server/discover", b"", Era::Modern)
}

/// A request of the gateway's own to a server of this era; `params` are its members as JSON, without braces.
pub fn request(id: u64, method: &str, params: &[u8], era: Era) -> Bytes {
    let mut out = format!(r#"{{"jsonrpc":"2.0","id":{id},"method":"{method}","params":{{"#).into_bytes();
    out.extend_from_slice(params);
    if era == Era::Modern {
        let comma = if params.is_empty() { "" } else { "," };
        let meta = own_meta(Capabilities::default());
        out.extend_from_slice(format!(r#"{comma}"_meta":{{{meta}}}"#).as_bytes());
    }
    out.extend_from_slice(b"}}");
    out.into()
}

/// Whether a JSON-RPC error code is one that only the modern protocol has.
pub fn is_modern_error(code: i64) -> bool {
    (-32099..=-32020).contains(&code)
}

/// Reads the response to [`discover`]; `message` is the whole JSON-RPC response. An error is one of the modern protocol,
/// of which a legacy server knows nothing: its era stays unknown.
pub fn found(message: &[u8]) -> Result<Found, UpstreamError> {
    #[derive(Deserialize)]
    struct Response<'a> {
        #[serde(borrow)]
        result: Option<&'a RawValue>,
        error: Option<Error>,
    }
    #[derive(Deserialize)]
    struct Error {
        code: i64,
        data: Option<Supported>,
    }
    #[derive(Deserialize)]
    struct Supported {
        supported: Option<Vec<String>>,
    }
    // Whoever answers something else is asked by `initialize` what it is.
    let Ok(response) = serde_json::from_slice::<Response<'_>>(message) else { return Ok(Found::Legacy) };
    match (response.result, response.error) {
        (_, Some(Error { code, data })) if is_modern_error(code) => {
            match data.and_then(|data| data.supported).filter(|_| code == UNSUPPORTED_VERSION) {
                Some(supported) if !supported.iter().any(|version| version == MODERN) => Ok(Found::Legacy),
                _ => Err(UpstreamError::new(
                    Outcome::UnsupportedProtocol,
                    format!("the server refused server/discover with error {code}"),
                )),
            }
        }
        (Some(result), None) => Ok(discovered(result.get()).map_or(Found::Legacy, Found::Modern)),
        _ => Ok(Found::Legacy),
    }
}

/// What a result of `server/discover` says; none if the server does not speak 2026-07-28.
fn discovered(result: &str) -> Option<Hello> {
    #[derive(Deserialize)]
    #[serde(rename_all = "camelCase")]
    struct DiscoverResult<'a> {
        supported_versions: Vec<String>,
        #[serde(borrow, default)]
        capabilities: Capabilities<'a>,
    }
    #[derive(Default, Deserialize)]
    struct Capabilities<'a> {
        #[serde(borrow)]
        tools: Option<&'a RawValue>,
        #[serde(borrow)]
        prompts: Option<&'a RawValue>,
        #[serde(borrow)]
        resources: Option<&'a RawValue>,
        #[serde(borrow)]
        completions: Option<&'a RawValue>,
    }
    let found: DiscoverResult<'_> = serde_json::from_str(result).ok()?;
    if !found.supported_versions.iter().any(|version| version == MODERN) {
        return None;
    }
    let Capabilities { tools, prompts, resources, completions } = found.capabilities;
    let changes = Changes { tools: tells(tools), prompts: tells(prompts), resources: tells(resources) };
    let silent = prompts.is_none() && resources.is_none();
    let offers = Offers {
        tools: tools.is_some() || silent,
        prompts: prompts.is_some(),
        resources: resources.is_some(),
        completions: completions.is_some(),
        changes,
    };
    Some(Hello { version: MODERN, offers })
}

/// Whether a capability has `listChanged`.
fn tells(capability: Option<&RawValue>) -> bool {
    #[derive(Deserialize)]
    #[serde(rename_all = "camelCase")]
    struct Capability {
        #[serde(default)]
        list_changed: bool,
    }
    let capability = capability.and_then(|capability| serde_json::from_str::<Capability>(capability.get()).ok());
    capability.is_some_and(|capability| capability.list_changed)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn error(code: i64, data: &str) -> Result<Found, Outcome> {
        let message = format!(r#"{{"jsonrpc":"2.0","id":1,"error":{{"code":{code},"message":"no"{data}}}}}"#);
        found(message.as_bytes()).map_err(|error| error.outcome)
    }

    #[test]
    fn r5_errors_that_legacy_servers_have_show_one_and_others_show_nothing() {
        for code in [-32601, -32602, -32600, -32000, -32001, -32019, -32100, 1] {
            assert_eq!(error(code, ""), Ok(Found::Legacy), "{code}");
        }
        for code in [-32020, -32021, -32022, -32099] {
            assert_eq!(error(code, ""), Err(Outcome::UnsupportedProtocol), "{code}");
        }
        assert_eq!(
            error(-32022, r#","data":{"supported":["2025-11-25"],"requested":"2026-07-28"}"#),
            Ok(Found::Legacy)
        );
        let both = error(-32022, r#","data":{"supported":["2025-11-25","2026-07-28"]}"#);
        assert_eq!(both, Err(Outcome::UnsupportedProtocol));
    }

    #[test]
    fn r5_a_server_is_modern_if_it_says_so() {
        let of = |result: &str| found(format!(r#"{{"jsonrpc":"2.0","id":1,"result":{result}}}"#).as_bytes()).unwrap();
        let said = r#"{"supportedVersions":["2026-07-28","2025-11-25"],"capabilities":{"prompts":{"listChanged":true},"resources":{}},"ttlMs":0}"#;
        let Found::Modern(hello) = of(said) else { panic!("it is modern") };
        assert_eq!((hello.version, hello.era()), (MODERN, Era::Modern));
        let changes = Changes { prompts: true, ..Changes::default() };
        assert_eq!(hello.offers, Offers { prompts: true, resources: true, changes, ..Offers::default() });
        for other in [r#"{"supportedVersions":["2025-11-25"]}"#, r#"{"ok":true}"#, "[]", "7"] {
            assert_eq!(of(other), Found::Legacy, "{other}");
        }
        assert_eq!(found(b"[]").unwrap(), Found::Legacy);
    }
}
