//! What a scripted server lists and does.

use std::collections::BTreeMap;
use std::path::PathBuf;

use serde::{Deserialize, Serialize};

use super::entry::Entry;
use crate::token_endpoint::Issued;

/// The whole behaviour of a scripted server.
#[derive(Clone, Debug, Deserialize, Serialize)]
#[expect(clippy::struct_excessive_bools, reason = "each is a trait of a server that a test turns on by itself")]
pub struct Script {
    /// The tools that it lists, in order.
    pub tools: Vec<Tool>,
    /// Its prompts, in order.
    pub prompts: Vec<Entry>,
    /// Its resources, in order.
    pub resources: Vec<Entry>,
    /// Its resource templates, in order.
    pub templates: Vec<Entry>,
    /// What it does to complete an argument; none: it says that it completes nothing.
    pub completes: Option<Does>,
    /// What it does instead of answering these methods.
    pub instead: BTreeMap<String, Does>,
    /// How many entries a page of a list holds; none: all in one.
    pub page: Option<usize>,
    /// How it answers over Streamable HTTP.
    pub form: Form,
    /// The revision that it answers to initialize.
    pub revision: String,
    /// Whether it issues sessions and insists on them.
    pub sessions: bool,
    /// Whether a GET opens a stream of its session.
    pub listens: bool,
    /// The HTTP status for a session that it does not know: 404 by the specification, 400 in the wild.
    pub unknown_session: u16,
    /// What it does instead of answering initialize.
    pub at_initialize: Option<Does>,
    /// What it does instead of listing its tools.
    pub at_list: Option<Does>,
    /// How long it takes to list, in milliseconds.
    pub list_after: u64,
    /// Whether it speaks 2026-07-28 alone, and insists on what that asks of clients.
    pub modern_only: bool,
    /// Whether it says that it tells of changes of its lists.
    pub list_changed: bool,
    /// Refuses requests (401) without this header and value.
    pub required: Option<(String, String)>,
    /// Refuses requests (401) without one of these tokens.
    #[serde(skip)]
    pub tokens: Option<Issued>,
    /// The header whose last word names the caller: each sees a further tool and prompt `for_WORD`, and a further resource
    /// `test://for_WORD`.
    pub caller_header: Option<String>,
    /// Whether requests are kept to be read, or only counted.
    pub keep: bool,
    /// Over stdio: the file to which every line received is appended.
    pub journal: Option<PathBuf>,
}

/// One tool.
#[derive(Clone, Debug, Deserialize, Serialize)]
pub struct Tool {
    /// Its native name.
    pub name: String,
    /// What a call does.
    pub does: Does,
    /// Its inputSchema, raw JSON.
    pub schema: String,
    /// Raw JSON members of its definition after `name` and `inputSchema`, each with its comma before.
    pub members: String,
}

/// What is done to a call.
#[derive(Clone, Debug, Deserialize, Serialize)]
pub enum Does {
    /// Answers with the params as they came: a tool in `structuredContent.params`, anything else in the result's `echo`.
    Echo,
    /// Answers with this result, as it is.
    Result(String),
    /// Answers with this JSON-RPC error object, as it is.
    Error(String),
    /// Answers with the text of the last call of the same session (its argument `text`), then remembers this one's.
    Remember,
    /// Answers with its pid (over stdio it tells children apart).
    Pid,
    /// Answers with its environment as a JSON object.
    Environment,
    /// Echoes after so many milliseconds.
    Slow(u64),
    /// Echoes after so many progress notifications.
    Progress(u64),
    /// Echoes after a log message of each of these levels.
    Logs(Vec<String>),
    /// Asks its client these methods with these params, raw JSON, one after the other on the stream of the call, under the ids `ask-0`,
    /// `ask-1`, …; answers with their answers, as they came, in `structuredContent.answers`. Over Streamable HTTP.
    Ask(Vec<(String, String)>),
    /// Asks its client these methods with these params, raw JSON, by a result that asks for input, under the keys `q0`, `q1`, …,
    /// and gives a state; a call that brings both is answered with what it brought, as it came, in
    /// `structuredContent.answers` (2026-07-28).
    Require(Vec<(String, String)>),
    /// Never answers.
    Hang,
    /// Answers with an HTML page (over stdio: a line of it).
    Html,
    /// Sends half a message and ends the connection.
    Half,
    /// Answers under another id.
    WrongId,
    /// Sends one event (over stdio: one line) that never ends.
    EndlessEvent,
    /// A result of so many bytes, streamed.
    Huge(u64),
    /// 307 to this URL.
    Redirect(String),
    /// This HTTP status, with a body that must not reach callers.
    Status(u16),
    /// Ends the process, over stdio; the connection, over HTTP.
    Exit,
}

