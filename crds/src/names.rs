//! Names on the wire: how they are compared, which are the gateway's own, and
//! how a tool's published name is made (ACCESS.md, Names).

use sha2::{Digest, Sha256};

/// The longest alias or prefix, in characters.
pub const ALIAS_MAX: usize = 32;

/// The longest spelling of an alias or prefix that is looked at, in bytes: twice the longest. Bounds the work for a name
/// that a caller says, and what of it goes on.
pub const SPELLING_MAX: usize = 2 * ALIAS_MAX;

/// The longest group name, in characters.
pub const GROUP_NAME_MAX: usize = 64;

/// The longest prefix of a server's URIs, in characters.
pub const URI_PREFIX_MAX: usize = 32;

/// Headers that may carry the gateway's own key, lower case, in order of precedence (LiteLLM's).
pub const KEY_HEADERS: [&str; 6] =
    ["x-litellm-api-key", "authorization", "api-key", "x-api-key", "x-goog-api-key", "ocp-apim-subscription-key"];

/// The gateway's own words, in the form that [`norm`] gives.
pub(crate) const RESERVED: [&str; 17] = [
    "access",
    "auth",
    "enabled",
    "health",
    "livez",
    "mcp",
    "mcprest",
    "metrics",
    "proxy",
    "readyz",
    "search",
    "servers",
    "sse",
    "status",
    "toolset",
    "v1",
    "wellknown",
];

/// What a spelling may have or leave out, without being another name.
pub(crate) const FOLDED: [char; 3] = [' ', '-', '_'];

/// What of a `metadata.name` is `_` in the name that follows from it.
pub(crate) const UNDERSCORED: [char; 2] = ['-', '.'];

/// Whether a header, in lower case, may carry the gateway's own key.
pub fn is_key_header(name: &str) -> bool {
    KEY_HEADERS.contains(&name)
}

/// Whether callers may bring a credential for a server in this header, in any case: none that the gateway reads for
/// another purpose. Of those for its own key only `Authorization` may be, which then is one no more.
pub fn may_be_client_side_auth_header(name: &str) -> bool {
    const TAKEN: [&str; 5] = ["accept", "host", "origin", "x-mcp-access-groups", "x-mcp-servers"];
    let name = name.to_ascii_lowercase();
    let is_taken = TAKEN.contains(&name.as_str()) || name.starts_with("content-") || name.starts_with("mcp-");
    !is_taken && (name == "authorization" || !is_key_header(&name))
}

/// The form in which aliases, prefixes and group names are compared: without case, space, `-` and `_`.
///
/// Only ASCII letters have case here, so that no look-alike of another script folds into a name.
pub fn norm(name: &str) -> String {
    name.chars().filter(|c| !FOLDED.contains(c)).map(|c| c.to_ascii_lowercase()).collect()
}

/// Whether the name is one of the gateway's own words, in any spelling.
pub fn is_reserved(name: &str) -> bool {
    RESERVED.binary_search(&norm(name).as_str()).is_ok()
}

/// The alias or group name of an object that sets none: `metadata.name` with `-` and `.` as `_`.
pub fn default_name(metadata_name: &str) -> String {
    metadata_name.replace(UNDERSCORED, "_")
}

/// Letters, digits and `_`, at most 32, at least one of them a letter or digit.
pub fn is_alias(name: &str) -> bool {
    name.len() <= ALIAS_MAX && is_made_of(name, |c| c == '_')
}

/// An alias that does not end in `_`, so that prefix and separator can be told apart.
pub fn is_prefix(name: &str) -> bool {
    is_alias(name) && !name.ends_with('_')
}

/// The beginning of a scheme, so that with it before any URI there is a URI: lower-case letters, digits, `-` and `.`,
/// a letter first and a `+` at the end, at most 32.
pub fn is_uri_prefix(prefix: &str) -> bool {
    let is_inside = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || matches!(c, '-' | '.');
    prefix.len() <= URI_PREFIX_MAX
        && prefix.starts_with(|c: char| c.is_ascii_lowercase())
        && prefix.strip_suffix('+').is_some_and(|inside| inside.chars().all(is_inside))
}

