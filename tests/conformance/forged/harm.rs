//! How an id is forged. In: a genuine one, and others that are genuine elsewhere. Out: the bytes, and who brings them.

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use proptest::prelude::*;
use proptest::sample::Index;

/// What base64url is written with.
const DIGITS: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";

/// What is done to an id.
#[derive(Clone, Debug)]
pub(super) enum Harm {
    /// Turns a bit of the text.
    Bit(Index, u8),
    /// Turns bits of what is sealed, in one digit.
    Digit(Index, usize),
    /// Leaves off the end.
    Cut(Index),
    /// Leaves off the beginning.
    Behead(Index),
    /// Puts something after it.
    Append(Vec<u8>),
    /// Puts something into it.
    Insert(Index, u8),
    /// Takes one that is genuine: of another kind, of another caller or session, of another gateway, or spent.
    Replay(Index),
    /// Leaves it as it is, and another caller brings it.
    Foreign,
    /// Takes as many bytes by chance, as if they were sealed by the same key.
    Guess(Vec<u8>),
    /// Takes any bytes.
    Noise(Vec<u8>),
    /// Takes a number, as a server that counts has it.
    Number(u16),
    /// Takes nothing at all.
    Empty,
}

/// A forged id.
pub(super) struct Forged {
    pub(super) id: Vec<u8>,
    pub(super) by: By,
}

/// Who brings it.
#[derive(Clone, Copy, Eq, PartialEq)]
pub(super) enum By {
    /// The one who was given what it is made of.
    Owner,
    /// Another caller.
    Another,
}

/// Every harm there is, the empty one seldom.
pub(super) fn harm() -> impl Strategy<Value = Harm> {
    let at = any::<Index>;
    prop_oneof![
        8 => (at(), 0..8_u8).prop_map(|(at, bit)| Harm::Bit(at, bit)),
        8 => (at(), 1..64_usize).prop_map(|(at, bits)| Harm::Digit(at, bits)),
        8 => at().prop_map(Harm::Cut),
        4 => at().prop_map(Harm::Behead),
        4 => prop::collection::vec(prop_oneof![Just(b'='), prop::sample::select(&DIGITS[..]), any::<u8>()], 1..8)
            .prop_map(Harm::Append),
        4 => (at(), any::<u8>()).prop_map(|(at, byte)| Harm::Insert(at, byte)),
        16 => at().prop_map(Harm::Replay),
        4 => Just(Harm::Foreign),
        8 => prop::collection::vec(any::<u8>(), 0..200).prop_map(Harm::Guess),
        4 => prop::collection::vec(any::<u8>(), 1..200).prop_map(Harm::Noise),
        3 => any::<u16>().prop_map(Harm::Number),
        1 => Just(Harm::Empty),
    ]
}

impl Harm {
    /// The id after it; never the genuine one in its owner's hands.
    pub(super) fn done_to(&self, genuine: &str, others: &[String]) -> Forged {
        let own = genuine.as_bytes();
        let id = match self {
            Self::Bit(at, bit) => {
                let mut bytes = own.to_vec();
                bytes[at.index(own.len())] ^= 1 << bit;
                bytes
            }
            Self::Digit(at, bits) => {
                let (mut bytes, at) = (own.to_vec(), at.index(own.len()));
                let digit = DIGITS.iter().position(|digit| *digit == bytes[at]).expect("sealed texts are base64url");
                bytes[at] = DIGITS[digit ^ bits];
                bytes
            }
            Self::Cut(at) => own[..at.index(own.len())].to_vec(),
            Self::Behead(at) => own[at.index(own.len() - 1) + 1..].to_vec(),
            Self::Append(more) => [own, more].concat(),
            Self::Insert(at, byte) => {
                let at = at.index(own.len());
                [&own[..at], &[*byte], &own[at..]].concat()
            }
            Self::Replay(which) => which.get(others).clone().into_bytes(),
            Self::Foreign => own.to_vec(),
            Self::Guess(bytes) => {
                let key = URL_SAFE_NO_PAD.decode(genuine).expect("sealed texts are base64url")[0];
                URL_SAFE_NO_PAD.encode([&[key], &bytes[..]].concat()).into_bytes()
            }
            Self::Noise(bytes) => bytes.clone(),
            Self::Number(number) => number.to_string().into_bytes(),
            Self::Empty => Vec::new(),
        };
        let by = if matches!(self, Self::Foreign) { By::Another } else { By::Owner };
        assert!(by == By::Another || id != own, "{self:?} is no harm");
        Forged { id, by }
    }
}
