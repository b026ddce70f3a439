//! All objects at one moment, as `compile` wants them.

use std::collections::BTreeMap;

use crate::diagnostic::{Diagnostic, Kind, ObjectKey};
use crate::settings::Settings;
use crate::v1alpha1::{McpAccessGroup, McpKeyBinding, McpServer};

/// Every object that the compiler looks at. Maps, so that order of arrival cannot matter.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Resources {
    /// Servers.
    pub servers: BTreeMap<ObjectKey, McpServer>,
    /// Access groups.
    pub groups: BTreeMap<ObjectKey, McpAccessGroup>,
    /// Bindings.
    pub bindings: BTreeMap<ObjectKey, McpKeyBinding>,
    /// Secrets that carry the label `switchboard.dev/use: credential`; others are not kept.
    pub secrets: BTreeMap<ObjectKey, BTreeMap<String, Vec<u8>>>,
    /// Labels of the namespaces that have an object.
    pub namespaces: BTreeMap<String, BTreeMap<String, String>>,
    /// The settings document, defaults where there is none.
    pub settings: Settings,
    /// Objects that the schema refuses (Accepted=False Invalid): they hold nothing, and references to them are void.
    pub refused: BTreeMap<(Kind, ObjectKey), Vec<Diagnostic>>,
}
