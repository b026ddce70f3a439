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

use stamp::Stamp;
use walk::Walk;

mod stamp;
#[cfg(test)]
mod tests;
mod walk;

/// A file is read when it has not changed for so long, or half of an edit would be taken for the whole; and it is
/// forgotten when it has been missing for so long, since many programs save by putting a new file in place of the old.
pub const SETTLED: Duration = Duration::from_millis(100);

/// A file that held something and is empty is read when it has been so for so long: to save in place empties a file first,
/// and on a disk that is busy it takes seconds until the rest is there. Whoever did mean to empty it is served by then.
const EMPTIED: Duration = Duration::from_secs(5);

/// What a directory held when it was read.
pub struct Read {
    /// Everything that follows from it.
    pub compiled: Compiled,
    /// Everything to tell, with file and line. Errors cost the object, or keep the file's last good state.
    pub findings: Vec<Finding>,
    /// Files that cannot be used, or a second settings document.
    pub faults: Vec<FileFault>,
}

/// What a look at the files found.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct Look {
    /// What is known of a file is not what it was: compile again.
    pub changed: bool,
    /// Files changed or vanished a moment ago: look again after [`SETTLED`].
    pub unsettled: bool,
}

/// A directory that is read again and again.
pub struct Directory {
    root: PathBuf,
    pepper: Pepper,
    files: BTreeMap<String, Known>,
    /// Directories that cannot be listed, and entries that cannot be looked at, by path.
    unreadable: BTreeMap<String, FileFault>,
    settings: Settings,
}

struct Known {
    stamp: Stamp,
    /// What it is now, if that is not what was read, and when it was first found so.
    changing: Option<(Stamp, SystemTime)>,
    /// When it was first found missing.
    missing: Option<SystemTime>,
    /// The last good content.
    good: Option<ParsedFile>,
    /// Why the present content is none.
    fault: Option<FileFault>,
}

impl Directory {
    /// The directory at `root`; nothing is read yet.
    pub fn new(root: PathBuf, pepper: Pepper) -> Self {
        let (files, unreadable) = (BTreeMap::new(), BTreeMap::new());
        Self { root, pepper, files, unreadable, settings: Settings::default() }
    }

    /// Where it is.
    pub fn root(&self) -> &Path {
        &self.root
    }

    /// Reads what changed and compiles the whole. `now` tells what is settled; none takes every file as it is.
    pub fn read(&mut self, now: Option<SystemTime>) -> io::Result<Read> {
        self.look(now)?;
        Ok(self.compile())
    }

    /// Reads what changed, which costs a `stat` of each file if nothing did. `now`: as for [`Self::read`]. An error
    /// is one of the directory itself, and leaves everything as it was.
    pub fn look(&mut self, now: Option<SystemTime>) -> io::Result<Look> {
        let walk = Walk::of(&self.root)?;
        let mut look = Look { changed: walk.unreadable != self.unreadable, unsettled: false };
        look.unsettled |= self.forget(&walk, now, &mut look.changed);
        // A file that was renamed comes when its old name goes, so that its objects are neither gone nor there twice.
        let moving = look.unsettled;
        self.unreadable = walk.unreadable;
        for (path, place) in walk.files {
            if moving && !self.files.contains_key(&path) {
                continue;
            }
            match self.read_file(path, &place, now) {
                Seen::Same => {}
                Seen::Changed => look.changed = true,
                Seen::Unsettled => look.unsettled = true,
            }
        }
        Ok(look)
    }

    /// Forgets files that have been missing for long enough; true if there are others. Nobody knows what is missing
    /// below a directory that cannot be listed.
    fn forget(&mut self, walk: &Walk, now: Option<SystemTime>, changed: &mut bool) -> bool {
        let before = self.files.len();
        let mut waiting = false;
        self.files.retain(|path, known| {
            if walk.files.contains_key(path) || walk.hides(path) {
                known.missing = None;
                return true;
            }
            let Some(now) = now else { return false };
            let since = *known.missing.get_or_insert(now);
            // A clock that was set back ends the wait.
            let wait = now.duration_since(since).is_ok_and(|missing| missing < SETTLED);
            waiting |= wait;
            wait
        });
        *changed |= self.files.len() != before;
        waiting
    }

