//! A caller's request as its server gets it: another id, the native name or
//! URI, the id as progress token, and what the server's era asks for. Every
//! other byte as it came (R3).

use bytes::Bytes;

use crate::capabilities::Capabilities;
use crate::forward::Request;
use crate::json;
use crate::log_level::LogLevel;
use crate::scan::{Edit, MODERN_META, Meta, change_members, splice, splice_part};
use crate::upstream::era::{Era, own_meta};

/// What is said to a server in the place of the caller's own words.
#[derive(Clone, Copy)]
pub struct Words<'r> {
    /// What is called, as the server knows it, as JSON.
    pub name_json: &'r [u8],
    /// The logs that a legacy client wants; a modern one says so itself.
    pub level: Option<LogLevel>,
    /// What a legacy client can be asked for; a modern one says so itself.
    pub capabilities: Capabilities,
    /// The state that the server gave, where the caller brings it back sealed.
    pub state: Option<&'r str>,
    /// What a legacy client answered to what the server asked for.
    pub input: Option<Input<'r>>,
}

/// The input of a request that is sent again.
#[derive(Clone, Copy)]
pub struct Input<'r> {
    /// `inputResponses`, as JSON.
    pub responses: &'r [u8],
    /// `requestState`, as the server wrote it.
    pub state: Option<&'r [u8]>,
}

/// The message for an upstream.
pub fn render(request: &Request<'_>, words: &Words<'_>, (upstream_id, era): (u64, Era)) -> Bytes {
    let Request { body, message, .. } = *request;
    let Words { name_json, level, capabilities, state, input } = *words;
    let id = upstream_id.to_string();
    let members = (era == Era::Modern && !request.client.modern).then(|| own_members(level, capabilities));
    let input = input.map(|input| input_members(&input));
    let mut edits = Vec::with_capacity(8);
    if let Some(token) = &message.id {
        edits.push(Edit::replace(token.span, id.as_bytes()));
    }
    edits.push(Edit::replace(request.said.span, name_json));
    let params = message.params.as_ref();
    if let Some((sealed, state)) = params.and_then(|params| params.request_state.as_ref()).zip(state) {
        edits.push(Edit::replace(sealed.span, json::quoted(state).to_vec()));
    }
    if let Some((params, input)) = params.zip(input.as_deref()) {
        edits.push(Edit::insert_last(params.object, input));
    }
    match (params.and_then(|params| params.meta.as_ref()), &members) {
        (Some(meta), _) => {
            if let Some(token) = &meta.progress_token {
                edits.push(Edit::replace(token.span, id.as_bytes()));
            }
            edits.extend(of_meta(body, meta, era, members.as_deref().unwrap_or_default()));
        }
        (None, Some(members)) => {
            let with_meta = format!(r#""_meta":{{{members}}}"#);
            edits.extend(params.map(|params| Edit::insert_last(params.object, with_meta.as_bytes())));
        }
        (None, None) => {}
    }
    edits.sort_unstable_by_key(|edit| edit.span.start);
    let mut out = Vec::with_capacity(message.span.end - message.span.start + name_json.len() + 48);
    if message.span.start == 0 && message.span.end == body.len() {
        splice(body, &edits, &mut out);
    } else {
        // A message of a batch.
        splice_part(body, message.span, edits, &mut out);
    }
    out.into()
}

/// What a legacy server does not get of a modern client's `_meta`, and what a modern server does not find in a legacy
/// client's: `members`, or nothing.
fn of_meta<'a>(body: &'a Bytes, meta: &Meta<'_>, era: Era, members: &'a str) -> Vec<Edit<'a>> {
    let is_changed = match era {
        Era::Legacy => meta.protocol_version.is_some(),
        Era::Modern => !members.is_empty(),
    };
    if !is_changed {
        return Vec::new();
    }
    // The members were read once already, so that reading them again cannot fail.
    change_members(body, meta.object.span, &MODERN_META, members.as_bytes()).unwrap_or_default()
}

/// What a request of a legacy client says in `_meta` to a modern server.
fn own_members(level: Option<LogLevel>, capabilities: Capabilities) -> String {
    let mut members = own_meta(capabilities);
    if let Some(level) = level {
        members.push_str(r#","io.modelcontextprotocol/logLevel":""#);
        members.push_str(level.as_str());
        members.push('"');
    }
    members
}

fn input_members(input: &Input<'_>) -> Vec<u8> {
    let mut members = br#""inputResponses":"#.to_vec();
    members.extend_from_slice(input.responses);
    if let Some(state) = input.state {
        members.extend_from_slice(br#","requestState":"#);
        members.extend_from_slice(state);
    }
    members
}

#[cfg(test)]
mod tests;
