//! What is said of an object that the settings, or its name, do not let in: by
//! the compiler, in a status, and by an admission policy, before it is stored.

/// Of a subject that only a platform namespace may have.
pub(crate) const PLATFORM_ONLY: &str = "only a platform namespace may have a subject User, Claims or Anonymous";

/// Of a service account of another namespace.
pub(crate) const OWN_ACCOUNTS_ONLY: &str =
    "only a platform namespace may have a service account of another namespace as a subject";

/// Of bare names in a namespace that may not publish them.
pub(crate) const NO_BARE: &str = "the settings (`bareNaming`) do not let this namespace publish bare names";

/// Of a child process in a namespace, or of a command, that may not be.
pub(crate) const NO_STDIO: &str =
    "the settings (`stdio`) do not let this namespace, or this command, start child processes";

/// Of a server that would be handed callers' tokens.
pub(crate) const NO_EXCHANGE: &str =
    "only a server of a platform namespace may have callers' tokens exchanged: its token endpoint gets them";

/// Of an alias that stands for the prefix, and cannot.
pub(crate) const NO_PREFIX: &str =
    "a prefix is at most 32 letters, digits and `_`, with a letter or digit, and does not end in `_`";

/// Of one of the gateway's own words; the word goes before it.
pub(crate) const RESERVED: &str = "is one of the gateway's own words: choose another";

/// Of a default name that is too long; `member` is the field to set instead.
pub(crate) fn too_long(member: &str, limit: usize) -> String {
    format!("the published name has more than {limit} characters: set a shorter `spec.{member}`")
}
