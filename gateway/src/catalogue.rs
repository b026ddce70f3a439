//! What a server lists, read in the background, all pages, and kept in memory
//! as the bytes that it sent.

use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use crds::snapshot::{Item, Share};
use futures_util::StreamExt;
use futures_util::stream::FuturesUnordered;
use http_body_util::{BodyExt, Limited};
use serde::Deserialize;
use serde_json::value::RawValue;
use tokio::time::{Instant, timeout_at};

use crate::json;
use crate::upstream::{Era, Offers, Outcome, Outgoing, Reply, ReplyBody, Upstream, UpstreamError, era};

mod entry;

pub use entry::Entry;

/// The most pages of one list.
const MAX_PAGES: usize = 1000;
/// The most entries of one list.
const MAX_ENTRIES: usize = 10_000;
/// How long what was listed outlives its server.
const KEPT: Duration = Duration::from_secs(600);

/// A list that a server may have.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum List {
    /// Tools, by name.
    Tools,
    /// Prompts, by name.
    Prompts,
    /// Resources, by URI.
    Resources,
    /// Resource templates, by URI template.
    Templates,
}

/// What is known of a server's lists.
#[derive(Clone, Default)]
pub struct Catalogue {
    lists: [Listing; List::ALL.len()],
    /// What the server said that it offers.
    pub offers: Offers,
    /// When it was read.
    pub read: Option<Instant>,
}

/// One list of a server.
#[derive(Clone, Default)]
pub struct Listing {
    /// The entries of the last good discovery, in the server's order.
    pub entries: Arc<Vec<Entry>>,
    /// How the last discovery went.
    pub state: State,
    /// When it last went well.
    good: Option<Instant>,
}

/// How the last discovery went.
#[derive(Clone, Debug, Default)]
pub enum State {
    /// There was none yet.
    #[default]
    Unknown,
    /// It went well.
    Ready,
    /// It failed; entries that were known before stay for a time.
    Failed(UpstreamError),
    /// There is none but for each caller, by the caller's own token.
    PerCaller,
}

impl List {
    /// Every list, in the order in which they are read.
    pub const ALL: [List; 4] = [List::Tools, List::Prompts, List::Resources, List::Templates];

    /// The method that reads it.
    pub const fn method(self) -> &'static str {
        match self {
            List::Tools => "tools/list",
            List::Prompts => "prompts/list",
            List::Resources => "resources/list",
            List::Templates => "resources/templates/list",
        }
    }

    /// The result's member that holds it.
    pub const fn member(self) -> &'static str {
        match self {
            List::Tools => "tools",
            List::Prompts => "prompts",
            List::Resources => "resources",
            List::Templates => "resourceTemplates",
        }
    }

    /// What an entry, by its native name, is to the access rule.
    pub const fn item(self, name: &str) -> Item<'_> {
        match self {
            List::Tools => Item::Tool(name),
            List::Prompts => Item::Prompt(name),
            List::Resources | List::Templates => Item::Resource(name),
        }
    }

    /// Whether its entries go by a URI, or a template of one, rather than by a name with a prefix.
    pub const fn has_uris(self) -> bool {
        matches!(self, List::Resources | List::Templates)
    }

    /// The longest name or URI, in bytes, that is looked at when it is called: what HTTP servers take of a URI (RFC 9110,
    /// 4.1), and many times what tools and prompts have. Bounds the work for it.
    pub const fn longest_called(self) -> usize {
        if self.has_uris() { 8000 } else { 1024 }
    }

    /// The longest native one that is listed: it leaves room for what a published one bears before it.
    const fn longest_listed(self) -> usize {
        self.longest_called() - 128
    }

    /// Whether a share of a server has anything that the list may show.
    pub const fn is_in(self, share: &Share) -> bool {
        match self {
            List::Tools => share.tools.is_some(),
            List::Prompts => share.prompts.is_some(),
            List::Resources | List::Templates => share.resources.is_some(),
        }
    }

    const fn is_offered(self, offers: Offers) -> bool {
        match self {
            List::Tools => offers.tools,
            List::Prompts => offers.prompts,
            List::Resources | List::Templates => offers.resources,
        }
    }
}

