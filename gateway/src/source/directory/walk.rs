//! Which manifests a directory holds, by name and `stat` alone.

use std::collections::{BTreeMap, HashSet};
use std::fs;
use std::io;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};

use crds::resources::FileFault;

use super::unreadable;

/// What is below a directory.
#[derive(Default)]
pub(super) struct Walk {
    /// Where each manifest is, by its path from the root.
    pub(super) files: BTreeMap<String, PathBuf>,
    /// What cannot be looked at or into, by its path from the root.
    pub(super) unreadable: BTreeMap<String, FileFault>,
}

/// Directories that are yet to be listed.
struct Ahead {
    directories: Vec<PathBuf>,
    /// Links to directories come last: a directory goes by its own name, where it has one below the root.
    links: Vec<PathBuf>,
}

impl Walk {
    /// All manifests under `root`. Dot-files are none. An error is one of `root` itself.
    pub(super) fn of(root: &Path) -> io::Result<Self> {
        let mut walk = Self::default();
        let mut listed = HashSet::new();
        let mut ahead = Ahead { directories: vec![root.to_owned()], links: Vec::new() };
        while let Some(directory) = ahead.directories.pop().or_else(|| ahead.links.pop()) {
            let found = identity(&directory)
                .and_then(|identity| if listed.insert(identity) { entries(&directory) } else { Ok(Vec::new()) });
            match found {
                Ok(paths) => paths.into_iter().for_each(|path| walk.take(root, path, &mut ahead)),
                Err(error) if directory == root => return Err(error),
                Err(error) => walk.note(root, &directory, &error),
            }
        }
        Ok(walk)
    }

    fn take(&mut self, root: &Path, path: PathBuf, ahead: &mut Ahead) {
        // Follows links: a ConfigMap that is mounted is made of them.
        match fs::metadata(&path) {
            Ok(metadata) if metadata.is_dir() => {
                let list = if path.is_symlink() { &mut ahead.links } else { &mut ahead.directories };
                list.push(path);
            }
            Ok(metadata) if metadata.is_file() && is_manifest(&path) => {
                self.files.insert(name(root, &path), path);
            }
            Ok(_) => {}
            Err(error) => self.note(root, &path, &error),
        }
    }

    /// Notes what cannot be read. What is not there, or is no longer, is no fault.
    fn note(&mut self, root: &Path, path: &Path, error: &io::Error) {
        if error.kind() != io::ErrorKind::NotFound {
            let name = name(root, path);
            let fault = unreadable(&name, error);
            self.unreadable.insert(name, fault);
        }
    }

    /// Whether a file may be there although it was not found.
    pub(super) fn hides(&self, path: &str) -> bool {
        !self.unreadable.is_empty()
            && Path::new(path)
                .ancestors()
                .any(|above| above.to_str().is_some_and(|above| self.unreadable.contains_key(above)))
    }
}

fn identity(directory: &Path) -> io::Result<(u64, u64)> {
    fs::metadata(directory).map(|metadata| (metadata.dev(), metadata.ino()))
}

/// In an order that does not change, the last first: they are taken from the end.
fn entries(directory: &Path) -> io::Result<Vec<PathBuf>> {
    let mut paths = Vec::new();
    for entry in fs::read_dir(directory)? {
        let entry = entry?;
        if !entry.file_name().as_encoded_bytes().starts_with(b".") {
            paths.push(entry.path());
        }
    }
    paths.sort_unstable_by(|one, other| other.cmp(one));
    Ok(paths)
}

fn is_manifest(path: &Path) -> bool {
    path.extension().is_some_and(|extension| matches!(extension.to_str(), Some("yaml" | "yml" | "json")))
}

fn name(root: &Path, path: &Path) -> String {
    path.strip_prefix(root).unwrap_or(path).to_string_lossy().into_owned()
}
