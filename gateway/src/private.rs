//! Files that nobody else may read or write: keys, and what was last in
//! force. Others would learn from them what they hold, or put something else
//! in its place.

use std::fs::{File, Metadata, Permissions};
use std::io::{self, Read, Write};
use std::os::unix::fs::{MetadataExt, PermissionsExt};
use std::path::Path;

use tempfile::NamedTempFile;

/// Makes a directory, if it is not there, that only its owner can look into, and that owner is this process's user.
pub(crate) fn directory(path: &Path) -> io::Result<()> {
    std::fs::create_dir_all(path)?;
    let metadata = std::fs::metadata(path)?;
    check_owner("its directory", &metadata)?;
    if metadata.mode() & 0o077 != 0 {
        std::fs::set_permissions(path, Permissions::from_mode(0o700))?;
    }
    Ok(())
}

/// The first `most` bytes of a file, if it is ours and nobody else can read it.
pub(crate) fn read(path: &Path, most: u64) -> io::Result<Vec<u8>> {
    let file = File::open(path)?;
    let metadata = file.metadata()?;
    check_owner("the file", &metadata)?;
    if metadata.mode() & 0o077 != 0 {
        return Err(io::Error::other("others can read the file; make it readable by its owner only (mode 0600)"));
    }
    let mut bytes = Vec::new();
    file.take(most).read_to_end(&mut bytes)?;
    Ok(bytes)
}

/// Puts a file there unless there is one. Two processes that start at once must end with the same: it appears whole, and
/// the first one stays.
pub(crate) fn create(directory: &Path, path: &Path, bytes: &[u8]) -> io::Result<()> {
    match draft(directory, bytes)?.persist_noclobber(path) {
        Err(error) if error.error.kind() != io::ErrorKind::AlreadyExists => Err(error.error),
        _ => Ok(()),
    }
}

/// Puts a file there in place of the one that may be there: whoever reads it finds the old or the new one, whole.
pub(crate) fn replace(directory: &Path, path: &Path, bytes: &[u8]) -> io::Result<()> {
    draft(directory, bytes)?.persist(path).map_err(|error| error.error)?;
    Ok(())
}

/// Its mode is 0600 and its name random: none that was left behind is in the way.
fn draft(directory: &Path, bytes: &[u8]) -> io::Result<NamedTempFile> {
    let mut draft = tempfile::Builder::new().prefix(".draft-").tempfile_in(directory)?;
    draft.write_all(bytes)?;
    draft.as_file().sync_all()?;
    Ok(draft)
}

/// What somebody else put there is known to somebody else.
fn check_owner(what: &str, metadata: &Metadata) -> io::Result<()> {
    let (owner, we) = (metadata.uid(), rustix::process::geteuid().as_raw());
    if owner == we {
        return Ok(());
    }
    Err(io::Error::other(format!("{what} belongs to user {owner}, and this process runs as user {we}")))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn r9_a_directory_that_others_can_write_to_becomes_private() {
        let folder = tempfile::tempdir().unwrap();
        std::fs::set_permissions(folder.path(), Permissions::from_mode(0o777)).unwrap();
        directory(folder.path()).unwrap();
        assert_eq!(std::fs::metadata(folder.path()).unwrap().mode() & 0o777, 0o700);
    }

    #[test]
    fn r9_what_somebody_else_owns_is_neither_written_to_nor_read() {
        let folder = tempfile::tempdir().unwrap();
        let ours = std::fs::metadata(folder.path()).unwrap();
        assert!(check_owner("the file", &ours).is_ok());
        // Root's, for everybody else; another user's, for root, who alone can give files away.
        if rustix::process::geteuid().is_root() {
            let theirs = folder.path().join("theirs");
            std::fs::create_dir(&theirs).unwrap();
            replace(&theirs, &theirs.join("file"), b"planted").unwrap();
            for path in [&theirs, &theirs.join("file")] {
                std::os::unix::fs::chown(path, Some(12345), None).unwrap();
            }
            assert!(directory(&theirs).unwrap_err().to_string().contains("its directory belongs to user 12345"));
            assert!(
                read(&theirs.join("file"), 100).unwrap_err().to_string().contains("the file belongs to user 12345")
            );
        } else {
            let theirs = std::fs::metadata("/").unwrap();
            assert!(check_owner("the file", &theirs).is_err());
        }
    }

    #[test]
    fn r9_a_file_is_replaced_whole_and_for_its_owner_only() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("file");
        std::fs::write(folder.path().join(".draft-left"), "").unwrap();
        for content in [b"first".as_slice(), b"second"] {
            replace(folder.path(), &path, content).unwrap();
            assert_eq!(read(&path, 100).unwrap(), content);
            assert_eq!(std::fs::metadata(&path).unwrap().mode() & 0o777, 0o600);
        }
        std::fs::set_permissions(&path, Permissions::from_mode(0o640)).unwrap();
        assert!(read(&path, 100).unwrap_err().to_string().contains("others can read the file"));
    }
}
