//! How an upstream fails, in the classes that LiteLLM's clients know.

/// How a request to an upstream failed. No value of the server or of a caller is in it.
#[derive(Clone, Debug, thiserror::Error)]
#[error("{outcome}: {detail}")]
pub struct UpstreamError {
    /// The class, as LiteLLM's clients know it.
    pub outcome: Outcome,
    /// What happened, for a person; never bytes of an upstream (R21).
    pub detail: String,
    /// The HTTP status, if there was one.
    pub http_status: Option<u16>,
}

/// The class of an upstream's failure; the words are LiteLLM's.
#[derive(Clone, Copy, Debug, Eq, Hash, PartialEq)]
pub enum Outcome {
    /// No connection, a dead child, a connection that broke.
    Unreachable,
    /// No answer within the deadline.
    Timeout,
    /// 401.
    AuthRequired,
    /// 403.
    Forbidden,
    /// 429.
    RateLimited,
    /// Any other answer that is not MCP.
    UpstreamError,
    /// A server that speaks only a protocol that the gateway does not speak to it.
    UnsupportedProtocol,
    /// A server that wants of the client what it does not offer, or what cannot be asked of it.
    MissingCapability,
}

impl Outcome {
    /// The outcome's word in `_meta`, metrics and status.
    pub fn as_str(self) -> &'static str {
        match self {
            Outcome::Unreachable => "unreachable",
            Outcome::Timeout => "timeout",
            Outcome::AuthRequired => "auth_required",
            Outcome::Forbidden => "forbidden",
            Outcome::RateLimited => "rate_limited",
            Outcome::UpstreamError => "upstream_error",
            Outcome::UnsupportedProtocol => "unsupported_protocol",
            Outcome::MissingCapability => "missing_capability",
        }
    }
}

impl std::fmt::Display for Outcome {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(self.as_str())
    }
}

impl UpstreamError {
    /// A failure of this class.
    pub fn new(outcome: Outcome, detail: impl Into<String>) -> Self {
        Self { outcome, detail: detail.into(), http_status: None }
    }

    /// The failure that an HTTP status from the upstream is.
    pub fn status(status: ::http::StatusCode) -> Self {
        let outcome = match status.as_u16() {
            401 => Outcome::AuthRequired,
            403 => Outcome::Forbidden,
            429 => Outcome::RateLimited,
            408 | 504 => Outcome::Timeout,
            _ => Outcome::UpstreamError,
        };
        Self {
            outcome,
            detail: format!("the server answered HTTP {}", status.as_u16()),
            http_status: Some(status.as_u16()),
        }
    }

    /// The request came too late: its server is not there any more, or is another now.
    pub(crate) fn ended() -> Self {
        Self::new(Outcome::Unreachable, "the server was changed or removed meanwhile")
    }

    /// The deadline passed.
    pub fn timeout(what: &str) -> Self {
        Self::new(Outcome::Timeout, format!("{what} took longer than its deadline"))
    }
}

#[cfg(test)]
mod tests {
    use crds::conditions::Failure;

    use super::*;

    /// R40: a status has a word for each class, so that whoever reads it need not ask a pod.
    #[test]
    fn every_outcome_is_a_failure_that_a_status_can_name() {
        let outcomes = [
            Outcome::Unreachable,
            Outcome::Timeout,
            Outcome::AuthRequired,
            Outcome::Forbidden,
            Outcome::RateLimited,
            Outcome::UpstreamError,
            Outcome::UnsupportedProtocol,
            Outcome::MissingCapability,
        ];
        let failures = outcomes.map(|outcome| Failure::of_state(outcome.as_str()));
        assert_eq!(failures[..], Failure::ALL[..outcomes.len()]);
        assert_eq!(Failure::ALL[outcomes.len()..], [Failure::Failing]);
    }
}