impl State {
    /// The state's word in status pages and events.
    pub fn as_str(&self) -> &'static str {
        match self {
            State::Unknown => "discovering",
            State::Ready => "ready",
            State::Failed(error) => error.outcome.as_str(),
            State::PerCaller => "per_caller",
        }
    }
}

impl Catalogue {
    /// Lists that were read well, in the order of [`List::ALL`].
    pub fn of_lists(offers: Offers, lists: [Vec<Entry>; List::ALL.len()]) -> Self {
        Self { lists: lists.map(Listing::good), offers, read: Some(Instant::now()) }
    }

    /// Those of a server that cannot be asked without a caller.
    pub fn per_caller() -> Self {
        let listing = || Listing { state: State::PerCaller, ..Listing::default() };
        Self { lists: [(); List::ALL.len()].map(|()| listing()), ..Self::default() }
    }

    /// One of the lists.
    pub fn of(&self, list: List) -> &Listing {
        &self.lists[list as usize]
    }

    /// How the server is: as the first list that it offers.
    pub fn state(&self) -> &State {
        let main = List::ALL.into_iter().find(|list| list.is_offered(self.offers));
        &self.of(main.unwrap_or(List::Tools)).state
    }

    /// Whether the server lists what it is for.
    pub fn is_ready(&self) -> bool {
        matches!(self.state(), State::Ready)
    }

    /// Whether every list is there.
    pub fn is_whole(&self) -> bool {
        self.lists.iter().all(|list| matches!(list.state, State::Ready))
    }

    /// Whether every list was read once, or failed.
    pub fn is_known(&self) -> bool {
        !self.lists.iter().any(|list| matches!(list.state, State::Unknown))
    }

    /// What is left when a server cannot be asked at all.
    pub fn failed(&self, error: &UpstreamError) -> Self {
        let lists = List::ALL.map(|list| {
            let known = self.of(list).clone();
            let asked = list.is_offered(self.offers) || !matches!(known.state, State::Ready);
            if asked { known.failed(error.clone()) } else { known }
        });
        Self { lists, offers: self.offers, read: Some(Instant::now()) }
    }
}

impl Listing {
    fn good(entries: Vec<Entry>) -> Self {
        Self { entries: Arc::new(entries), state: State::Ready, good: Some(Instant::now()) }
    }

    /// What was known stays for a time.
    fn failed(self, error: UpstreamError) -> Self {
        let stays = self.good.is_some_and(|good| good.elapsed() < KEPT);
        let entries = if stays { self.entries } else { Arc::default() };
        Self { entries, state: State::Failed(error), good: self.good }
    }
}

/// Reads every list that a server offers, all at once, and publishes the catalogue as each of them comes: one that hangs
/// holds no other back. A list that fails costs itself alone; of it what was `known` stays for a time. `begins`: how long
/// the session may take to begin; `within`: each list, which may have `max_bytes`.
pub async fn discover(
    upstream: &Upstream,
    known: &Catalogue,
    (begins, within): (Duration, Duration),
    max_bytes: u64,
    publish: impl Fn(Catalogue),
) -> Catalogue {
    let offers = match upstream.offers(Instant::now() + begins).await {
        Ok(offers) => offers,
        Err(error) => {
            let failed = known.failed(&error);
            publish(failed.clone());
            return failed;
        }
    };
    let mut read = Catalogue { offers, ..known.clone() };
    for list in List::ALL.into_iter().filter(|list| !list.is_offered(offers)) {
        read.lists[list as usize] = Listing::good(Vec::new());
    }
    let deadline = Instant::now() + within;
    let offered = List::ALL.into_iter().filter(|list| list.is_offered(offers));
    let reading = offered.map(|list| async move { (list, read_list(upstream, list, deadline, max_bytes).await) });
    let mut reading: FuturesUnordered<_> = reading.collect();
    while let Some((list, listed)) = reading.next().await {
        read.lists[list as usize] = match listed {
            Ok(entries) => Listing::good(entries),
            Err(error) => known.of(list).clone().failed(error),
        };
        read.read = Some(Instant::now());
        publish(read.clone());
    }
    read
}

