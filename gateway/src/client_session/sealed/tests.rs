use proptest::prelude::*;

use super::*;
use crate::capabilities::Capabilities;
use crate::revision::Revision;
use crate::seal::SealKey;

/// Cases of each property.
const CASES: u32 = 10_000;
const NOW: UnixSeconds = 1_000_000;

fn sealer() -> Sealer {
    Sealer::new(&[SealKey { id: 1, key: [7; 32] }])
}

fn session() -> Session {
    Session {
        revision: Revision::NEWEST_LEGACY,
        capabilities: Capabilities::default(),
        owner: Owner { boot: [3; 8], address: None },
        nonce: [1; 8],
        expires: NOW + 1000,
        caller: [2; 16],
        outside: false,
        has_one_stream: false,
    }
}

/// What is done to a text.
#[derive(Clone, Debug)]
enum Harm {
    Flip(usize, u8),
    Cut(usize),
    Append(String),
    OtherSession([u8; 8]),
    OtherCaller([u8; 16]),
    OtherOwner([u8; 8]),
    OtherKey([u8; 32]),
    OtherPurpose,
}

fn harm() -> impl Strategy<Value = Harm> {
    prop_oneof![
        (any::<usize>(), 1..=255_u8).prop_map(|(at, bits)| Harm::Flip(at, bits)),
        any::<usize>().prop_map(Harm::Cut),
        "[A-Za-z0-9_-]{1,8}".prop_map(Harm::Append),
        any::<[u8; 8]>().prop_map(Harm::OtherSession),
        any::<[u8; 16]>().prop_map(Harm::OtherCaller),
        any::<[u8; 8]>().prop_map(Harm::OtherOwner),
        any::<[u8; 32]>().prop_map(Harm::OtherKey),
        Just(Harm::OtherPurpose),
    ]
}

/// The text after harm that is done to it, and where it is brought to; none if the harm is none.
fn harmed(sealed: &str, harm: &Harm) -> Option<(Vec<u8>, Session, Sealer)> {
    let (mut text, mut to, mut by) = (sealed.as_bytes().to_vec(), session(), sealer());
    match harm {
        Harm::Flip(at, bits) => {
            let at = at % text.len();
            text[at] ^= bits;
        }
        Harm::Cut(to) => text.truncate(to % text.len()),
        Harm::Append(more) => text.extend_from_slice(more.as_bytes()),
        Harm::OtherSession(nonce) => to.nonce = *nonce,
        Harm::OtherCaller(caller) => to.caller = *caller,
        Harm::OtherOwner(boot) => to.owner.boot = *boot,
        Harm::OtherKey(key) => by = Sealer::new(&[SealKey { id: 1, key: *key }]),
        Harm::OtherPurpose => {}
    }
    let is_harm = !matches!(harm, Harm::OtherPurpose) && (text != sealed.as_bytes() || to != session());
    (is_harm || matches!(harm, Harm::OtherKey(key) if *key != [7; 32])).then_some((text, to, by))
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(CASES))]

    #[test]
    fn r8_a_forged_request_id_opens_nothing(handle: u64, left in 1..1000_i64, harm in harm()) {
        let id = RequestId { handle, expires: NOW + left };
        let sealed = id.seal(&sealer(), &session()).unwrap();
        prop_assert_eq!(RequestId::open(&sealer(), &session(), sealed.as_bytes(), NOW), Some(id));
        prop_assert_eq!(RequestId::open(&sealer(), &session(), sealed.as_bytes(), NOW + left), None);
        prop_assert_eq!(EventId::open(&sealer(), &session(), sealed.as_bytes()), None);
        if let Some((text, to, by)) = harmed(&sealed, &harm) {
            prop_assert_eq!(RequestId::open(&by, &to, &text, NOW), None, "{:?}", harm);
        }
    }

    #[test]
    fn r8_a_forged_event_id_opens_nothing(stream: u64, sequence: u64, harm in harm()) {
        let id = EventId { stream, sequence };
        let sealed = id.seal(&sealer(), &session()).unwrap();
        prop_assert_eq!(EventId::open(&sealer(), &session(), sealed.as_bytes()), Some(id));
        prop_assert_eq!(RequestId::open(&sealer(), &session(), sealed.as_bytes(), 0), None);
        if let Some((text, to, by)) = harmed(&sealed, &harm) {
            prop_assert_eq!(EventId::open(&by, &to, &text), None, "{:?}", harm);
        }
    }

    #[test]
    fn r8_random_text_opens_nothing(text in "\\PC{0,200}") {
        prop_assert_eq!(EventId::open(&sealer(), &session(), text.as_bytes()), None);
        prop_assert_eq!(RequestId::open(&sealer(), &session(), text.as_bytes(), 0), None);
    }
}
