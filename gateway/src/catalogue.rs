//! What a server lists, read in the background, all pages, and kept in memory
//! as the bytes that it sent.

use std::ops::Range;
use std::sync::Arc;

use bytes::Bytes;
use http_body_util::{BodyExt, Limited};
use serde::Deserialize;
use serde_json::value::RawValue;
use tokio::time::{Instant, timeout_at};

use crate::json;
use crate::modern::annotation::{self, Annotation, Invalid};
use crate::revision::Revision;
use crate::upstream::{Outcome, Outgoing, Reply, ReplyBody, Upstream, UpstreamError};

/// The most pages of one list.
const MAX_PAGES: usize = 1000;
/// The most tools of one server.
const MAX_TOOLS: usize = 10_000;
/// The most tools of one list that are warned of by name, and the most characters of each name.
const MAX_WARNINGS: usize = 10;
const MAX_WARNED_NAME: usize = 64;

/// What is known of a server's tools.
#[derive(Default)]
pub struct Catalogue {
    /// The tools of the last good discovery, in the server's order.
    pub tools: Arc<Vec<NativeTool>>,
    /// How the last discovery went.
    pub state: State,
    /// When it ended.
    pub read: Option<Instant>,
}

/// How the last discovery went.
#[derive(Clone, Debug, Default)]
pub enum State {
    /// There was none yet.
    #[default]
    Unknown,
    /// It went well.
    Ready,
    /// It failed; tools that were known before stay for a time.
    Failed(UpstreamError),
}

/// A tool as its server describes it.
pub struct NativeTool {
    /// Its name at the server.
    pub name: String,
    /// The name as a JSON string, for the request.
    pub name_json: Bytes,
    /// The whole description, byte for byte.
    pub json: Bytes,
    /// Where in it the name stands, quotes included.
    pub name_at: Range<usize>,
    /// The arguments that modern clients mirror in headers; if that cannot be done, the tool is not for them (R6).
    pub annotations: Result<Box<[Annotation]>, Invalid>,
}

impl State {
    /// The state's word in status pages and events.
    pub fn as_str(&self) -> &'static str {
        match self {
            State::Unknown => "discovering",
            State::Ready => "ready",
            State::Failed(error) => error.outcome.as_str(),
        }
    }
}

/// Lists all tools of a server, page by page, within a deadline and `max_bytes` for all of them.
pub async fn discover(
    upstream: &Upstream,
    deadline: Instant,
    max_bytes: u64,
) -> Result<Vec<NativeTool>, UpstreamError> {
    let mut tools = Vec::new();
    let mut cursor: Option<String> = None;
    let mut left = max_bytes;
    for _ in 0..MAX_PAGES {
        let page = list_page(upstream, cursor.as_deref(), deadline, left).await?;
        left -= page.len() as u64;
        let next = read_page(&page, &mut tools)?;
        if next.is_none() || next == cursor || tools.len() >= MAX_TOOLS {
            break;
        }
        cursor = next;
    }
    tools.truncate(MAX_TOOLS);
    Ok(tools)
}