/// Letters, digits, space, `_` and `-`, at most 64, at least one of them a letter or digit.
pub fn is_group_name(name: &str) -> bool {
    name.len() <= GROUP_NAME_MAX && is_made_of(name, |c| matches!(c, '_' | ' ' | '-'))
}

fn is_made_of(name: &str, other: fn(char) -> bool) -> bool {
    name.chars().all(|c| c.is_ascii_alphanumeric() || other(c)) && name.chars().any(|c| c.is_ascii_alphanumeric())
}

/// The name under which callers see a tool: prefix, separator, native name; without a prefix the native name.
///
/// Longer than `max_len` characters, it is cut to its first `max_len - 9`, `_`, and the first 8 hex digits of the
/// SHA-256 of the whole, so that two long names stay apart.
pub fn published_name(prefix: Option<&str>, separator: &str, native: &str, max_len: u32) -> String {
    let whole = prefix.map_or_else(|| native.to_owned(), |prefix| format!("{prefix}{separator}{native}"));
    let max_len = max_len as usize;
    // Bytes are never fewer than characters: most names need no counting.
    if whole.len() <= max_len || whole.chars().count() <= max_len {
        return whole;
    }
    let digest = Sha256::digest(whole.as_bytes());
    let kept: String = whole.chars().take(max_len.saturating_sub(9)).collect();
    format!("{kept}_{}", &format!("{digest:x}")[..8])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn spellings_of_one_name_are_equal() {
        for name in ["Zapier_Gmail", "zapier gmail", "ZAPIER-GMAIL", "zapiergmail"] {
            assert_eq!(norm(name), "zapiergmail");
        }
        assert_ne!(norm("\u{212a}ey"), "key", "the Kelvin sign is not a k");
    }

    #[test]
    fn reserved_words_are_reserved_in_any_spelling() {
        assert!(RESERVED.is_sorted());
        for name in ["mcp", "MCP", "m-c-p", "mcp_rest", "Well-Known", "v1"] {
            assert!(is_reserved(name), "{name}");
        }
        assert!(!is_reserved("mcp2"));
    }

    #[test]
    fn shapes_are_those_of_the_access_rule() {
        assert!(is_alias("a_") && !is_prefix("a_") && is_prefix("_a"));
        assert!(!is_alias("") && !is_alias("_") && !is_alias("a-b") && !is_alias("é"));
        assert!(is_alias(&"a".repeat(32)) && !is_alias(&"a".repeat(33)));
        assert!(is_group_name("dev group-1") && !is_group_name(" -_") && !is_group_name("a.b"));
        for prefix in ["a+", "docs+", "my-docs.v2+", &format!("{}+", "a".repeat(31))] {
            assert!(is_uri_prefix(prefix), "{prefix}");
        }
        for prefix in ["", "+", "docs", "docs:", "1a+", "-a+", "A+", "a_b+", "a+b+", &format!("{}+", "a".repeat(32))] {
            assert!(!is_uri_prefix(prefix), "{prefix}");
        }
        assert!(is_group_name(&"a".repeat(64)) && !is_group_name(&"a".repeat(65)));
    }

    #[test]
    fn a_long_published_name_is_cut_and_stays_distinct() {
        assert_eq!(published_name(Some("time"), "-", "now", 64), "time-now");
        assert_eq!(published_name(None, "-", "now", 64), "now");
        let exact = published_name(Some("p"), "-", &"x".repeat(62), 64);
        assert_eq!(exact, format!("p-{}", "x".repeat(62)));
        let one = published_name(Some("p"), "-", &format!("{}1", "x".repeat(62)), 64);
        let two = published_name(Some("p"), "-", &format!("{}2", "x".repeat(62)), 64);
        assert_eq!((one.len(), &one[..55]), (64, &exact[..55]));
        assert_eq!(&one[55..], "_68a01c74", "SHA-256 of the whole name");
        assert_ne!(one, two);
        let accents = published_name(None, "-", &"é".repeat(21), 20);
        assert_eq!(accents.chars().count(), 20, "characters count, not bytes");
        assert_eq!(published_name(None, "-", &"é".repeat(20), 20), "é".repeat(20));
    }
}
