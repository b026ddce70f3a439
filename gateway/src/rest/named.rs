//! The server that a request names, among those that its caller may use.

use std::borrow::Cow;

use crate::caller::Caller;
use crds::snapshot::{ServerIndex, UnixSeconds};
use percent_encoding::percent_decode_str;

use super::SERVER;
use crate::gateway::View;
use crate::proxy::Admitted;
use crate::table::Named;

/// The longest name that is looked at, in bytes: an id has at most 317.
const LONGEST: usize = 512;

/// The parameters of a query that name a server or narrow to one. There are no toolsets, so that none has the name asked
/// for.
const PARAMETERS: [(&str, bool); 3] = [("server_id", true), ("mcp_server_name", true), ("toolset_name", false)];

/// Narrows a request to what its query names, one after the other; the last server that it names, if it does. An error is
/// the name that leaves nothing.
pub(super) fn by_query(
    view: &View,
    admitted: &mut Admitted<'_>,
    query: Option<&str>,
) -> Result<Option<ServerIndex>, String> {
    let mut last = None;
    for pair in query.unwrap_or_default().split('&') {
        let (name, value) = pair.split_once('=').unwrap_or((pair, ""));
        let Some((_, names_server)) = PARAMETERS.iter().find(|(known, _)| *known == name) else { continue };
        let value = value.replace('+', " ");
        let value = percent_decode_str(&value).decode_utf8_lossy();
        if value.is_empty() {
            continue;
        }
        let server = if *names_server { narrow(view, admitted, &value) } else { None };
        last = Some(server.ok_or_else(|| value.into_owned())?);
    }
    Ok(last)
}

/// Narrows a request to the server of this name; none, and the request as it was, if that leaves nothing.
pub(super) fn narrow(view: &View, admitted: &mut Admitted<'_>, name: &str) -> Option<ServerIndex> {
    let (server, by_object) = find(view, (&admitted.caller, admitted.now), name)?;
    if !admitted.scope.holds_server(server) {
        return None;
    }
    admitted.scope.narrow(server, by_object);
    Some(server)
}

/// The name in the path of one server.
pub(super) fn of_path(path: &str) -> Cow<'_, str> {
    let name = path.strip_prefix(SERVER).unwrap_or_default();
    percent_decode_str(name.strip_suffix('/').unwrap_or(name)).decode_utf8_lossy()
}

/// The server of this name that the caller may use.
pub(super) fn server(view: &View, asker: (&Caller<'_>, UnixSeconds), name: &str) -> Option<ServerIndex> {
    find(view, asker, name).map(|(server, _)| server)
}

/// The same, and whether it is named by its object alone.
fn find(view: &View, (caller, now): (&Caller<'_>, UnixSeconds), name: &str) -> Option<(ServerIndex, bool)> {
    if name.len() > LONGEST {
        return None;
    }
    let found = match view.table.named(name)? {
        Named::Server(server) => (server, false),
        Named::Object(server) => (server, true),
        Named::Group(_) => return None,
    };
    caller.access(&view.table, now).binary_search_by_key(&found.0, |entry| entry.0).is_ok().then_some(found)
}
