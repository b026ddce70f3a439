//! A caller's own token, as far as a server's tokens are had in exchange for it.

use std::sync::Arc;

use crds::snapshot::UnixSeconds;
use sha2::{Digest, Sha256};

/// The token by which a caller was identified. It is shown to the token endpoint of the server that asks for it, and to
/// nobody else; so there is no `Debug`.
#[derive(Clone)]
pub struct SubjectToken {
    text: Arc<str>,
    /// From then on it is of no use.
    expires: Option<UnixSeconds>,
    digest: [u8; 32],
}

/// What a caller brings to a server for which callers' tokens are exchanged.
#[derive(Clone)]
pub enum Subject {
    /// A token.
    Token(SubjectToken),
    /// No token: the caller was identified by something that is sent to nobody.
    Missing,
}

impl SubjectToken {
    /// A token as it was presented; none if it is no text. `expires`: when it is of no use any more, if that is known.
    pub fn new(presented: &[u8], expires: Option<UnixSeconds>) -> Option<Self> {
        let text = str::from_utf8(presented).ok().filter(|text| !text.is_empty())?;
        Some(Self { text: text.into(), expires, digest: Sha256::digest(text).into() })
    }

    /// What it is known by here: its SHA-256.
    pub(crate) fn digest(&self) -> &[u8; 32] {
        &self.digest
    }

    pub(super) fn text(&self) -> &str {
        &self.text
    }

    pub(super) fn expires(&self) -> Option<UnixSeconds> {
        self.expires
    }
}

impl Subject {
    /// What of it tells callers apart.
    pub(crate) fn digest(&self) -> &[u8] {
        match self {
            Subject::Token(token) => token.digest(),
            Subject::Missing => b"",
        }
    }
}
