//! Many files: objects that stand once are accepted, those that stand twice are not.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use super::finding::sentence;
use super::object::{Content, Object, Read};
use super::{FileFault, Finding, FindingReason, ParsedFile, Positions, Resources, diagnostics};
use crate::diagnostic::{ConditionType, Diagnostic, Kind, ObjectKey, Reason};
use crate::schema::Fault;

/// An object and its file.
type Placed<'files> = (&'files Arc<str>, &'files Object);

/// What a directory holds.
#[derive(Clone, Debug, Default)]
pub struct Merged {
    /// The objects. With [`Merged::settings_fault`] its settings are the defaults, to be replaced by the last good ones.
    pub resources: Resources,
    /// Where they stand.
    pub positions: Positions,
    /// Whether any file holds a settings document.
    pub has_settings: bool,
    /// Secrets without the label `switchboard.dev/use: credential`, which nobody can use.
    pub unmarked: BTreeSet<ObjectKey>,
    /// Two files hold a settings document, so neither counts: keep the last good settings; at start, stop.
    pub settings_fault: Option<FileFault>,
    /// What reading found: objects refused, documents that are none, foreign kinds. Sorted.
    pub findings: Vec<Finding>,
}

impl Merged {
    /// Everything to tell: what reading found, and `diagnostics` of the compiler with their places. Sorted.
    /// Diagnostics of objects that reading refused are left out, since a finding says it already, of each place.
    pub fn all_findings(&self, diagnostics: &[Diagnostic]) -> Vec<Finding> {
        let refused = |diagnostic: &&Diagnostic| {
            self.resources.refused.contains_key(&(diagnostic.kind, diagnostic.object.clone()))
        };
        let compiled = diagnostics.iter().filter(|diagnostic| !refused(diagnostic));
        let mut findings: Vec<Finding> = compiled.map(|diagnostic| self.positions.finding(diagnostic)).collect();
        findings.extend(self.findings.iter().cloned());
        findings.sort();
        findings
    }
}

/// Puts files together. Their order does not matter.
pub fn merge(files: &[&ParsedFile]) -> Merged {
    let mut files = files.to_vec();
    files.sort_by(|left, right| left.path.cmp(&right.path));
    let mut merged = Merged::default();
    let mut places: BTreeMap<(Read, &ObjectKey), Vec<Placed<'_>>> = BTreeMap::new();
    for file in &files {
        merged.findings.extend(file.findings.iter().cloned());
        for object in &*file.objects {
            places.entry((object.kind, &object.key)).or_default().push((&file.path, object));
        }
    }
    for same in places.values() {
        merged.add(same);
    }
    merged.add_settings(&files);
    merged.findings.sort();
    merged
}

impl Merged {
    /// Takes in all objects of one kind, namespace and name: rightly one.
    fn add(&mut self, same: &[Placed<'_>]) {
        let mut faults = Vec::new();
        for (index, (file, object)) in same.iter().enumerate() {
            if let Read::Ours(kind) = object.kind {
                self.positions.insert(kind, object.key.clone(), Arc::clone(file), Arc::clone(&object.lines));
            }
            if same.len() > 1 {
                let others = same.iter().enumerate().filter(|(other, _)| *other != index);
                let others: Vec<_> =
                    others.map(|(_, (file, object))| format!("{file}:{}", object.lines.line)).collect();
                let message = format!("stands here and in {}: neither is accepted; take one out", others.join(", "));
                self.find(file, object, &Fault::new("", format!("{} {message}", object.kind.as_str())));
            }
            match &object.content {
                Err(wrong) => {
                    for fault in wrong {
                        self.find(file, object, fault);
                    }
                    faults.extend(wrong.iter().cloned());
                }
                Ok(content) if same.len() == 1 => self.accept(&object.key, content),
                Ok(_) => {}
            }
        }
        if same.len() > 1 {
            faults.push(Fault::new("", "stands twice in the files: neither is accepted; take one out"));
        }
        if let (Some((_, Object { kind: Read::Ours(kind), key, .. })), false) = (same.first(), faults.is_empty()) {
            self.refuse(*kind, key, faults);
        }
    }

    fn accept(&mut self, key: &ObjectKey, content: &Content) {
        let resources = &mut self.resources;
        match content {
            Content::Server(server) => drop(resources.servers.insert(key.clone(), (**server).clone())),
            Content::Group(group) => drop(resources.groups.insert(key.clone(), (**group).clone())),
            Content::Binding(binding) => drop(resources.bindings.insert(key.clone(), (**binding).clone())),
            Content::Secret(Some(data)) => drop(resources.secrets.insert(key.clone(), data.clone())),
            Content::Secret(None) => drop(self.unmarked.insert(key.clone())),
            Content::Namespace(labels) => resources.put_namespace(&key.name, labels.clone()),
        }
    }

    fn refuse(&mut self, kind: Kind, key: &ObjectKey, faults: Vec<Fault>) {
        self.resources.refused.insert((kind, key.clone()), diagnostics(kind, key, faults));
    }

    fn find(&mut self, file: &str, object: &Object, fault: &Fault) {
        self.findings.push(Finding {
            file: file.to_owned(),
            line: object.lines.locate(&fault.field),
            kind: object.kind.as_str().to_owned(),
            namespace: object.key.namespace.clone(),
            name: object.key.name.clone(),
            condition: matches!(object.kind, Read::Ours(_)).then_some(ConditionType::Accepted),
            reason: FindingReason::Object(Reason::Invalid),
            message: sentence(&fault.field, &fault.message),
        });
    }

    fn add_settings(&mut self, files: &[&ParsedFile]) {
        let mut documents = files.iter().filter_map(|file| Some((&file.path, file.settings.as_ref()?)));
        let Some((path, (settings, line))) = documents.next() else { return };
        self.has_settings = true;
        if let Some((second, (_, second_line))) = documents.next() {
            let message = format!("a second Settings document, the first is in {path}:{line}: merge the two");
            let fault = FileFault { path: second.to_string(), line: *second_line, column: 1, message };
            self.findings.push(Finding::from(&fault));
            self.settings_fault = Some(fault);
        } else {
            self.resources.settings = settings.clone();
        }
    }
}
