//! What callers ask a server for: a tool, a prompt, a resource. Each kind is
//! granted and filtered for itself.

use std::fmt;

use serde::{Deserialize, Serialize};

use crate::patterns::Patterns;

/// One thing of a server, by its native name.
#[derive(Clone, Copy, Debug, Eq, Hash, Ord, PartialEq, PartialOrd)]
pub enum Item<'n> {
    /// A tool.
    Tool(&'n str),
    /// A prompt.
    Prompt(&'n str),
    /// A resource by its native URI, listed or not, or a resource template by its URI template as it is written.
    Resource(&'n str),
}

/// The kinds of items.
#[derive(Clone, Copy, Debug, Deserialize, Eq, Hash, Ord, PartialEq, PartialOrd, Serialize)]
#[serde(rename_all = "camelCase")]
pub enum ItemKind {
    /// Tools.
    Tool,
    /// Prompts.
    Prompt,
    /// Resources and resource templates.
    Resource,
}

/// Something for each kind of item. In a snapshot it is a list: of tools, prompts, resources.
#[derive(Clone, Copy, Debug, Default, Deserialize, Eq, Hash, Ord, PartialEq, PartialOrd, Serialize)]
#[serde(
    from = "[T; 3]",
    into = "[T; 3]",
    bound(serialize = "T: Clone + Serialize", deserialize = "T: Deserialize<'de>")
)]
pub struct ByKind<T> {
    /// For tools.
    pub tools: T,
    /// For prompts.
    pub prompts: T,
    /// For resources and resource templates.
    pub resources: T,
}

impl<'n> Item<'n> {
    /// Its native name, URI or URI template.
    pub fn name(self) -> &'n str {
        match self {
            Item::Tool(name) | Item::Prompt(name) | Item::Resource(name) => name,
        }
    }

    /// Its kind.
    pub fn kind(self) -> ItemKind {
        match self {
            Item::Tool(_) => ItemKind::Tool,
            Item::Prompt(_) => ItemKind::Prompt,
            Item::Resource(_) => ItemKind::Resource,
        }
    }

    /// Whether a list of what may be used has it.
    pub(crate) fn is_let_in_by(self, list: Patterns) -> bool {
        match self {
            Item::Tool(name) | Item::Prompt(name) => list.matches(name),
            Item::Resource(uri) => list.lets_uri_in(uri),
        }
    }

    /// Whether a list of what may not be used has it.
    pub(crate) fn is_kept_out_by(self, list: Patterns) -> bool {
        match self {
            Item::Tool(name) | Item::Prompt(name) => list.matches(name),
            Item::Resource(uri) => list.keeps_uri_out(uri),
        }
    }
}

/// As in: tool `add`.
impl fmt::Display for Item<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Item::Tool(name) => write!(f, "tool `{name}`"),
            Item::Prompt(name) => write!(f, "prompt `{name}`"),
            Item::Resource(uri) => write!(f, "resource `{uri}`"),
        }
    }
}

impl ItemKind {
    /// All three, in the order of [`ByKind`].
    pub const ALL: [ItemKind; 3] = [ItemKind::Tool, ItemKind::Prompt, ItemKind::Resource];

    /// The item of this kind and name.
    pub fn item(self, name: &str) -> Item<'_> {
        match self {
            ItemKind::Tool => Item::Tool(name),
            ItemKind::Prompt => Item::Prompt(name),
            ItemKind::Resource => Item::Resource(name),
        }
    }

    /// As manifests call the list of them.
    pub fn plural(self) -> &'static str {
        match self {
            ItemKind::Tool => "tools",
            ItemKind::Prompt => "prompts",
            ItemKind::Resource => "resources",
        }
    }
}

impl<T> ByKind<T> {
    /// What there is for the item's kind.
    pub fn of(&self, item: Item) -> &T {
        match item {
            Item::Tool(_) => &self.tools,
            Item::Prompt(_) => &self.prompts,
            Item::Resource(_) => &self.resources,
        }
    }

    /// What there is for the kind.
    pub fn of_kind(&self, kind: ItemKind) -> &T {
        self.of(kind.item(""))
    }

    /// All three, in their order.
    pub fn iter(&self) -> impl Iterator<Item = &T> {
        [&self.tools, &self.prompts, &self.resources].into_iter()
    }

    /// All three, in their order, to be changed.
    pub(crate) fn iter_mut(&mut self) -> impl Iterator<Item = &mut T> {
        [&mut self.tools, &mut self.prompts, &mut self.resources].into_iter()
    }

    /// The same, made something else of.
    pub(crate) fn map<U>(self, mut make: impl FnMut(T) -> U) -> ByKind<U> {
        ByKind { tools: make(self.tools), prompts: make(self.prompts), resources: make(self.resources) }
    }

    /// Both, kind by kind.
    pub(crate) fn zip<U>(self, other: ByKind<U>) -> ByKind<(T, U)> {
        ByKind {
            tools: (self.tools, other.tools),
            prompts: (self.prompts, other.prompts),
            resources: (self.resources, other.resources),
        }
    }
}

impl<T: Copy> ByKind<T> {
    /// The same for each kind.
    pub(crate) fn all(value: T) -> Self {
        Self { tools: value, prompts: value, resources: value }
    }
}

impl<T> From<[T; 3]> for ByKind<T> {
    fn from([tools, prompts, resources]: [T; 3]) -> Self {
        Self { tools, prompts, resources }
    }
}

impl<T> From<ByKind<T>> for [T; 3] {
    fn from(ByKind { tools, prompts, resources }: ByKind<T>) -> Self {
        [tools, prompts, resources]
    }
}
