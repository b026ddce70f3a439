//! Objects one by one, as watches of a cluster deliver them: each is parsed once an event.

use std::collections::BTreeMap;

use serde_json::{Map, Value};

use super::object::{Content, Read, read};
use super::{FileFault, Observed, ParsedFile, Resources, diagnostics};
use crate::diagnostic::{Kind, ObjectKey};
use crate::settings::Settings;

/// The key of the settings document in its ConfigMap; what its faults name as the file.
const SETTINGS_FILE: &str = "settings.yaml";

/// The label that every namespace has, with its name as the value.
pub(super) const NAME_LABEL: &str = "kubernetes.io/metadata.name";

impl Resources {
    /// Takes in an object as a watch delivered it, new or changed, and gives back what its status is written by; none
    /// for something without a name, which no apiserver delivers.
    ///
    /// It is checked as one of a file is: what the schema refuses is `refused` and holds nothing. (The apiserver let it
    /// in, by a definition of another release.) An object that is being deleted, with a `deletionTimestamp`, is there
    /// until it is gone: whoever waits for its finalizers can still see what it gives, and nothing is taken away twice.
    pub fn put(&mut self, kind: Kind, raw: Value) -> Option<Observed> {
        let Value::Object(mut fields) = raw else { return None };
        let observed = Observed::take(kind, &mut fields);
        strip(&mut fields);
        let (key, content) = read(Read::Ours(kind), fields).ok()?;
        self.remove(kind, &key);
        match content {
            Ok(Content::Server(server)) => drop(self.servers.insert(key, *server)),
            Ok(Content::Group(group)) => drop(self.groups.insert(key, *group)),
            Ok(Content::Binding(binding)) => drop(self.bindings.insert(key, *binding)),
            Ok(Content::Secret(_) | Content::Namespace(_)) => {}
            Err(faults) => {
                let diagnostics = diagnostics(kind, &key, faults);
                self.refused.insert((kind, key), diagnostics);
            }
        }
        Some(observed)
    }

    /// Takes out an object that is gone, accepted or refused.
    pub fn remove(&mut self, kind: Kind, key: &ObjectKey) {
        match kind {
            Kind::McpServer => drop(self.servers.remove(key)),
            Kind::McpAccessGroup => drop(self.groups.remove(key)),
            Kind::McpKeyBinding => drop(self.bindings.remove(key)),
        }
        self.refused.remove(&(kind, key.clone()));
    }

    /// Takes in the data of a Secret. Only of one with the label `switchboard.dev/use: credential`: no other is ever asked
    /// for, and whoever calls this has watched by that label.
    pub fn put_secret(&mut self, key: ObjectKey, data: BTreeMap<String, Vec<u8>>) {
        self.secrets.insert(key, data);
    }

    /// Takes out a Secret that is gone, or has lost its label.
    pub fn remove_secret(&mut self, key: &ObjectKey) {
        self.secrets.remove(key);
    }

    /// Takes in the labels of a namespace. Its name label is its name, whatever they say.
    pub fn put_namespace(&mut self, name: &str, mut labels: BTreeMap<String, String>) {
        labels.insert(NAME_LABEL.to_owned(), name.to_owned());
        self.namespaces.insert(name.to_owned(), labels);
    }

    /// Takes out a namespace that is gone.
    pub fn remove_namespace(&mut self, name: &str) {
        self.namespaces.remove(name);
    }
}

/// The settings document of a cluster, the text under `settings.yaml` of its ConfigMap. A text without any document is
/// the defaults. With a fault the last good settings stay in force; at the first start there are none to stay.
pub fn parse_settings(text: &str) -> Result<Settings, FileFault> {
    let file = ParsedFile::parse(SETTINGS_FILE, text.as_bytes())?;
    let other = |line, message: &str| {
        Err(FileFault { path: SETTINGS_FILE.to_owned(), line, column: 1, message: message.to_owned() })
    };
    if let Some(finding) = file.findings.first() {
        return other(finding.line, &finding.message);
    }
    if let Some(object) = file.objects.first() {
        return other(object.lines.line, "only a Settings document belongs here: apply other objects to the cluster");
    }
    Ok(file.settings.map(|(settings, _)| settings).unwrap_or_default())
}

/// Leaves out what nothing follows from and may be large, or hold a copy of inline values: managed fields, annotations.
fn strip(fields: &mut Map<String, Value>) {
    if let Some(Value::Object(metadata)) = fields.get_mut("metadata") {
        metadata.remove("managedFields");
        metadata.remove("annotations");
    }
}

#[cfg(test)]
mod tests;
