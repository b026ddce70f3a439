//! The rules by which something is denied, as the log and the metrics name them.

use crds::snapshot::Obstacle;

/// Why something is denied.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Reason {
    /// No credential, and no Anonymous binding.
    Unauthenticated,
    /// A key that is nobody's. Snapshots do not have the keys of suspended bindings.
    UnknownKey,
    /// A key whose `expirationTime` has passed.
    KeyExpired,
    /// The binding has expired.
    BindingExpired,
    /// The binding, of a user or service account with a token, is suspended.
    Suspended,
    /// The binding is being taken away.
    Revoked,
    /// A token that cannot be read, or of a kind that is not taken.
    TokenMalformed,
    /// A token of an issuer that is not trusted, or by an algorithm that its issuer does not use.
    TokenIssuer,
    /// A token by a key that its issuer does not publish.
    TokenKey,
    /// A token whose signature is wrong.
    TokenSignature,
    /// A token that is not for this gateway.
    TokenAudience,
    /// A token that has expired.
    TokenExpired,
    /// A token that is not valid yet.
    TokenNotYet,
    /// A token without a claim that every token must have.
    TokenLacksClaim,
    /// A valid token that no binding is for.
    NoBinding,
    /// A page of the web that is not allowed.
    Origin,
    /// A host name that a loopback listener does not have.
    Host,
    /// A parent of the binding has expired.
    ParentExpired,
    /// Nothing of the server is granted.
    ServerNotGranted,
    /// The server is granted, this of it is not.
    NotGranted,
    /// The server is off, since a Secret of it cannot be used.
    ServerOff,
    /// The server's own filter keeps it from everybody.
    Filtered,
    /// The server is there for internal addresses alone.
    InternalOnly,
    /// The request itself narrows to other servers.
    OutOfScope,
    /// An earlier server has the name.
    Hidden,
    /// The name means two things.
    Ambiguous,
    /// The server does not list it.
    NotListed,
    /// The name means nothing here.
    UnknownName,
    /// An id that was not given to this caller, or is too old.
    NotTheirs,
    /// It was taken away while it was used.
    Lost,
}

impl Reason {
    /// All of them.
    pub const ALL: [Self; 30] = [
        Self::Unauthenticated,
        Self::UnknownKey,
        Self::KeyExpired,
        Self::BindingExpired,
        Self::Suspended,
        Self::Revoked,
        Self::TokenMalformed,
        Self::TokenIssuer,
        Self::TokenKey,
        Self::TokenSignature,
        Self::TokenAudience,
        Self::TokenExpired,
        Self::TokenNotYet,
        Self::TokenLacksClaim,
        Self::NoBinding,
        Self::Origin,
        Self::Host,
        Self::ParentExpired,
        Self::ServerNotGranted,
        Self::NotGranted,
        Self::ServerOff,
        Self::Filtered,
        Self::InternalOnly,
        Self::OutOfScope,
        Self::Hidden,
        Self::Ambiguous,
        Self::NotListed,
        Self::UnknownName,
        Self::NotTheirs,
        Self::Lost,
    ];

    /// Its word, which does not change.
    pub const fn as_str(self) -> &'static str {
        self.word_and_meaning().0
    }

    /// What it means, and what to do.
    pub const fn meaning(self) -> &'static str {
        self.word_and_meaning().1
    }

    const fn word_and_meaning(self) -> (&'static str, &'static str) {
        match self {
            Self::Unauthenticated => {
                ("unauthenticated", "the request had no credential, and no Anonymous binding lets anybody in")
            }
            Self::UnknownKey => (
                "unknown_key",
                "no binding in force has this key: it is mistyped or was taken out, or its binding is suspended or not accepted",
            ),
            Self::KeyExpired => ("key_expired", "the key's expirationTime has passed: give the binding a new key"),
            Self::BindingExpired => ("binding_expired", "the binding's expirationTime has passed"),
            Self::Suspended => ("suspended", "the binding says `suspend: true`"),
            Self::Revoked => ("revoked", "the binding is being taken away"),
            Self::TokenMalformed => ("token_malformed", "the token cannot be read, or is of a kind that is not taken"),
            Self::TokenIssuer => (
                "token_issuer",
                "the token's issuer is not among the settings' `issuers`, or does not sign by this algorithm",
            ),
            Self::TokenKey => ("token_key", "the token is signed by a key that its issuer does not publish"),
            Self::TokenSignature => ("token_signature", "the token's signature is wrong"),
            Self::TokenAudience => ("token_audience", "the token is for another audience"),
            Self::TokenExpired => ("token_expired", "the token has expired: the client has to get a new one"),
            Self::TokenNotYet => ("token_not_yet", "the token is not valid yet: a clock is wrong"),
            Self::TokenLacksClaim => {
                ("token_lacks_claim", "the token lacks `sub`, `exp` or another claim that it must have")
            }
            Self::NoBinding => ("no_binding", "the token is valid, and no accepted binding is for whom it names"),
            Self::Origin => {
                ("origin", "the page's Origin is neither the gateway's nor in the settings' `allowedOrigins`")
            }
            Self::Host => ("host", "this gateway listens on loopback, and the request names another host"),
            Self::ParentExpired => ("parent_expired", "a team, user or organization above the binding has expired"),
            Self::ServerNotGranted => ("server_not_granted", "nothing of the server is granted"),
            Self::NotGranted => ("not_granted", "the server is granted, but not this of it"),
            Self::ServerOff => ("server_off", "the server is off: a Secret that it needs cannot be used"),
            Self::Filtered => ("filtered", "the server's own filter keeps it from everybody"),
            Self::InternalOnly => {
                ("internal_only", "the server is exposed to internal addresses alone, and the client is at another")
            }
            Self::OutOfScope => {
                ("out_of_scope", "the path or a filter header of the request leaves other servers alone")
            }
            Self::Hidden => ("hidden", "it may be used, but an earlier server's entry has its name"),
            Self::Ambiguous => ("ambiguous", "the name means two things: call it by its full name"),
            Self::NotListed => ("not_listed", "it may be used, but its server does not list it"),
            Self::UnknownName => ("unknown_name", "nothing goes by this name"),
            Self::NotTheirs => ("not_theirs", "the id was given to somebody else, or is too old"),
            Self::Lost => ("lost", "it was taken away while it was used"),
        }
    }

    /// The one of this word.
    pub fn from_word(word: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|reason| reason.as_str() == word)
    }
}

impl From<Obstacle> for Reason {
    fn from(obstacle: Obstacle) -> Self {
        match obstacle {
            Obstacle::CallerEnded => Self::BindingExpired,
            Obstacle::ParentEnded => Self::ParentExpired,
            Obstacle::ServerNotGranted => Self::ServerNotGranted,
            Obstacle::ItemNotGranted => Self::NotGranted,
            Obstacle::ServerOff => Self::ServerOff,
            Obstacle::Filtered => Self::Filtered,
        }
    }
}
