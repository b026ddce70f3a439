//! What was last in force, kept on this pod, so that a container that starts
//! again while the apiserver is away serves as it did before.
//!
//! One file, so that all of it is of one moment: as it was stored, and the keys
//! that it was authenticated by. Keys and credentials are in it, so it is this
//! user's alone; the folder is one in memory that lives and dies with the pod.

use std::collections::BTreeMap;
use std::fmt::Display;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use crds::snapshot::stored::{Pointer, verify_secrets};
use crds::snapshot::{Credentials, Fingerprint, Secrets};
use k8s_openapi::ByteString;
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

use super::credentials::wanted;
use super::good::Good;
use super::keys::FleetKeys;
use crate::private;

/// The largest file that is read, in bytes: 32 slots of 1 MiB, credentials, and a third more for base64.
const MOST: u64 = 80 << 20;
/// The form of the file.
const FORM: u32 = 1;

/// A place for one snapshot.
#[derive(Clone)]
pub(super) struct Kept {
    /// Ours alone. The folder that was given may be written to by everybody, as volumes are.
    folder: PathBuf,
    file: PathBuf,
}

/// As it is written.
#[derive(Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
struct Stored {
    form: u32,
    keys: BTreeMap<String, ByteString>,
    pointer: ByteString,
    parts: Vec<ByteString>,
    credentials: Credentials,
}

impl Kept {
    /// A place below this folder.
    pub(super) fn below(folder: &Path) -> io::Result<Self> {
        let folder = folder.join("last-good");
        private::directory(&folder)?;
        Ok(Self { file: folder.join("snapshot"), folder })
    }

    /// Keeps this and nothing else.
    pub(super) fn keep(&self, good: &Good) -> io::Result<()> {
        let bytes = |bytes: &[u8]| ByteString(bytes.to_vec());
        let stored = Stored {
            form: FORM,
            keys: good.keys.data.iter().map(|(name, key)| (name.clone(), bytes(key))).collect(),
            pointer: bytes(&good.bytes),
            parts: good.parts.values().map(|part| bytes(part)).collect(),
            credentials: good.credentials.clone(),
        };
        private::replace(&self.folder, &self.file, &serde_json::to_vec(&stored)?)
    }

    /// What was kept; none if nothing was. All of it is looked at as if it came from the apiserver.
    pub(super) fn read(&self) -> io::Result<Option<Good>> {
        let bytes = match private::read(&self.file, MOST) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
            read => read?,
        };
        good(&bytes).map(Some)
    }

    /// Where it is.
    pub(super) fn file(&self) -> &Path {
        &self.file
    }
}

fn good(bytes: &[u8]) -> io::Result<Good> {
    // What a parser says of a text may repeat a part of it.
    let stored = serde_json::from_slice::<Stored>(bytes).map_err(|_| unusable("it was cut or changed"))?;
    let Stored { form: FORM, keys, pointer, parts, credentials } = stored else {
        return Err(unusable("it was written by another release"));
    };
    let keys = keys.into_iter().map(|(name, key)| (name, key.0)).collect();
    let keys = Arc::new(FleetKeys::read(keys).map_err(unusable)?);
    let bytes: Arc<[u8]> = pointer.0.into();
    let pointer = Pointer::decode(&bytes, &keys.mac).map_err(unusable)?;
    let parts = parts.into_iter().map(|part| (Sha256::digest(&part.0).into(), part.0.into())).collect();
    let mut good = Good { keys, bytes, pointer, parts, credentials };
    let wanted = wanted(&good.open().map_err(unusable)?);
    let right = |fingerprint: &Fingerprint, secrets: &Secrets| {
        let wanted = wanted.iter().filter(|wanted| wanted.fingerprint == *fingerprint);
        wanted.into_iter().any(|it| verify_secrets(&good.keys.pepper, &it.server, secrets, fingerprint))
    };
    good.credentials = good
        .credentials
        .iter()
        .filter(|(fingerprint, secrets)| right(fingerprint, secrets))
        .map(|(fingerprint, secrets)| (*fingerprint, secrets.clone()))
        .collect();
    Ok(good)
}

fn unusable(why: impl Display) -> io::Error {
    io::Error::other(why.to_string())
}

#[cfg(test)]
mod tests {
    use std::fs::Permissions;
    use std::os::unix::fs::{MetadataExt, PermissionsExt};

