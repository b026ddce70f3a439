//! Tests of stored snapshots: parts, pointer, slots, hostile bytes, what older releases stored, and size.

use super::*;
use crate::compile::tests::generate::world;
use crate::compile::tests::pepper;
use crate::compile::{Compiled, compile};
use crate::snapshot::{Fingerprint, Secrets, Snapshot};

mod before;
mod fixtures;
mod hostile;
mod parts;
mod pointers;
mod scale;
mod slots;

fn key() -> MacKey {
    MacKey([3; 32])
}

fn compiled(seed: &[u8]) -> Compiled {
    let (resources, scope) = world(seed);
    compile(&resources, &scope, &pepper())
}

/// What the parts give, put together again.
fn joined(parts: &[Part]) -> Result<Snapshot, DecodeError> {
    join(&parts.iter().map(|part| &*part.bytes).collect::<Vec<_>>())
}

/// What a plan puts into the slots.
fn slots(plan: &Plan) -> impl FnMut(u8, &[u8; 32]) -> Option<std::sync::Arc<[u8]>> {
    move |slot, _| plan.writes.iter().find(|(at, _)| *at == slot).map(|(_, part)| part.bytes.clone())
}

#[test]
fn a_servers_secrets_are_taken_for_that_server_and_unchanged_only() {
    let secrets = Secrets { auth: Some("token".to_owned()), ..Secrets::default() };
    let fingerprint = crate::digest::fingerprint(&pepper(), "a/x", &secrets);
    assert!(verify_secrets(&pepper(), "a/x", &secrets, &fingerprint));
    assert!(!verify_secrets(&pepper(), "a/y", &secrets, &fingerprint), "another server's");
    let forged = Secrets { url: Some("https://elsewhere".to_owned()), ..secrets.clone() };
    assert!(!verify_secrets(&pepper(), "a/x", &forged, &fingerprint));
    let mut other = fingerprint;
    other.0[15] ^= 1;
    assert!(!verify_secrets(&pepper(), "a/x", &secrets, &other));
    let pepper = crate::compile::Pepper([0; 32]);
    assert!(!verify_secrets(&pepper, "a/x", &secrets, &fingerprint), "under another pepper");
}

#[test]
fn credentials_are_in_the_slot_of_their_first_digit() {
    let of = |text: &str| text.parse::<Fingerprint>().map(|fingerprint| credential_slot(&fingerprint));
    assert_eq!(of("00112233445566778899aabbccddeeff"), Ok(0));
    assert_eq!(of("f0112233445566778899aabbccddeeff"), Ok(CREDENTIAL_SLOTS - 1));
    for bad in ["", "0", "00112233445566778899AABBCCDDEEFF", "+0112233445566778899aabbccddeeff"] {
        assert!(of(bad).is_err(), "{bad}");
    }
}
