//! Tells when something under a directory changed; what, is for the reader to find out.

use std::fs;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use std::time::SystemTime;

use notify::{EventKind, RecommendedWatcher, RecursiveMode, Watcher};
use tokio::sync::mpsc;

/// Watches a directory and all below it; dropping it ends that. It is an accelerator: what is linked from elsewhere is
/// not watched, so the reader has to look from time to time all the same.
pub struct Watch {
    root: PathBuf,
    identity: Option<Identity>,
    sender: mpsc::Sender<()>,
    /// Held for what it does.
    watcher: RecommendedWatcher,
}

/// Device, inode and birth: a directory that is made anew often gets the inode of the old one.
type Identity = (u64, u64, Option<SystemTime>);

impl Watch {
    /// Begins. In the channel, one token stands for any number of changes.
    pub fn begin(root: PathBuf) -> notify::Result<(Self, mpsc::Receiver<()>)> {
        let (sender, receiver) = mpsc::channel(1);
        let identity = identity(&root);
        let watcher = watcher(&root, sender.clone())?;
        Ok((Self { root, identity, sender, watcher }, receiver))
    }

    /// Begins again if another directory has taken the place of the watched one.
    pub fn follow(&mut self) {
        let identity = identity(&self.root);
        if identity == self.identity {
            return;
        }
        self.identity = identity;
        if identity.is_none() {
            return;
        }
        match watcher(&self.root, self.sender.clone()) {
            Ok(watcher) => self.watcher = watcher,
            Err(error) => tracing::warn!("the directory is no longer watched; edits take a second: {error}"),
        }
    }
}

fn identity(root: &Path) -> Option<Identity> {
    let metadata = fs::metadata(root).ok()?;
    Some((metadata.dev(), metadata.ino(), metadata.created().ok()))
}

fn watcher(root: &Path, sender: mpsc::Sender<()>) -> notify::Result<RecommendedWatcher> {
    let mut watcher = notify::recommended_watcher(move |event: notify::Result<notify::Event>| {
        // Our own reading is no change. An error may hide one.
        if event.is_err() || event.is_ok_and(|event| !matches!(event.kind, EventKind::Access(_))) {
            // Full means that a change is already announced.
            let _ = sender.try_send(());
        }
    })?;
    watcher.watch(root, RecursiveMode::Recursive)?;
    Ok(watcher)
}