    use super::*;
    use crate::source::cluster::good::tests::{compiled, keys, stored};

    fn some_good() -> Good {
        let keys = keys();
        stored(&keys, &compiled(&keys, "sesame", &["ann"]), 7)
    }

    #[test]
    fn what_is_kept_is_read_back_whole_and_is_nobody_elses() {
        let folder = tempfile::tempdir().unwrap();
        // As a volume is: everybody may write to it.
        std::fs::set_permissions(folder.path(), Permissions::from_mode(0o777)).unwrap();
        let kept = Kept::below(folder.path()).unwrap();
        assert!(kept.read().unwrap().is_none());
        let good = some_good();
        kept.keep(&good).unwrap();
        kept.keep(&good).unwrap();
        let read = Kept::below(folder.path()).unwrap().read().unwrap().unwrap();
        assert_eq!((&read.bytes, &read.pointer, &read.parts), (&good.bytes, &good.pointer, &good.parts));
        assert_eq!((&read.credentials, &read.keys.data), (&good.credentials, &good.keys.data));
        assert_eq!(read.table(read.open().unwrap(), None).pending(), 0);
        let mode = |path: &Path| std::fs::metadata(path).unwrap().mode() & 0o777;
        assert_eq!((mode(&kept.folder), mode(&kept.file)), (0o700, 0o600));
        assert_eq!(std::fs::read_dir(&kept.folder).unwrap().count(), 1, "no draft is left");
    }

    #[test]
    fn what_was_cut_altered_or_laid_open_is_not_used_and_says_why() {
        let folder = tempfile::tempdir().unwrap();
        let kept = Kept::below(folder.path()).unwrap();
        kept.keep(&some_good()).unwrap();
        let whole = std::fs::read(&kept.file).unwrap();
        let why = |bytes: &[u8]| {
            std::fs::write(&kept.file, bytes).unwrap();
            kept.read().err().unwrap().to_string()
        };
        for length in [0, 1, whole.len() / 2, whole.len() - 1] {
            assert_eq!(why(&whole[..length]), "it was cut or changed");
        }
        let changed = |change: fn(&mut serde_json::Value)| {
            let mut value: serde_json::Value = serde_json::from_slice(&whole).unwrap();
            change(&mut value);
            serde_json::to_vec(&value).unwrap()
        };
        assert!(why(&changed(|it| it["form"] = 2.into())).contains("another release"));
        let other_mac = |it: &mut serde_json::Value| it["keys"]["mac"] = it["keys"]["pepper"].clone();
        assert!(why(&changed(other_mac)).contains("authentication code is wrong"));
        assert!(why(&changed(|it| it["keys"]["pepper"] = "".into())).contains("`pepper` has 0 bytes"));
        std::fs::write(&kept.file, &whole).unwrap();
        std::fs::set_permissions(&kept.file, Permissions::from_mode(0o644)).unwrap();
        assert!(kept.read().err().unwrap().to_string().contains("others can read the file"));
    }

    #[test]
    fn a_credential_that_was_swapped_is_as_good_as_none() {
        let folder = tempfile::tempdir().unwrap();
        let kept = Kept::below(folder.path()).unwrap();
        let mut good = some_good();
        for secrets in good.credentials.values_mut() {
            secrets.url = Some("http://evil.example/mcp".to_owned());
        }
        kept.keep(&good).unwrap();
        let read = kept.read().unwrap().unwrap();
        assert_eq!(read.table(read.open().unwrap(), None).pending(), 1);
    }

    #[test]
    fn a_folder_or_file_of_somebody_else_is_not_used() {
        let folder = tempfile::tempdir().unwrap();
        let kept = Kept::below(folder.path()).unwrap();
        kept.keep(&some_good()).unwrap();
        // Only root can give files away; for others this is tested where files are read.
        if rustix::process::geteuid().is_root() {
            std::os::unix::fs::chown(&kept.file, Some(12345), None).unwrap();
            assert!(kept.read().err().unwrap().to_string().contains("the file belongs to user 12345"));
            std::os::unix::fs::chown(&kept.folder, Some(12345), None).unwrap();
            assert!(
                Kept::below(folder.path()).err().unwrap().to_string().contains("its directory belongs to user 12345")
            );
        }
    }
}
