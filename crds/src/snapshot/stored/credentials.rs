//! Secret values as they are stored: apart from the snapshot, by fingerprint.

use crate::compile::Pepper;
use crate::digest::is_fingerprint;
use crate::snapshot::{Fingerprint, Secrets};

/// How many slots there are for credentials; their numbers are below it.
pub const CREDENTIAL_SLOTS: u8 = 16;

/// The slot that a server's secret values are in: the first hex digit of their fingerprint.
pub fn credential_slot(fingerprint: &Fingerprint) -> u8 {
    fingerprint.0[0] >> 4
}

/// Whether these are the secret values that the snapshot names for the server (by its id), and not others' or changed
/// ones. Constant-time.
pub fn verify_secrets(pepper: &Pepper, server: &str, secrets: &Secrets, fingerprint: &Fingerprint) -> bool {
    is_fingerprint(pepper, server, secrets, fingerprint)
}