    /// Reads a file if it changed, and not a moment ago.
    fn read_file(&mut self, path: String, place: &Path, now: Option<SystemTime>) -> Seen {
        let Ok(stamp) = fs::metadata(place).map(|metadata| Stamp::of(&metadata)) else { return Seen::Unsettled };
        let known = self.files.get_mut(&path);
        if let Some(known) = &known
            && known.stamp == stamp
        {
            return Seen::Same;
        }
        if let Some(now) = now {
            let changing = known.is_some_and(|known| known.is_changing(stamp, now));
            if changing || stamp.changed_within(SETTLED, now) {
                return Seen::Unsettled;
            }
        }
        let content = fs::read(place);
        let moved = !fs::metadata(place).is_ok_and(|metadata| Stamp::of(&metadata) == stamp);
        if moved && now.is_some() {
            return Seen::Unsettled;
        }
        let parsed = match content {
            Ok(bytes) => ParsedFile::parse(&path, &bytes),
            Err(error) => Err(unreadable(&path, &error)),
        };
        let before = self.files.remove(&path).and_then(|known| known.good);
        let (good, fault) = match parsed {
            Ok(parsed) => (Some(parsed), None),
            Err(fault) => (before, Some(fault)),
        };
        self.files.insert(path, Known { stamp, changing: None, missing: None, good, fault });
        Seen::Changed
    }

    /// The objects that are known of the files, and the files that cannot be used.
    pub fn objects(&mut self) -> (Merged, Vec<FileFault>) {
        let good: Vec<&ParsedFile> = self.files.values().filter_map(|known| known.good.as_ref()).collect();
        let mut merged: Merged = merge(&good);
        let mut faults: Vec<FileFault> = self.unusable().cloned().collect();
        match &merged.settings_fault {
            Some(fault) => {
                faults.push(fault.clone());
                merged.resources.settings = self.settings.clone();
            }
            None => self.settings = merged.resources.settings.clone(),
        }
        (merged, faults)
    }

    /// Everything that follows from what is known of the files.
    pub fn compile(&mut self) -> Read {
        let (merged, faults) = self.objects();
        self.compile_as(&Scope::Local, &merged, faults)
    }

    /// The same for another scope, of its objects or of more than those.
    pub fn compile_as(&self, scope: &Scope, merged: &Merged, faults: Vec<FileFault>) -> Read {
        let compiled = compile(&merged.resources, scope, &self.pepper);
        let mut findings = merged.all_findings(&compiled.diagnostics);
        findings.extend(self.unusable().map(Finding::from));
        findings.sort();
        Read { compiled, findings, faults }
    }

    fn unusable(&self) -> impl Iterator<Item = &FileFault> {
        let of_files = self.files.values().filter_map(|known| known.fault.as_ref());
        self.unreadable.values().chain(of_files)
    }
}

impl Known {
    /// Whether it is not yet for long enough what it is now, going by when it was found so: a file that is being emptied
    /// bears its old time of change for a moment.
    fn is_changing(&mut self, stamp: Stamp, now: SystemTime) -> bool {
        let since = match self.changing {
            Some((found, since)) if found == stamp => since,
            _ => self.changing.insert((stamp, now)).1,
        };
        let emptied = stamp.is_empty() && self.good.as_ref().is_some_and(ParsedFile::holds_something);
        let wait = if emptied { EMPTIED } else { SETTLED };
        // A clock that was set back ends the wait.
        now.duration_since(since).is_ok_and(|found| found < wait)
    }
}

/// What became of a file that is there.
enum Seen {
    Same,
    Changed,
    Unsettled,
}

fn unreadable(path: &str, error: &io::Error) -> FileFault {
    FileFault { path: path.to_owned(), line: 1, column: 1, message: format!("cannot be read: {error}") }
}
