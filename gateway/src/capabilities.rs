//! What a client can be asked for, as bits: they fit into a session id, and
//! clients with the same ones are alike to a server.

use serde::Deserialize;
use serde::de::IgnoredAny;

/// The capabilities of a client that a server may use by asking it. None by default.
#[derive(Clone, Copy, Debug, Default, Eq, Hash, PartialEq)]
pub struct Capabilities(u8);

const SAMPLING: u8 = 1;
const SAMPLING_TOOLS: u8 = 1 << 1;
const SAMPLING_CONTEXT: u8 = 1 << 2;
const ELICITATION_FORM: u8 = 1 << 3;
const ELICITATION_URL: u8 = 1 << 4;
const ROOTS: u8 = 1 << 5;
const ROOTS_LIST_CHANGED: u8 = 1 << 6;

/// `ClientCapabilities`, of which only what is there counts.
#[derive(Default, Deserialize)]
#[serde(default)]
struct Declared {
    sampling: Option<Sampling>,
    elicitation: Option<Elicitation>,
    roots: Option<Roots>,
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct Sampling {
    tools: Option<IgnoredAny>,
    context: Option<IgnoredAny>,
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct Elicitation {
    form: Option<IgnoredAny>,
    url: Option<IgnoredAny>,
}

#[derive(Default, Deserialize)]
#[serde(default, rename_all = "camelCase")]
struct Roots {
    list_changed: bool,
}

impl Capabilities {
    /// Reads the JSON of `ClientCapabilities`: that of `initialize`, or of a modern request's `_meta`. What is not of the
    /// form of one is as good as none: who declares nothing is asked for nothing.
    pub fn read(json: &[u8]) -> Self {
        let declared: Declared = serde_json::from_slice(json).unwrap_or_default();
        let mut bits = 0;
        if let Some(sampling) = declared.sampling {
            bits |= SAMPLING;
            bits |= if sampling.tools.is_some() { SAMPLING_TOOLS } else { 0 };
            bits |= if sampling.context.is_some() { SAMPLING_CONTEXT } else { 0 };
        }
        if let Some(Elicitation { form, url }) = declared.elicitation {
            // The empty object is that of revisions that know of forms only (2025-11-25, client/elicitation).
            bits |= if form.is_some() || url.is_none() { ELICITATION_FORM } else { 0 };
            bits |= if url.is_some() { ELICITATION_URL } else { 0 };
        }
        if let Some(roots) = declared.roots {
            bits |= ROOTS;
            bits |= if roots.list_changed { ROOTS_LIST_CHANGED } else { 0 };
        }
        Self(bits)
    }

    /// The capabilities of this number; bits that mean nothing are none.
    pub const fn from_bits(bits: u8) -> Self {
        Self(bits & 0x7f)
    }

    /// Their number.
    pub const fn bits(self) -> u8 {
        self.0
    }

    /// Whether the client can be asked for nothing.
    pub const fn is_empty(self) -> bool {
        self.0 == 0
    }

    /// Whether the client can be asked this.
    pub fn has_method(self, method: &str) -> bool {
        match method {
            "sampling/createMessage" => self.has(SAMPLING),
            "elicitation/create" => self.has(ELICITATION_FORM) || self.has(ELICITATION_URL),
            "roots/list" => self.has(ROOTS),
            _ => false,
        }
    }

    /// Whether its person can be sent to a URL.
    pub const fn has_url_elicitation(self) -> bool {
        self.has(ELICITATION_URL)
    }

    /// As `ClientCapabilities`, for a server.
    pub fn to_json(self) -> String {
        let mut members = Vec::new();
        if self.has(SAMPLING) {
            let inner = self.inner(&[(SAMPLING_TOOLS, "tools"), (SAMPLING_CONTEXT, "context")]);
            members.push(format!(r#""sampling":{inner}"#));
        }
        if self.has(ELICITATION_URL) {
            let inner = self.inner(&[(ELICITATION_FORM, "form"), (ELICITATION_URL, "url")]);
            members.push(format!(r#""elicitation":{inner}"#));
        } else if self.has(ELICITATION_FORM) {
            // As revisions before 2025-11-25 write it, which later ones read as a form.
            members.push(r#""elicitation":{}"#.to_owned());
        }
        if self.has(ROOTS) {
            let inner = if self.has(ROOTS_LIST_CHANGED) { r#"{"listChanged":true}"# } else { "{}" };
            members.push(format!(r#""roots":{inner}"#));
        }
        format!("{{{}}}", members.join(","))
    }

    const fn has(self, bit: u8) -> bool {
        self.0 & bit != 0
    }

    fn inner(self, members: &[(u8, &str)]) -> String {
        let there = members.iter().filter(|(bit, _)| self.has(*bit));
        let there: Vec<_> = there.map(|(_, name)| format!(r#""{name}":{{}}"#)).collect();
        format!("{{{}}}", there.join(","))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_declared_is_declared_on() {
        for same in [
            "{}",
            r#"{"sampling":{}}"#,
            r#"{"sampling":{"tools":{},"context":{}},"elicitation":{"form":{},"url":{}},"roots":{"listChanged":true}}"#,
            r#"{"elicitation":{"url":{}}}"#,
            r#"{"elicitation":{},"roots":{}}"#,
        ] {
            assert_eq!(Capabilities::read(same.as_bytes()).to_json(), same);
        }
        let form = Capabilities::read(br#"{"elicitation":{"form":{}},"experimental":{"x":1}}"#);
        assert_eq!(form.to_json(), r#"{"elicitation":{}}"#);
        for bits in 0..=u8::MAX {
            let capabilities = Capabilities::from_bits(bits);
            assert_eq!(Capabilities::from_bits(capabilities.bits()), capabilities);
        }
    }

    #[test]
    fn who_declares_nothing_that_can_be_read_is_asked_for_nothing() {
        for none in ["", "null", "[]", r#"{"sampling":7}"#, r#"{"roots":null}"#] {
            assert!(Capabilities::read(none.as_bytes()).is_empty(), "{none}");
        }
        let url = Capabilities::read(br#"{"elicitation":{"url":{}}}"#);
        assert!(url.has_method("elicitation/create") && !url.has_method("sampling/createMessage"));
        assert!(!url.has_method("tools/call"));
    }
}
