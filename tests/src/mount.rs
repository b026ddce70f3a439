//! A volume as kubelet mounts it (a Secret, a projected token): what it holds
//! changes at once, by a link that leads elsewhere.

use std::os::unix::fs::symlink;
use std::path::{Path, PathBuf};

use tempfile::TempDir;

/// A mounted volume; removed on drop.
pub struct Mount {
    folder: TempDir,
    states: usize,
}

impl Mount {
    /// Of files with these names, which come with [`Mount::put`].
    pub fn of(names: &[&str]) -> Self {
        let folder = tempfile::tempdir().unwrap();
        for name in names {
            symlink(Path::new("..data").join(name), folder.path().join(name)).unwrap();
        }
        Self { folder, states: 0 }
    }

    /// Where it is mounted.
    pub fn path(&self) -> &Path {
        self.folder.path()
    }

    /// The path of a file, by which it is read.
    pub fn file(&self, name: &str) -> PathBuf {
        self.path().join(name)
    }

    /// These files and no others from now on, by name and content.
    pub fn put(&mut self, files: &[(&str, &str)]) {
        self.states += 1;
        let state = format!("..state-{}", self.states);
        let folder = self.path().join(&state);
        std::fs::create_dir(&folder).unwrap();
        for (name, content) in files {
            std::fs::write(folder.join(name), content).unwrap();
        }
        let new = self.path().join("..data_tmp");
        symlink(&state, &new).unwrap();
        std::fs::rename(new, self.path().join("..data")).unwrap();
    }
}
