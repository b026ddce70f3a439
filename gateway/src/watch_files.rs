//! Tells when something under a directory changed; what, is for the reader to find out.

use std::path::Path;

use notify::{EventKind, RecommendedWatcher, RecursiveMode, Watcher};
use tokio::sync::mpsc;

/// Watches a directory and all below it. One token stands for any number of changes; dropping the watcher ends it.
pub fn watch(directory: &Path) -> notify::Result<(mpsc::Receiver<()>, RecommendedWatcher)> {
    let (sender, receiver) = mpsc::channel(1);
    let mut watcher = notify::recommended_watcher(move |event: notify::Result<notify::Event>| {
        // Our own reading is no change. An error may hide one.
        if event.is_err() || event.is_ok_and(|event| !matches!(event.kind, EventKind::Access(_))) {
            // Full means that a change is already announced.
            let _ = sender.try_send(());
        }
    })?;
    watcher.watch(directory, RecursiveMode::Recursive)?;
    Ok((receiver, watcher))
}
