//! What single words of the API look like: a pattern for the apiserver, and
//! the same in words for the person whose word does not match it.

/// `metadata.name` of an object: an RFC 1123 subdomain.
pub(crate) const NAME: &str = r"^[a-z0-9]([-a-z0-9]*[a-z0-9])?(\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*$";
/// A namespace: an RFC 1123 label.
pub(crate) const NAMESPACE: &str = "^[a-z0-9]([-a-z0-9]*[a-z0-9])?$";
/// A namespace, or nothing: the own one.
pub(crate) const NAMESPACE_OR_OWN: &str = "^([a-z0-9]([-a-z0-9]*[a-z0-9])?)?$";
/// An alias of a server.
pub(crate) const ALIAS: &str = "^[A-Za-z0-9_]*[A-Za-z0-9][A-Za-z0-9_]*$";
/// A prefix of published tool names. A trailing `_` would be lost in the separator `__`.
pub(crate) const PREFIX: &str = "^[A-Za-z0-9_]*[A-Za-z0-9]$";
/// A published name of a group.
pub(crate) const GROUP_NAME: &str = "^[A-Za-z0-9_ -]*[A-Za-z0-9][A-Za-z0-9_ -]*$";
/// The name of a team, organization or user, or a glob: anything that prints.
pub(crate) const PRINTABLE: &str = r"^[^\x00-\x1f\x7f-\x{9f}]+$";
/// A text that a program can receive.
pub(crate) const NO_NUL: &str = r"^[^\x00]*$";
/// A header's value; a line break in it would start another header.
pub(crate) const HEADER_VALUE: &str = r"^[^\x00-\x08\x0a-\x1f\x7f]*$";
/// A header's name.
pub(crate) const HEADER_NAME: &str = "^[!#$%&'*+.^_`|~0-9A-Za-z-]+$";
/// A variable's name.
pub(crate) const ENV_NAME: &str = "^[A-Za-z_][A-Za-z0-9_]*$";
/// An address of a server; the rules beside it refuse user names and fragments.
pub(crate) const URL: &str = r"^https?://[^\x00-\x20\x7f/?#\\][^\x00-\x20\x7f\\]*$";
/// A scope of OAuth (RFC 6749, section 3.3).
pub(crate) const SCOPE: &str = r"^[\x21\x23-\x5b\x5d-\x7e]+$";
/// A URI with a scheme, without a fragment.
pub(crate) const ABSOLUTE_URI: &str = r"^[A-Za-z][A-Za-z0-9+.-]*:[^\x00-\x20\x7f#]+$";
/// An absolute path.
pub(crate) const ABSOLUTE_PATH: &str = r"^/[^\x00]*$";
/// The SHA-256 of a key.
pub(crate) const SHA256: &str = "^[0-9a-f]{64}$";
/// A key of a Secret's data.
pub(crate) const SECRET_KEY: &str = "^[-._A-Za-z0-9]+$";
/// A label's key.
pub(crate) const LABEL_KEY: &str =
    r"^([a-z0-9]([-a-z0-9.]{0,251}[a-z0-9])?/)?[A-Za-z0-9]([-A-Za-z0-9_.]{0,61}[A-Za-z0-9])?$";
/// A label's value.
pub(crate) const LABEL_VALUE: &str = "^([A-Za-z0-9]([-A-Za-z0-9_.]*[A-Za-z0-9])?)?$";
/// A short name inside a list.
pub(crate) const ENTRY_NAME: &str = "^[A-Za-z0-9]([-A-Za-z0-9_.]*[A-Za-z0-9])?$";
/// What stands between prefix and tool name.
pub(crate) const SEPARATOR: &str = "^(-|__)$";
/// What goes before the URIs of a server. The first word of a URI, its scheme, is a letter and then letters, digits,
/// `+`, `-` and `.`: a part of a scheme before a URI makes its scheme longer, and leaves a URI. Clients fold schemes.
pub(crate) const URI_PREFIX: &str = r"^[a-z][a-z0-9.-]*[+]$";
/// An https address without user name, query or fragment.
pub(crate) const HTTPS: &str = r"^https://[^\x00-\x20\x7f/?#@\\]+(/[^\x00-\x20\x7f?#\\]*)?$";
/// A price: a decimal number that is one of billionths.
pub(crate) const PRICE: &str = r"^[0-9]{1,9}(\.[0-9]{1,9})?$";
/// A currency (ISO 4217).
pub(crate) const CURRENCY: &str = "^[A-Z]{3}$";
/// Where a browser's page comes from.
pub(crate) const ORIGIN: &str = r"^https?://[^\x00-\x20\x7f/?#@\\]+$";

/// What a text that matches the pattern is, to be said after "must be"; none for a pattern that is not ours.
pub(crate) fn in_words(pattern: &str) -> Option<&'static str> {
    Some(match pattern {
        NAME => "lower-case letters, digits, '-' and '.', starting and ending with a letter or digit",
        NAMESPACE | NAMESPACE_OR_OWN => {
            "a namespace: lower-case letters, digits and '-', starting and ending with a letter or digit"
        }
        ALIAS => "letters, digits and '_', with at least one letter or digit",
        PREFIX => "letters, digits and '_', ending with a letter or digit",
        GROUP_NAME => "letters, digits, spaces, '_' and '-', with at least one letter or digit",
        PRINTABLE => "a text without control characters",
        NO_NUL => "a text without NUL characters",
        HTTPS => "an https URL, as in https://login.example.com, without user name, query or fragment",
        HEADER_VALUE => "the value of a header: one line without control characters",
        HEADER_NAME => "the name of a header: letters, digits and '-'",
        ENV_NAME => "the name of a variable: letters, digits and '_', not starting with a digit",
        URL => "an address that starts with http:// or https:// and a host",
        SCOPE => "one scope: letters, digits and signs, without spaces, quotes and backslashes",
        ABSOLUTE_URI => "a URI with a scheme and without a fragment, as in https://api.example.com or urn:example:api",
        ABSOLUTE_PATH => "an absolute path, starting with '/'",
        SHA256 => "a SHA-256 as 64 lower-case hex digits: `printf %s \"$KEY\" | sha256sum`",
        SECRET_KEY => "a key of a Secret: letters, digits, '-', '_' and '.'",
        LABEL_KEY => "the key of a label, as in `team` or `example.com/team`",
        LABEL_VALUE => "the value of a label: letters, digits, '-', '_' and '.', or nothing",
        ENTRY_NAME => "letters, digits, '-', '_' and '.', starting and ending with a letter or digit",
        SEPARATOR => "'-' or '__'",
        URI_PREFIX => {
            "lower-case letters, digits, '-' and '.', starting with a letter, and a '+' at the end, as in docs+"
        }
        PRICE => "a decimal number in quotes, as in \"0.01\", of up to nine digits before and behind the point",
        CURRENCY => "a currency in three capital letters, as in USD",
        ORIGIN => "an origin: scheme, host and port, as in https://chat.example.com",
        _ => return None,
    })
}
