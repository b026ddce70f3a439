//! One file: bytes in, objects out.

use std::sync::Arc;

use serde_json::{Map, Value};

use super::finding::sentence;
use super::object::{Object, Read};
use super::{FileFault, Finding, FindingReason};
use crate::crd::KINDS;
use crate::diagnostic::{Kind, Reason};
use crate::document::{self, Lines};
use crate::schema::{Fault, Schema, closest};
use crate::settings::{self, Settings};
use crate::v1alpha1::{API_VERSION, GROUP};

/// What one file holds. Cheap to clone.
#[derive(Clone)]
pub struct ParsedFile {
    pub(super) path: Arc<str>,
    pub(super) objects: Arc<[Object]>,
    /// The settings document and its line.
    pub(super) settings: Option<(Settings, u32)>,
    /// What is no object: documents without identity, foreign kinds.
    pub(super) findings: Vec<Finding>,
}

/// Gathers what a file holds.
struct Reader {
    path: Arc<str>,
    objects: Vec<Object>,
    settings: Option<(Settings, u32)>,
    findings: Vec<Finding>,
}

impl ParsedFile {
    /// Reads a file. A wrong object is a matter of that object (see [`merge`](super::merge)); a fault of the whole file is
    /// one that is not YAML (or JSON, for a path that ends in `.json`), or whose settings document is wrong.
    pub fn parse(path: &str, bytes: &[u8]) -> Result<Self, FileFault> {
        let documents = document::read(path, bytes).map_err(|unreadable| FileFault {
            path: path.to_owned(),
            line: unreadable.line,
            column: unreadable.column,
            message: unreadable.message,
        })?;
        let mut reader = Reader { path: path.into(), objects: Vec::new(), settings: None, findings: Vec::new() };
        for document in documents {
            reader.document(document.value, document.lines)?;
        }
        let Reader { path, objects, settings, findings } = reader;
        Ok(Self { path, objects: objects.into(), settings, findings })
    }

    /// The file, as it was named to [`ParsedFile::parse`].
    pub fn path(&self) -> &str {
        &self.path
    }

    /// Whether there is anything in it that counts: an object or the settings document.
    pub fn holds_something(&self) -> bool {
        !self.objects.is_empty() || self.settings.is_some()
    }
}

impl Reader {
    fn document(&mut self, value: Value, lines: Lines) -> Result<(), FileFault> {
        let Value::Object(fields) = value else {
            self.refuse(["", ""], lines.line, "not a manifest: it needs apiVersion, kind and metadata".to_owned());
            return Ok(());
        };
        let text = |name: &str| fields.get(name).and_then(Value::as_str).unwrap_or_default().to_owned();
        let (api_version, kind) = (text("apiVersion"), text("kind"));
        if api_version.is_empty() || kind.is_empty() {
            let missing = if kind.is_empty() { "kind" } else { "apiVersion" };
            self.refuse(
                [&kind, &name_of(&fields)],
                lines.line,
                format!("not a manifest: {missing} is missing, or no text"),
            );
            return Ok(());
        }
        let foreign = api_version != GROUP && !api_version.starts_with("switchboard.dev/");
        if kind.ends_with("List")
            && (!foreign || api_version == "v1")
            && fields.get("items").is_some_and(Value::is_array)
        {
            return self.list(fields, &lines);
        }
        if api_version == API_VERSION && kind == settings::KIND {
            return self.settings(fields, &lines);
        }
        match Read::of(&api_version, &kind) {
            Some(read) => self.object(read, fields, lines),
            None if foreign => self.ignore(&kind, &fields, &lines),
            None => self.refuse([&kind, &name_of(&fields)], lines.line, unknown_kind(&api_version, &kind)),
        }
        Ok(())
    }

    fn list(&mut self, mut fields: Map<String, Value>, lines: &Lines) -> Result<(), FileFault> {
        let Some(Value::Array(items)) = fields.remove("items") else { return Ok(()) };
        for (index, item) in items.into_iter().enumerate() {
            let below = lines.part(&format!("items[{index}]")).cloned().unwrap_or_default();
            self.document(item, below)?;
        }
        Ok(())
    }

    fn object(&mut self, read: Read, fields: Map<String, Value>, lines: Lines) {
        let name = name_of(&fields);
        let places = lines.clone();
        match Object::read(read, fields, lines) {
            Ok(object) => self.objects.push(object),
            Err(faults) => {
                for Fault { field, message } in faults {
                    self.refuse([read.as_str(), &name], places.locate(&field), sentence(&field, &message));
                }
            }
        }
    }

    /// The settings document is one of a kind: if it is wrong, all of its file waits for it to be right.
    fn settings(&mut self, mut fields: Map<String, Value>, lines: &Lines) -> Result<(), FileFault> {
        if let Some((_, first)) = self.settings {
            let message = format!("a second Settings document, the first is in line {first}: merge the two");
            return Err(self.fault(lines.line, message));
        }
        fields.remove("apiVersion");
        fields.remove("kind");
        let mut value = Value::Object(fields);
        let faults = Schema::of_settings().check(&mut value);
        if let Some(Fault { field, message }) = faults.first() {
            let more = if faults.len() > 1 { format!(" (and {} more)", faults.len() - 1) } else { String::new() };
            return Err(self.fault(lines.locate(field), format!("Settings: {}{more}", sentence(field, message))));
        }
        match serde_json::from_value(value) {
            Ok(settings) => self.settings = Some((settings, lines.line)),
            Err(_) => {
                return Err(self.fault(lines.line, "Settings: a value has a form that is not understood".to_owned()));
            }
        }
        Ok(())
    }

    fn fault(&self, line: u32, message: String) -> FileFault {
        FileFault { path: self.path.to_string(), line, column: 1, message }
    }

    fn ignore(&mut self, kind: &str, fields: &Map<String, Value>, lines: &Lines) {
        let finding = self.finding([kind, &name_of(fields)], lines.line, format!("{kind} is not read here: left out"));
        self.findings.push(Finding { reason: FindingReason::Ignored, ..finding });
    }

    fn refuse(&mut self, kind_and_name: [&str; 2], line: u32, message: String) {
        let finding = self.finding(kind_and_name, line, message);
        self.findings.push(finding);
    }

    fn finding(&self, [kind, name]: [&str; 2], line: u32, message: String) -> Finding {
        Finding {
            file: self.path.to_string(),
            line,
            kind: kind.to_owned(),
            namespace: String::new(),
            name: name.to_owned(),
            condition: None,
            reason: FindingReason::Object(Reason::Invalid),
            message,
        }
    }
}

/// The name of something that may be no object.
fn name_of(fields: &Map<String, Value>) -> String {
    let name = fields.get("metadata").and_then(|metadata| metadata.get("name"));
    name.and_then(Value::as_str).unwrap_or_default().to_owned()
}

fn unknown_kind(api_version: &str, kind: &str) -> String {
    let known = KINDS.map(Kind::as_str);
    if api_version != API_VERSION && (known.contains(&kind) || kind == settings::KIND) {
        return format!("unknown apiVersion {api_version}: write {API_VERSION}");
    }
    match closest(kind, known.into_iter().chain([settings::KIND])) {
        Some(near) => format!("unknown kind {kind}; did you mean {near}?"),
        None => format!("unknown kind {kind}; {GROUP} has {}, {}", known.join(", "), settings::KIND),
    }
}