async fn list_page(
    upstream: &Upstream,
    cursor: Option<&str>,
    deadline: Instant,
    left: u64,
) -> Result<Bytes, UpstreamError> {
    let render = |id: u64| {
        let mut out = format!(r#"{{"jsonrpc":"2.0","id":{id},"method":"tools/list","params":{{"#).into_bytes();
        if let Some(cursor) = cursor {
            out.extend_from_slice(br#""cursor":"#);
            json::string(cursor, &mut out);
        }
        out.extend_from_slice(b"}}");
        Bytes::from(out)
    };
    let outgoing = Outgoing { method: "tools/list", render: &render, deadline };
    let reply = upstream.send(&outgoing).await?;
    timeout_at(deadline, whole(reply, left)).await.unwrap_or_else(|_| Err(UpstreamError::timeout("tools/list")))
}

/// The response of a reply, whole, of at most `left` bytes; everything else of it is dropped.
async fn whole(reply: Reply, left: u64) -> Result<Bytes, UpstreamError> {
    let page = match reply.body {
        ReplyBody::Json(body) => {
            let limited = Limited::new(body, usize::try_from(left).unwrap_or(usize::MAX));
            let collected = limited.collect().await.map_err(|_| malformed("broke off, or is over maxResponseBytes"))?;
            collected.to_bytes()
        }
        ReplyBody::Messages(mut messages) => {
            let mut last = Err(malformed("ended without a response"));
            while let Some(message) = messages.next().await {
                last = Ok(message?);
            }
            last?
        }
    };
    if page.len() as u64 > left { Err(malformed("is over maxResponseBytes")) } else { Ok(page) }
}

fn malformed(what: &str) -> UpstreamError {
    UpstreamError::new(Outcome::UpstreamError, format!("the answer to tools/list {what}"))
}

/// Reads one page into `tools`; the cursor of the next one, if there is.
fn read_page(page: &Bytes, tools: &mut Vec<NativeTool>) -> Result<Option<String>, UpstreamError> {
    #[derive(Deserialize)]
    struct Response<'a> {
        #[serde(borrow)]
        result: Option<ListResult<'a>>,
        error: Option<RpcError>,
    }
    #[derive(Deserialize)]
    struct RpcError {
        code: i64,
    }
    #[derive(Deserialize)]
    #[serde(rename_all = "camelCase")]
    struct ListResult<'a> {
        #[serde(borrow)]
        tools: Vec<&'a RawValue>,
        next_cursor: Option<String>,
    }
    let response: Response<'_> = serde_json::from_slice(page).map_err(|_| malformed("is not a list of tools"))?;
    if let Some(error) = response.error {
        return Err(malformed(&format!("is error {}", error.code)));
    }
    let result = response.result.ok_or_else(|| malformed("has no result"))?;
    tools.extend(result.tools.into_iter().filter_map(NativeTool::read));
    Ok(result.next_cursor)
}

impl NativeTool {
    /// A tool of a page. One without a name, or with two, is no tool.
    fn read(tool: &RawValue) -> Option<Self> {
        #[derive(Deserialize)]
        struct Named<'a> {
            #[serde(borrow)]
            name: &'a RawValue,
        }
        let text = tool.get();
        let named: Named<'_> = serde_json::from_str(text).ok()?;
        let name: String = serde_json::from_str(named.name.get()).ok()?;
        if name.is_empty() {
            return None;
        }
        let start = named.name.get().as_ptr() as usize - text.as_ptr() as usize;
        let mut name_json = Vec::with_capacity(name.len() + 2);
        json::string(&name, &mut name_json);
        Some(Self {
            name,
            name_json: name_json.into(),
            // Copied, so that what is dropped of a page does not live as long as its tools.
            json: Bytes::copy_from_slice(text.as_bytes()),
            name_at: start..start + named.name.get().len(),
            annotations: annotation::read(text),
        })
    }

    /// Whether there is such a tool for clients of this revision. It is neither listed to others nor called by them.
    pub fn exists_in(&self, revision: Revision) -> bool {
        !revision.is_modern() || self.annotations.is_ok()
    }
}

impl Catalogue {
    /// Warns of tools that are not for modern clients, if this is how the server lists them now.
    pub fn warn(&self, server: &str) {
        if !matches!(self.state, State::Ready) {
            return;
        }
        let invalid = self.tools.iter().filter_map(|tool| Some((tool, tool.annotations.as_ref().err()?)));
        for (at, (tool, Invalid(words))) in invalid.enumerate() {
            if at == MAX_WARNINGS {
                tracing::warn!(%server, "and more of its tools are not for clients of 2026-07-28");
                break;
            }
            let tool: String = tool.name.chars().take(MAX_WARNED_NAME).collect();
            tracing::warn!(%server, ?tool, "the tool is not for clients of 2026-07-28: {words}");
        }
    }
}
