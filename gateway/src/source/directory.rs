//! A directory of manifests, compiled as the operator would compile the same
//! objects. A file that cannot be read keeps what it held; the edits of other
//! files, and revocations, apply all the same.

use std::collections::BTreeMap;
use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime};

use crds::compile::{Compiled, Pepper, Scope, compile};
use crds::resources::{FileFault, Finding, Merged, ParsedFile, merge};
use crds::settings::Settings;

/// A file is read when it has not changed for so long, or half of an edit would be taken for the whole.
pub const SETTLED: Duration = Duration::from_millis(100);

/// What a directory held when it was read.
pub struct Read {
    /// Everything that follows from it.
    pub compiled: Compiled,
    /// Everything to tell, with file and line. Errors cost the object, or keep the file's last good state.
    pub findings: Vec<Finding>,
    /// Files that cannot be used, or a second settings document.
    pub faults: Vec<FileFault>,
    /// Files that changed a moment ago and were not read yet.
    pub unsettled: bool,
}

/// A directory that is read again and again.
pub struct Directory {
    root: PathBuf,
    pepper: Pepper,
    files: BTreeMap<String, Known>,
    settings: Settings,
}

struct Known {
    modified: Option<SystemTime>,
    length: u64,
    /// The last good content.
    good: Option<ParsedFile>,
    /// Why the present content is none.
    fault: Option<FileFault>,
}

impl Directory {
    /// The directory at `root`; nothing is read yet.
    pub fn new(root: PathBuf, pepper: Pepper) -> Self {
        Self { root, pepper, files: BTreeMap::new(), settings: Settings::default() }
    }

    /// Where it is.
    pub fn root(&self) -> &Path {
        &self.root
    }

    /// Reads what changed and compiles the whole. `now` tells what is settled; none takes every file as it is.
    pub fn read(&mut self, now: Option<SystemTime>) -> io::Result<Read> {
        let mut present = BTreeMap::new();
        list(&self.root, &self.root, &mut present)?;
        self.files.retain(|path, _| present.contains_key(path));
        let mut unsettled = false;
        for (path, place) in present {
            unsettled |= self.read_file(path, &place, now);
        }
        Ok(self.compile(unsettled))
    }

    /// Reads a file if it changed; true if it changed too recently.
    fn read_file(&mut self, path: String, place: &Path, now: Option<SystemTime>) -> bool {
        let Ok(metadata) = fs::metadata(place) else { return true };
        let (modified, length) = (metadata.modified().ok(), metadata.len());
        if self.files.get(&path).is_some_and(|known| known.modified == modified && known.length == length) {
            return false;
        }
        let age = now.zip(modified).and_then(|(now, modified)| now.duration_since(modified).ok());
        if age.is_some_and(|age| age < SETTLED) {
            return true;
        }
        let parsed = match fs::read(place) {
            Ok(bytes) => ParsedFile::parse(&path, &bytes),
            Err(error) => {
                Err(FileFault { path: path.clone(), line: 1, column: 1, message: format!("cannot be read: {error}") })
            }
        };
        let before = self.files.remove(&path).and_then(|known| known.good);
        let (good, fault) = match parsed {
            Ok(parsed) => (Some(parsed), None),
            Err(fault) => (before, Some(fault)),
        };
        self.files.insert(path, Known { modified, length, good, fault });
        false
    }

    fn compile(&mut self, unsettled: bool) -> Read {
        let good: Vec<&ParsedFile> = self.files.values().filter_map(|known| known.good.as_ref()).collect();
        let mut merged: Merged = merge(&good);
        let mut faults: Vec<FileFault> = self.files.values().filter_map(|known| known.fault.clone()).collect();
        match &merged.settings_fault {
            Some(fault) => {
                faults.push(fault.clone());
                merged.resources.settings = self.settings.clone();
            }
            None => self.settings = merged.resources.settings.clone(),
        }
        let compiled = compile(&merged.resources, &Scope::Local, &self.pepper);
        let mut findings = merged.all_findings(&compiled.diagnostics);
        findings.extend(self.files.values().filter_map(|known| known.fault.as_ref()).map(Finding::from));
        findings.sort();
        Read { compiled, findings, faults, unsettled }
    }
}

/// All manifests under `directory`, by their path from `root`. Dot-files are no manifests.
fn list(root: &Path, directory: &Path, files: &mut BTreeMap<String, PathBuf>) -> io::Result<()> {
    for entry in fs::read_dir(directory)? {
        let entry = entry?;
        if entry.file_name().as_encoded_bytes().starts_with(b".") {
            continue;
        }
        let path = entry.path();
        // Follows links: a ConfigMap that is mounted is made of them.
        let Ok(metadata) = fs::metadata(&path) else { continue };
        if metadata.is_dir() {
            list(root, &path, files)?;
        } else if path.extension().is_some_and(|extension| matches!(extension.to_str(), Some("yaml" | "yml" | "json")))
        {
            let name = path.strip_prefix(root).unwrap_or(&path).to_string_lossy().into_owned();
            files.insert(name, path);
        }
    }
    Ok(())
}
