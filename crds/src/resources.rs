//! All objects at one moment, as `compile` wants them, and how they come out of files or of a cluster.
//!
//! ```text
//! (path, bytes) ─► ParsedFile::parse ─► ParsedFile ─┐
//! (path, bytes) ─► ParsedFile::parse ─► ParsedFile ─┴► merge ─► Merged { resources, positions, … }
//! ```
//!
//! Both steps are pure. They are two, so that whoever watches a directory can
//! keep the last good [`ParsedFile`] of a file that has become unreadable. Of a
//! cluster each event of a watch is one [`Resources::put`] or [`Resources::remove`].

use std::collections::BTreeMap;
use std::fmt;

use crate::diagnostic::{ConditionType, Diagnostic, Kind, ObjectKey, Reason};
use crate::schema::Fault;
use crate::settings::Settings;
use crate::v1alpha1::{McpAccessGroup, McpKeyBinding, McpServer};

mod file;
mod finding;
mod merge;
mod object;
mod observed;
mod positions;
mod secret;
mod watched;

pub use file::ParsedFile;
pub use finding::{FileFault, Finding, FindingReason};
pub use merge::{Merged, merge};
pub use observed::Observed;
pub use positions::Positions;
pub use watched::parse_settings;

/// Every object that the compiler looks at. Maps, so that order of arrival cannot matter.
#[derive(Clone, Default, PartialEq)]
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

/// Names only: specs may hold inline values that are secret, and Secrets do.
impl fmt::Debug for Resources {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Resources")
            .field("servers", &self.servers.keys())
            .field("groups", &self.groups.keys())
            .field("bindings", &self.bindings.keys())
            .field("secrets", &self.secrets.keys())
            .field("namespaces", &self.namespaces)
            .field("settings", &self.settings)
            .field("refused", &self.refused)
            .finish()
    }
}

/// What the schema finds wrong with an object, as diagnostics of it. Sorted.
fn diagnostics(kind: Kind, key: &ObjectKey, mut faults: Vec<Fault>) -> Vec<Diagnostic> {
    faults.sort();
    faults.dedup();
    let diagnostics = faults.into_iter().map(|Fault { field, message }| Diagnostic {
        kind,
        object: key.clone(),
        condition: ConditionType::Accepted,
        reason: Reason::Invalid,
        field,
        message,
    });
    diagnostics.collect()
}

#[cfg(test)]
mod tests;
