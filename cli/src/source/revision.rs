//! The files of a directory in a git revision, written somewhere else: neither
//! the repository, its index nor its work tree is touched.

use std::path::{Path, PathBuf};
use std::process::Command;

use tempfile::TempDir;

/// Modes of a link, and of a commit of another repository: what they lead to is not in the tree.
const ELSEWHERE: [&str; 2] = ["120000", "160000"];

/// The files of `REVISION:DIRECTORY` of the repository here.
pub(super) fn check_out(tree: &str) -> Result<TempDir, String> {
    let folder = || tempfile::tempdir().map_err(|error| format!("no directory for a copy: {error}"));
    let (files, index) = (folder()?, folder()?);
    let here = Path::new(".");
    let found = git(here, &["rev-parse", tree], None)?;
    let repository = PathBuf::from(git(here, &["rev-parse", "--absolute-git-dir"], None)?);
    // With a work tree of its own: in a directory below that of the repository, git would write what is below that alone.
    let own = (repository.as_path(), files.path(), index.path().join("index"));
    git(files.path(), &["read-tree", &found], Some(&own))?;
    let entries = git(files.path(), &["ls-files", "--stage"], Some(&own))?;
    let elsewhere = entries.lines().find(|entry| ELSEWHERE.iter().any(|mode| entry.starts_with(mode)));
    if let Some((_, name)) = elsewhere.and_then(|entry| entry.split_once('\t')) {
        return Err(format!("{name} is a link, and what it leads to is not in the revision: put the file there"));
    }
    git(files.path(), &["checkout-index", "--all"], Some(&own))?;
    Ok(files)
}

/// What git says, as long as it succeeds. `own`: repository, work tree and index in place of those here.
fn git(here: &Path, arguments: &[&str], own: Option<&(&Path, &Path, PathBuf)>) -> Result<String, String> {
    let mut git = Command::new("git");
    git.current_dir(here).args(arguments);
    if let Some((repository, work_tree, index)) = own {
        git.env("GIT_DIR", repository).env("GIT_WORK_TREE", work_tree).env("GIT_INDEX_FILE", index);
    }
    let run = git.output().map_err(|error| format!("git: {error}"))?;
    if run.status.success() {
        Ok(String::from_utf8_lossy(&run.stdout).trim_end().to_owned())
    } else {
        Err(format!("git: {}", String::from_utf8_lossy(&run.stderr).trim()))
    }
}
