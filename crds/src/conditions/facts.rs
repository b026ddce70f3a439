//! What conditions follow from, beside the faults of an object: what is
//! written, what the pods run, how a server is for them.

/// Whether what follows from an object is in the snapshot that gateways load. Of an object that is not accepted, or is
/// suspended, that is its absence.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Programmed<'a> {
    /// Since this revision, which is written. The revision that was the newest when the object, as it is, had been
    /// compiled and what followed had been written; a later one is right too, and waits for more than is needed.
    Since(u64),
    /// Not yet: the snapshot is being written.
    Pending,
    /// No snapshot with it can be written, and that does not pass by itself: why, in words for a person.
    Blocked(&'a str),
}

/// The pods that serve, those included that end but still serve, and the revision that each has in force.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub struct Fleet {
    /// Of the pods that answer. Sorted.
    revisions: Vec<u64>,
    silent: usize,
}

/// How a server is for the pods that serve: what they said for 30 s or longer (R40).
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub struct Health {
    /// Pods that have it and have read its lists.
    pub ready: usize,
    /// Pods for which it fails.
    pub failing: usize,
    /// Pods that wait for its credential.
    pub waiting: usize,
    /// Pods that can ask it for a caller only, by the caller's own token.
    pub per_caller: usize,
    /// How it fails, where it does: the failure that most pods name; of equals the first by class.
    pub failure: Option<Failure>,
    /// The protocol revision that is spoken to it.
    pub protocol: Option<String>,
    /// Tools of it that are published.
    pub tools: Option<u32>,
}

/// How a server fails. The reason of `Available`.
#[derive(Clone, Copy, Debug, Eq, Ord, PartialEq, PartialOrd)]
pub enum Failure {
    /// No connection, a dead child, a connection that broke.
    Unreachable,
    /// No answer within the deadline.
    Timeout,
    /// It answers 401.
    AuthRequired,
    /// It answers 403.
    Forbidden,
    /// It answers 429.
    RateLimited,
    /// Any other answer that is not MCP.
    UpstreamError,
    /// It speaks only a protocol that the gateway does not speak to it.
    UnsupportedProtocol,
    /// It wants what the gateway does not offer.
    MissingCapability,
    /// In a way that only a newer gateway has a word for.
    Failing,
}

// === impl Fleet ===

impl Fleet {
    /// Of each pod that serves: its revision, or none if it cannot be asked.
    pub fn new(pods: impl IntoIterator<Item = Option<u64>>) -> Self {
        let mut fleet = Self::default();
        for pod in pods {
            match pod {
                Some(revision) => fleet.revisions.push(revision),
                None => fleet.silent += 1,
            }
        }
        fleet.revisions.sort_unstable();
        fleet
    }

    /// How many pods serve.
    pub fn serving(&self) -> usize {
        self.revisions.len() + self.silent
    }

    /// How many of them run the revision or a later one. One that cannot be asked does not count (R40).
    pub fn running(&self, revision: u64) -> usize {
        self.revisions.len() - self.revisions.partition_point(|of_pod| *of_pod < revision)
    }

    /// How many of them cannot be asked.
    pub fn silent(&self) -> usize {
        self.silent
    }
}

// === impl Failure ===

impl Failure {
    /// Every one.
    pub const ALL: [Failure; 9] = [
        Failure::Unreachable,
        Failure::Timeout,
        Failure::AuthRequired,
        Failure::Forbidden,
        Failure::RateLimited,
        Failure::UpstreamError,
        Failure::UnsupportedProtocol,
        Failure::MissingCapability,
        Failure::Failing,
    ];

    /// The failure that a gateway's `/status` names, as in `auth_required`.
    pub fn of_state(word: &str) -> Self {
        match word {
            "unreachable" => Failure::Unreachable,
            "timeout" => Failure::Timeout,
            "auth_required" => Failure::AuthRequired,
            "forbidden" => Failure::Forbidden,
            "rate_limited" => Failure::RateLimited,
            "upstream_error" => Failure::UpstreamError,
            "unsupported_protocol" => Failure::UnsupportedProtocol,
            "missing_capability" => Failure::MissingCapability,
            _ => Failure::Failing,
        }
    }

    /// The reason as it stands in a status.
    pub fn as_str(self) -> &'static str {
        match self {
            Failure::Unreachable => "Unreachable",
            Failure::Timeout => "Timeout",
            Failure::AuthRequired => "AuthRequired",
            Failure::Forbidden => "Forbidden",
            Failure::RateLimited => "RateLimited",
            Failure::UpstreamError => "UpstreamError",
            Failure::UnsupportedProtocol => "UnsupportedProtocol",
            Failure::MissingCapability => "MissingCapability",
            Failure::Failing => "Failing",
        }
    }
}
