//! A token taken apart (RFC 7515, compact serialization), before anything of it
//! is believed.

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde::Deserialize;
use serde_json::{Map, Value};

/// The parts of a token.
pub(super) struct Parts<'t> {
    pub(super) header: Header,
    pub(super) payload: Payload,
    /// What the signature is over.
    pub(super) signed: &'t [u8],
    pub(super) signature: Vec<u8>,
}

/// What is read of a header. Where keys are, or what they are, is not the token's to say.
#[derive(Deserialize)]
pub(super) struct Header {
    pub(super) alg: String,
    pub(super) kid: Option<String>,
    pub(super) typ: Option<String>,
    /// Whatever it holds: none of it is understood here (RFC 7515, 4.1.11).
    pub(super) crit: Option<Value>,
    /// A payload that is not base64url would have to be said in `crit` (RFC 7797).
    pub(super) b64: Option<Value>,
}

/// A payload.
pub(super) struct Payload(pub(super) Map<String, Value>);

impl<'t> Parts<'t> {
    /// None of what is no token.
    pub(super) fn read(text: &'t [u8]) -> Option<Self> {
        let last = text.iter().rposition(|byte| *byte == b'.')?;
        let (signed, signature) = (&text[..last], &text[last + 1..]);
        let first = signed.iter().position(|byte| *byte == b'.')?;
        let (header, payload) = (&signed[..first], &signed[first + 1..]);
        let decoded = |part: &[u8]| URL_SAFE_NO_PAD.decode(part).ok();
        let header = serde_json::from_slice(&decoded(header)?).ok()?;
        let payload = Payload(serde_json::from_slice(&decoded(payload)?).ok()?);
        Some(Self { header, payload, signed, signature: decoded(signature)? })
    }
}

impl Header {
    /// Whether this is a token of a kind that is taken: an access token, an ID token, or one that does not say.
    pub(super) fn is_of_ours(&self) -> bool {
        let typ = self.typ.as_deref().map(str::to_ascii_lowercase);
        let typ = typ.as_deref().map(|typ| typ.strip_prefix("application/").unwrap_or(typ));
        self.crit.is_none() && self.b64.is_none() && matches!(typ, None | Some("jwt" | "at+jwt"))
    }
}

impl Payload {
    pub(super) fn text(&self, claim: &str) -> Option<&str> {
        self.0.get(claim).and_then(Value::as_str)
    }

    pub(super) fn issuer(&self) -> Option<&str> {
        self.text("iss")
    }

    /// Whether one of these is an audience, or the only one.
    pub(super) fn is_for(&self, audiences: &[String]) -> bool {
        let is_one = |said: &Value| said.as_str().is_some_and(|said| audiences.iter().any(|audience| audience == said));
        self.0.get("aud").is_some_and(|said| said.as_array().map_or_else(|| is_one(said), |all| all.iter().any(is_one)))
    }

    /// A moment; a fraction of a second is cut off.
    pub(super) fn moment(&self, claim: &str) -> Option<i64> {
        let said = self.0.get(claim)?;
        #[expect(clippy::cast_possible_truncation, reason = "a number that no moment is ends at the highest one")]
        said.as_i64().or_else(|| said.as_f64().map(|seconds| seconds as i64))
    }
}
