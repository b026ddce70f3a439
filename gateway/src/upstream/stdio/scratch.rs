//! The private directory of a child: made when it starts, removed when it ended.
//!
//! It is made directly below a folder that the program made for itself, which
//! must still be that: temporary folders are shared, and what is missing in one
//! can be put there by anybody.

use std::io;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};

use rustix::fs::{Mode, OFlags};
use rustix::io::Errno;

/// A new directory in `folder` that nobody else can look into. No name comes twice, since what removes an earlier one
/// may be late, and none begins another, since it marks the child's processes.
pub(super) fn make(folder: &Path) -> io::Result<PathBuf> {
    static NEXT: AtomicU64 = AtomicU64::new(0);
    let told = |why: &dyn std::fmt::Display| io::Error::other(format!("{}: {why}", folder.display()));
    // Held open, so that what was checked is what it is made in.
    let flags = OFlags::DIRECTORY | OFlags::NOFOLLOW | OFlags::CLOEXEC;
    let within = rustix::fs::open(folder, flags, Mode::empty()).map_err(|error| told(&io::Error::from(error)))?;
    let found = rustix::fs::fstat(&within).map_err(|error| told(&io::Error::from(error)))?;
    let others_write = Mode::from_raw_mode(found.st_mode).intersects(Mode::WGRP | Mode::WOTH);
    if others_write || found.st_uid != rustix::process::geteuid().as_raw() {
        return Err(told(&"the folder is not this user's alone"));
    }
    loop {
        let number = NEXT.fetch_add(1, Ordering::Relaxed);
        let name = format!("{}-{number:016x}", std::process::id());
        match rustix::fs::mkdirat(&within, &name, Mode::RWXU) {
            Ok(()) => return Ok(folder.join(name)),
            // of an earlier gateway that had our process id
            Err(Errno::EXIST) => {}
            Err(error) => return Err(told(&io::Error::from(error))),
        }
    }
}

/// Removes it with all that is in it. Already gone is fine: the supervisor removes it too.
pub(super) fn remove(scratch: &Path) -> io::Result<()> {
    match std::fs::remove_dir_all(scratch) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => Err(error),
        _ => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use std::fs::{DirBuilder, Permissions};
    use std::os::unix::fs::{DirBuilderExt, MetadataExt, PermissionsExt, symlink};

    use super::*;

    #[test]
    fn r60_it_is_made_below_a_folder_of_ours_alone_and_nowhere_else() {
        let temporary = tempfile::tempdir().unwrap();
        let at = |name: &str| temporary.path().join(name);
        let refused = |name: &str| make(&at(name)).unwrap_err().to_string();
        let folder = |name: &str, mode: u32| {
            DirBuilder::new().create(at(name)).unwrap();
            std::fs::set_permissions(at(name), Permissions::from_mode(mode)).unwrap();
        };
        folder("ours", 0o700);
        let (one, two) = (make(&at("ours")).unwrap(), make(&at("ours")).unwrap());
        assert!(one != two && one.parent() == Some(&at("ours")));
        assert_eq!(std::fs::metadata(&one).unwrap().mode() & 0o7777, 0o700);

        assert!(refused("missing").contains("missing: No such file"), "{}", refused("missing"));
        assert!(!at("missing").exists(), "nothing is made in its place");

        symlink(at("ours"), at("planted")).unwrap();
        assert!(refused("planted").contains("planted: "), "{}", refused("planted"));
        assert_eq!(at("ours").read_dir().unwrap().count(), 2, "nothing is made through a link");

        for mode in [0o777, 0o770, 0o1777] {
            let name = format!("{mode:o}");
            folder(&name, mode);
            assert!(refused(&name).ends_with("is not this user's alone"), "{}", refused(&name));
            assert_eq!(at(&name).read_dir().unwrap().count(), 0);
        }
    }

    #[test]
    fn it_is_removed_with_its_content_and_a_link_in_it_leads_nowhere() {
        let temporary = tempfile::tempdir().unwrap();
        DirBuilder::new().mode(0o700).create(temporary.path().join("ours")).unwrap();
        let scratch = make(&temporary.path().join("ours")).unwrap();
        let kept = temporary.path().join("kept");
        std::fs::create_dir(&kept).unwrap();
        std::fs::write(kept.join("file"), "").unwrap();
        symlink(&kept, scratch.join("link")).unwrap();
        remove(&scratch).unwrap();
        remove(&scratch).unwrap();
        assert!(!scratch.exists() && kept.join("file").exists());
    }
}