/// One list, page by page, within a deadline and `max_bytes` for all of it.
async fn read_list(
    upstream: &Upstream,
    list: List,
    deadline: Instant,
    max_bytes: u64,
) -> Result<Vec<Entry>, UpstreamError> {
    let mut entries = Vec::new();
    let mut cursor: Option<String> = None;
    let mut left = max_bytes;
    for _ in 0..MAX_PAGES {
        let page = read_page(upstream, (list, cursor.as_deref()), deadline, left).await?;
        left -= page.len() as u64;
        let next = take_page(list, &page, &mut entries)?;
        if next.is_none() || next == cursor || entries.len() >= MAX_ENTRIES {
            break;
        }
        cursor = next;
    }
    entries.truncate(MAX_ENTRIES);
    if list == List::Tools && upstream.protocol() == Some(era::MODERN) {
        let is_mirrored = upstream.wants_mirrors();
        for entry in &mut entries {
            entry.of_modern_server(is_mirrored);
        }
    }
    Ok(entries)
}

async fn read_page(
    upstream: &Upstream,
    (list, cursor): (List, Option<&str>),
    deadline: Instant,
    left: u64,
) -> Result<Bytes, UpstreamError> {
    let method = list.method();
    let render = |id: u64, era: Era| {
        let mut params = Vec::new();
        if let Some(cursor) = cursor {
            params.extend_from_slice(br#""cursor":"#);
            json::string(cursor, &mut params);
        }
        era::request(id, method, &params, era)
    };
    let outgoing = Outgoing { method, render: &render, mirror: &|_| {}, deadline };
    let reply = upstream.send(&outgoing).await?;
    timeout_at(deadline, whole(list, reply, left)).await.unwrap_or_else(|_| Err(UpstreamError::timeout(method)))
}

/// The response of a reply, whole, of at most `left` bytes; everything else of it is dropped.
async fn whole(list: List, reply: Reply, left: u64) -> Result<Bytes, UpstreamError> {
    let page = match reply.body {
        ReplyBody::Json(body) => {
            let limited = Limited::new(body, usize::try_from(left).unwrap_or(usize::MAX));
            let collected =
                limited.collect().await.map_err(|_| malformed(list, "broke off, or is over maxResponseBytes"))?;
            collected.to_bytes()
        }
        ReplyBody::Messages(mut messages) => {
            let mut response = Err(malformed(list, "ended without a response"));
            while let Some(message) = messages.next().await {
                response = Ok(message?);
            }
            response?
        }
    };
    if page.len() as u64 > left { Err(malformed(list, "is over maxResponseBytes")) } else { Ok(page) }
}

fn malformed(list: List, what: &str) -> UpstreamError {
    UpstreamError::new(Outcome::UpstreamError, format!("the answer to {} {what}", list.method()))
}

/// Reads one page into `entries`; the cursor of the next one, if there is.
fn take_page(list: List, page: &Bytes, entries: &mut Vec<Entry>) -> Result<Option<String>, UpstreamError> {
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
        tools: Option<Vec<&'a RawValue>>,
        #[serde(borrow)]
        prompts: Option<Vec<&'a RawValue>>,
        #[serde(borrow)]
        resources: Option<Vec<&'a RawValue>>,
        #[serde(borrow)]
        resource_templates: Option<Vec<&'a RawValue>>,
        next_cursor: Option<String>,
    }
    let response: Response<'_> = serde_json::from_slice(page).map_err(|_| malformed(list, "is not a list"))?;
    if let Some(error) = response.error {
        // A server may offer resources and know of no templates, or read and not list: then it lists none.
        let unknown = error.code == i64::from(json::METHOD_NOT_FOUND) && list != List::Tools;
        return if unknown { Ok(None) } else { Err(malformed(list, &format!("is error {}", error.code))) };
    }
    let result = response.result.ok_or_else(|| malformed(list, "has no result"))?;
    let listed = match list {
        List::Tools => result.tools,
        List::Prompts => result.prompts,
        List::Resources => result.resources,
        List::Templates => result.resource_templates,
    };
    let listed = listed.ok_or_else(|| malformed(list, "is not a list"))?;
    entries.extend(listed.into_iter().filter_map(|entry| Entry::read(list, entry)));
    Ok(result.next_cursor)
}
