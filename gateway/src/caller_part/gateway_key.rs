//! Whether a value holds a key of the gateway, in any dress: bare, behind one
//! scheme or several, as a half of `Basic` credentials (R22).

use base64::Engine;
use base64::alphabet;
use base64::engine::DecodePaddingMode;
use base64::engine::general_purpose::{GeneralPurpose, GeneralPurposeConfig};

use crate::table::RoutingTable;

/// How many words of a value are looked at: more schemes than this before a key are no credential any more.
const MAX_WORDS: usize = 4;

const LENIENT: GeneralPurposeConfig = GeneralPurposeConfig::new()
    .with_decode_padding_mode(DecodePaddingMode::Indifferent)
    .with_decode_allow_trailing_bits(true);
const BASE64: [GeneralPurpose; 2] =
    [GeneralPurpose::new(&alphabet::STANDARD, LENIENT), GeneralPurpose::new(&alphabet::URL_SAFE, LENIENT)];

/// Whether a value holds somebody's key for the gateway, be it live or expired.
pub fn holds_key(table: &RoutingTable, value: &[u8]) -> bool {
    let mut rest = value.trim_ascii();
    for _ in 0..=MAX_WORDS {
        if rest.is_empty() {
            return false;
        }
        let end = rest.iter().position(u8::is_ascii_whitespace).unwrap_or(rest.len());
        let (word, after) = rest.split_at(end);
        if table.knows_key(rest) || (!after.is_empty() && table.knows_key(word)) || holds_encoded(table, word) {
            return true;
        }
        rest = after.trim_ascii();
    }
    false
}

/// Whether a word is base64 of a key, or of a user name and a password of which one is a key.
fn holds_encoded(table: &RoutingTable, word: &[u8]) -> bool {
    BASE64.iter().filter_map(|engine| engine.decode(word).ok()).any(|plain| {
        let cut = plain.iter().position(|byte| *byte == b':');
        let halves = cut.map(|at| (&plain[..at], &plain[at + 1..]));
        table.knows_key(plain.trim_ascii())
            || halves.is_some_and(|(user, password)| table.knows_key(user) || table.knows_key(password.trim_ascii()))
    })
}
