//! The names under which callers meet the entries of servers' lists, and back.
//!
//! Tools and prompts: prefix, separator, native name. Resources: the URI as it
//! is, or with the server's `uriPrefix`. A URI that an earlier server has too
//! goes by its qualified form, `switchboard:ALIAS:URI`, which always works (R11).

use std::borrow::Cow;

use crds::names::{SPELLING_MAX, norm, published_name};
use crds::snapshot::{Server, WireSettings};

use crate::catalogue::List;

/// The scheme of qualified URIs.
const SCHEME: &str = "switchboard:";

/// The name of an entry that no earlier server has.
pub fn published<'n>(list: List, native: &'n str, server: &Server, settings: &WireSettings) -> Cow<'n, str> {
    if !list.has_uris() {
        let prefix = server.prefix.as_deref();
        return published_name(prefix, &settings.separator, native, settings.max_tool_name_length).into();
    }
    match &server.uri_prefix {
        Some(prefix) => format!("{prefix}{native}").into(),
        // Nobody's own URI stands where a qualified one could be meant.
        None if is_qualified(native) => qualified(native, server).into(),
        None => native.into(),
    }
}

/// The URI, or template, that names its server too.
pub fn qualified(native: &str, server: &Server) -> String {
    format!("{SCHEME}{}:{native}", server.alias)
}

/// Whether a URI names its server.
pub fn is_qualified(uri: &str) -> bool {
    uri.get(..SCHEME.len()).is_some_and(|scheme| scheme.eq_ignore_ascii_case(SCHEME))
}

/// The server's URI that a published one stands for, as far as its form tells; none if it cannot be the server's.
pub fn native_uri<'u>(uri: &'u str, server: &Server) -> Option<&'u str> {
    if is_qualified(uri) {
        let (alias, native) = uri[SCHEME.len()..].split_once(':')?;
        // What stands before a URI goes before each URI of what is read, and must not outgrow it.
        return (alias.len() <= SPELLING_MAX && norm(alias) == norm(&server.alias)).then_some(native);
    }
    match &server.uri_prefix {
        Some(prefix) => uri.strip_prefix(prefix.as_str()),
        None => Some(uri),
    }
}