/// How replies travel over Streamable HTTP.
#[derive(Clone, Copy, Debug, Deserialize, Eq, PartialEq, Serialize)]
pub enum Form {
    /// `application/json`.
    Json,
    /// `text/event-stream`.
    EventStream,
}

/// In the body of every HTTP error of a scripted server; it must never reach a caller (R21).
pub const BODY_OF_ERRORS: &str = "inner-detail-of-the-upstream";

/// The inputSchema of tools that take anything.
pub(super) const OBJECT: &str = r#"{"type":"object"}"#;

impl Default for Script {
    fn default() -> Self {
        Self {
            tools: Vec::new(),
            prompts: Vec::new(),
            resources: Vec::new(),
            templates: Vec::new(),
            completes: None,
            instead: BTreeMap::new(),
            page: None,
            form: Form::Json,
            revision: "2025-11-25".to_owned(),
            sessions: true,
            listens: false,
            unknown_session: 404,
            at_initialize: None,
            at_list: None,
            list_after: 0,
            modern_only: false,
            list_changed: false,
            required: None,
            tokens: None,
            caller_header: None,
            keep: true,
            journal: None,
        }
    }
}

impl Script {
    /// A server with these tools that behaves well otherwise.
    pub fn with(tools: impl IntoIterator<Item = Tool>) -> Self {
        Self { tools: tools.into_iter().collect(), ..Self::default() }
    }

    /// With these prompts.
    pub fn prompts(mut self, prompts: impl IntoIterator<Item = Entry>) -> Self {
        self.prompts.extend(prompts);
        self
    }

    /// With these resources.
    pub fn resources(mut self, resources: impl IntoIterator<Item = Entry>) -> Self {
        self.resources.extend(resources);
        self
    }

    /// With these resource templates.
    pub fn templates(mut self, templates: impl IntoIterator<Item = Entry>) -> Self {
        self.templates.extend(templates);
        self
    }

    /// Of 2026-07-28 alone.
    pub fn modern(self) -> Self {
        Self { modern_only: true, ..self }
    }

    /// With this done instead of answering a method.
    pub fn instead(mut self, method: &str, does: Does) -> Self {
        self.instead.insert(method.to_owned(), does);
        self
    }

    /// A server with one tool `echo`.
    pub fn echo() -> Self {
        Self::with([Tool::new("echo", Does::Echo)])
    }

    /// A server with this many tools `tool_000`, `tool_001`, …, all of which echo.
    pub fn many(count: usize) -> Self {
        Self::with((0..count).map(|index| Tool::new(&format!("tool_{index:03}"), Does::Echo)))
    }
}

impl Tool {
    /// A tool.
    pub fn new(name: &str, does: Does) -> Self {
        Self { name: name.to_owned(), does, schema: OBJECT.to_owned(), members: String::new() }
    }

    /// With these properties in its inputSchema, raw JSON members.
    pub fn properties(mut self, properties: &str) -> Self {
        self.schema = format!(r#"{{"type":"object","properties":{{{properties}}}}}"#);
        self
    }
}
