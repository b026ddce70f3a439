//! An entry of a list, as its server describes it.

use std::ops::Range;

use bytes::Bytes;
use serde::Deserialize;
use serde_json::value::RawValue;

use super::{Catalogue, List, State};
use crate::json;
use crate::modern::annotation::{self, Annotation, Invalid};
use crate::revision::Revision;

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
            annotations: if list == List::Tools { annotation::read(text) } else { Ok(Box::default()) },
        })
    }

    /// Whether there is such an entry for clients of this revision. It is neither listed to others nor called by them.
    pub fn exists_in(&self, revision: Revision) -> bool {
        self.annotations.is_ok() || !(revision.is_modern() || self.is_mirrored)
    }

    /// The description under another name.
    pub fn json_as(&self, name: &str) -> Bytes {
        let mut json = Vec::with_capacity(self.json.len() + name.len());
        json.extend_from_slice(&self.json[..self.name_at.start]);
        json::string(name, &mut json);
        json.extend_from_slice(&self.json[self.name_at.end..]);
        json.into()
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
