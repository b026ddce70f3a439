//! A prompt, a resource or a resource template of a scripted server.

use serde::{Deserialize, Serialize};
use serde_json::json;

use super::script::Does;

/// What is listed besides tools.
#[derive(Clone, Debug, Deserialize, Serialize)]
pub struct Entry {
    /// Its name: a prompt's name, a resource's URI, a template's URI template.
    pub name: String,
    /// What getting or reading it does.
    pub does: Does,
    /// Its definition in the list, raw JSON.
    pub definition: String,
    /// Whether the list shows it.
    pub is_listed: bool,
}

impl Entry {
    /// A prompt.
    pub fn prompt(name: &str, does: Does) -> Self {
        Self::new(name, does, &json!({"name": name}))
    }

    /// A resource.
    pub fn resource(uri: &str, does: Does) -> Self {
        Self::new(uri, does, &json!({"uri": uri, "name": "a resource"}))
    }

    /// A template; whatever begins with its text before the first brace is made by it.
    pub fn template(template: &str, does: Does) -> Self {
        Self::new(template, does, &json!({"uriTemplate": template, "name": "a template"}))
    }

    fn new(name: &str, does: Does, definition: &serde_json::Value) -> Self {
        Self { name: name.to_owned(), does, definition: definition.to_string(), is_listed: true }
    }

    /// Defined by this raw JSON.
    pub fn defined(mut self, definition: &str) -> Self {
        definition.clone_into(&mut self.definition);
        self
    }

    /// Not listed, and there all the same.
    pub fn unlisted(mut self) -> Self {
        self.is_listed = false;
        self
    }

    /// Whether this template makes a URI.
    pub(super) fn makes(&self, uri: &str) -> bool {
        self.name.split_once('{').is_some_and(|(start, _)| uri.starts_with(start))
    }
}
