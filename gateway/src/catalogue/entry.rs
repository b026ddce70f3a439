//! An entry of a list, as its server describes it.

use std::borrow::Cow;
use std::ops::Range;

use bytes::Bytes;
use serde::Deserialize;
use serde_json::value::RawValue;

use super::{Catalogue, List, State};
use crate::json;
use crate::modern::annotation::{self, Annotation, Invalid};
use crate::revision::Revision;
use crate::scan::{Edit, Object, Span, change_members, splice};

/// The most tools of one list that are warned of by name, and the most characters of each name.
const MAX_WARNINGS: usize = 10;
const MAX_WARNED_NAME: usize = 64;

/// A tool, a prompt, a resource or a template.
pub struct Entry {
    /// Its name at the server: a name, a URI, or a URI template.
    pub name: String,
    /// The same as a JSON string, for the request.
    pub name_json: Bytes,
    /// The whole description, byte for byte.
    pub json: Bytes,
    /// Where in it the name stands, quotes included.
    pub name_at: Range<usize>,
    /// The arguments of a tool that modern clients mirror in headers; if that cannot be done, it is not for them (R6).
    pub annotations: Result<Box<[Annotation]>, Invalid>,
    /// Whether the server wants them mirrored by us too: then a tool of which it cannot be known what is for nobody.
    pub is_mirrored: bool,
    /// Where in the description an `outputSchema` stands that allows more than objects, with its comma: legacy clients
    /// know of no such thing.
    loose_output: Option<Span>,
}

impl Entry {
    /// An entry of a page. One without a name, with two, or with one that nobody may call, is none.
    pub fn read(list: List, entry: &RawValue) -> Option<Self> {
        #[derive(Deserialize)]
        #[serde(rename_all = "camelCase")]
        struct Named<'a> {
            #[serde(borrow)]
            name: Option<&'a RawValue>,
            #[serde(borrow)]
            uri: Option<&'a RawValue>,
            #[serde(borrow)]
            uri_template: Option<&'a RawValue>,
        }
        let text = entry.get();
        let named: Named<'_> = serde_json::from_str(text).ok()?;
        let raw = match list {
            List::Tools | List::Prompts => named.name,
            List::Resources => named.uri,
            List::Templates => named.uri_template,
        }?;
        let name: String = serde_json::from_str(raw.get()).ok()?;
        // Nobody could call it: what is called is bounded, and so is the work of matching it.
        if name.is_empty() || name.len() > list.longest_listed() {
            return None;
        }
        let start = raw.get().as_ptr() as usize - text.as_ptr() as usize;
        Some(Self {
            name_json: json::quoted(&name),
            name,
            // Copied, so that what is dropped of a page does not live as long as its entries.
            json: Bytes::copy_from_slice(text.as_bytes()),
            name_at: start..start + raw.get().len(),
            is_mirrored: false,
            loose_output: None,
            annotations: if list == List::Tools { annotation::read(text) } else { Ok(Box::default()) },
        })
    }

    /// Notes what follows for clients from the server being a modern one. `is_mirrored`: as the field.
    pub fn of_modern_server(&mut self, is_mirrored: bool) {
        #[derive(Deserialize)]
        #[serde(rename_all = "camelCase")]
        struct Described<'a> {
            #[serde(borrow)]
            output_schema: Option<&'a RawValue>,
        }
        #[derive(Deserialize)]
        struct Schema<'a> {
            #[serde(borrow, rename = "type")]
            kind: Option<Cow<'a, str>>,
        }
        self.is_mirrored = is_mirrored;
        let described = serde_json::from_slice::<Described<'_>>(&self.json).ok();
        let Some(schema) = described.and_then(|described| described.output_schema) else { return };
        let kind = serde_json::from_str::<Schema<'_>>(schema.get()).ok().and_then(|schema| schema.kind);
        if kind.as_deref() != Some("object") {
            let whole = Span { start: 0, end: self.json.len() };
            let cut = change_members(&self.json, whole, &["outputSchema"], b"").unwrap_or_default();
            self.loose_output = cut.first().map(|edit| edit.span);
        }
    }

    /// Whether there is such an entry for clients of this revision. It is neither listed to others nor called by them.
    pub fn exists_in(&self, revision: Revision) -> bool {
        self.annotations.is_ok() || !(revision.is_modern() || self.is_mirrored)
    }

    /// The description as its server wrote it, with a member of ours, whose value is JSON, in the place of any of that name.
    pub fn json_with(&self, name: &str, value: &[u8]) -> Bytes {
        let mut member = Vec::with_capacity(name.len() + value.len() + 3);
        json::string(name, &mut member);
        member.push(b':');
        member.extend_from_slice(value);
        let span = Span { start: 0, end: self.json.len() };
        // A description that says one thing twice is read in two ways whatever is done: ours comes last.
        let edits = change_members(&self.json, span, &[name], &member)
            .unwrap_or_else(|_| vec![Edit::insert_last(Object { span, empty: false }, &member)]);
        let mut json = Vec::with_capacity(self.json.len() + member.len() + 1);
        splice(&self.json, &edits, &mut json);
        json.into()
    }

    /// The description under another name.
    pub fn json_as(&self, name: &str) -> Bytes {
        let mut json = Vec::with_capacity(self.json.len() + name.len());
        json.extend_from_slice(&self.json[..self.name_at.start]);
        json::string(name, &mut json);
        json.extend_from_slice(&self.json[self.name_at.end..]);
        json.into()
    }

    /// The same for legacy clients, if they get another.
    pub fn legacy_json_as(&self, name: &str) -> Option<Bytes> {
        let output = self.loose_output?;
        let name = json::quoted(name);
        let name_at = Span { start: self.name_at.start, end: self.name_at.end };
        let mut edits = [Edit::replace(name_at, &name[..]), Edit::replace(output, &b""[..])];
        edits.sort_unstable_by_key(|edit| edit.span.start);
        let mut json = Vec::with_capacity(self.json.len() + name.len());
        splice(&self.json, &edits, &mut json);
        Some(json.into())
    }
}

impl Catalogue {
    /// Warns of tools that are not for modern clients, or for nobody, if this is how the server lists them now.
    pub fn warn(&self, server: &str) {
        let tools = self.of(List::Tools);
        if !matches!(tools.state, State::Ready) {
            return;
        }
        let invalid = tools.entries.iter().filter_map(|tool| Some((tool, tool.annotations.as_ref().err()?)));
        for (at, (of_list, Invalid(words))) in invalid.enumerate() {
            if at == MAX_WARNINGS {
                tracing::warn!(%server, "and more of its tools");
                break;
            }
            let tool: String = of_list.name.chars().take(MAX_WARNED_NAME).collect();
            let whose = if of_list.is_mirrored { "clients" } else { "clients of 2026-07-28" };
            tracing::warn!(%server, ?tool, "the tool is not for {whose}: {words}");
        }
    }
}
