//! Text in JSON: skipping over the plain part of a string, UTF-8 over chunk borders, and undoing escapes.

use std::borrow::Cow;
use std::str;

use super::fault::Fault;

const ONES: u64 = 0x0101_0101_0101_0101;
const HIGHS: u64 = 0x8080_8080_8080_8080;

/// Length of the prefix without quote, backslash or control character.
/// Words first, since most strings are short; blocks that the compiler vectorizes for the rest.
pub(super) fn plain(bytes: &[u8]) -> usize {
    let mut at = 0;
    for _ in 0..4 {
        let Some(word) = bytes.get(at..).and_then(<[u8]>::first_chunk::<8>) else {
            return at + plain_bytes(&bytes[at..]);
        };
        match first_special(*word) {
            Some(index) => return at + index,
            None => at += 8,
        }
    }
    let mut rest = &bytes[at..];
    while let Some((block, after)) = rest.split_first_chunk::<64>() {
        if block.iter().fold(false, |special, byte| special | is_special(*byte)) {
            break;
        }
        rest = after;
    }
    while let Some((word, after)) = rest.split_first_chunk::<8>() {
        if let Some(index) = first_special(*word) {
            return bytes.len() - rest.len() + index;
        }
        rest = after;
    }
    bytes.len() - rest.len() + plain_bytes(rest)
}

const fn is_special(byte: u8) -> bool {
    matches!(byte, b'"' | b'\\' | 0..=0x1F)
}

fn plain_bytes(bytes: &[u8]) -> usize {
    bytes.iter().position(|byte| is_special(*byte)).unwrap_or(bytes.len())
}

/// The first special byte of eight. Borrows of the subtractions run upwards only, so the lowest mark is exact.
fn first_special(word: [u8; 8]) -> Option<usize> {
    let word = u64::from_le_bytes(word);
    let quote = word ^ (ONES * u64::from(b'"'));
    let slash = word ^ (ONES * u64::from(b'\\'));
    let marks = ((quote.wrapping_sub(ONES) & !quote)
        | (slash.wrapping_sub(ONES) & !slash)
        | (word.wrapping_sub(ONES * 0x20) & !word))
        & HIGHS;
    (marks != 0).then(|| marks.trailing_zeros() as usize / 8)
}

/// UTF-8 validation over chunks: keeps the beginning of a sequence that a chunk border cuts.
#[derive(Debug, Default)]
pub(super) struct Utf8 {
    tail: [u8; 4],
    len: usize,
}

impl Utf8 {
    /// How many bytes of `chunk` may be read on; fewer than all means that the next one begins no valid sequence.
    /// `base` is the offset of the chunk. Err when the cut sequence does not go on as it must.
    pub(super) fn check(&mut self, chunk: &[u8], base: usize) -> Result<usize, Fault> {
        let mut from = 0;
        while self.len > 0 && from < chunk.len() {
            self.tail[self.len] = chunk[from];
            self.len += 1;
            from += 1;
            match str::from_utf8(&self.tail[..self.len]) {
                Ok(_) => self.len = 0,
                Err(error) if error.error_len().is_none() => {}
                Err(_) => return Err(not_utf8(base + from - self.len)),
            }
        }
        let Err(error) = str::from_utf8(&chunk[from..]) else { return Ok(chunk.len()) };
        let valid = from + error.valid_up_to();
        if error.error_len().is_some() {
            return Ok(valid);
        }
        let cut = &chunk[valid..];
        self.tail[..cut.len()].copy_from_slice(cut);
        self.len = cut.len();
        Ok(chunk.len())
    }
}

pub(super) const fn not_utf8(offset: usize) -> Fault {
    Fault::parse("the text is not valid UTF-8", offset)
}

/// The text of a string token that the lexer has validated, `raw` with its quotes. None if it cannot be decoded
/// (a lone surrogate).
pub(super) fn decode(raw: &[u8], escaped: bool) -> Option<Cow<'_, str>> {
    let inner = str::from_utf8(raw.get(1..raw.len().checked_sub(1)?)?).ok()?;
    if escaped { unescape(inner).map(Cow::Owned) } else { Some(Cow::Borrowed(inner)) }
}

fn unescape(inner: &str) -> Option<String> {
    let mut text = String::with_capacity(inner.len());
    let mut rest = inner;
    while let Some((before, after)) = rest.split_once('\\') {
        text.push_str(before);
        let mut chars = after.chars();
        let escape = chars.next()?;
        rest = chars.as_str();
        text.push(match escape {
            'b' => '\u{8}',
            'f' => '\u{c}',
            'n' => '\n',
            'r' => '\r',
            't' => '\t',
            'u' => unicode_escape(&mut rest)?,
            itself => itself,
        });
    }
    text.push_str(rest);
    Some(text)
}

/// The character of `XXXX` or `XXXX\uXXXX` at the start of `rest`, which moves behind it.
fn unicode_escape(rest: &mut &str) -> Option<char> {
    let unit = hex(rest)?;
    if !(0xD800..0xDC00).contains(&unit) {
        return char::from_u32(unit);
    }
    *rest = rest.strip_prefix("\\u")?;
    let low = hex(rest)?;
    if !(0xDC00..0xE000).contains(&low) {
        return None;
    }
    char::from_u32(0x1_0000 + ((unit - 0xD800) << 10) + (low - 0xDC00))
}

fn hex(rest: &mut &str) -> Option<u32> {
    let (digits, after) = rest.split_at_checked(4)?;
    *rest = after;
    u32::from_str_radix(digits, 16).ok()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::{any, prop_assert_eq, proptest};

    use super::*;

    proptest! {
        #[test]
        fn finds_the_first_special_byte_wherever_it_stands(text in proptest::collection::vec(any::<u8>(), 0..40), pad in 0_usize..200) {
            let mut bytes = vec![b'x'; pad];
            bytes.extend(&text);
            prop_assert_eq!(plain(&bytes), plain_bytes(&bytes));
        }

        #[test]
        fn utf8_is_judged_alike_however_it_is_cut(bytes in "[a\u{e9}\u{20ac}\u{1f600}]{0,12}", flip in any::<Option<(u8, u8)>>(), cut in 0_usize..50) {
            let mut bytes = bytes.into_bytes();
            if let Some((at, value)) = flip && !bytes.is_empty() {
                let at = usize::from(at) % bytes.len();
                bytes[at] = value;
            }
            let cut = cut.min(bytes.len());
            let mut utf8 = Utf8::default();
            let whole = utf8.check(&bytes[..cut], 0).is_ok_and(|valid| valid == cut)
                && utf8.check(&bytes[cut..], cut).is_ok_and(|valid| valid == bytes.len() - cut)
                && utf8.len == 0;
            prop_assert_eq!(whole, str::from_utf8(&bytes).is_ok());
        }

        #[test]
        fn decodes_as_serde_json_does(text in r#"([a-z\u{e9}]|\\n|\\"|\\u00e9|\\ud83d\\ude00|\\ud83d|\\udc00|\\/|\\u0000){0,8}"#) {
            let raw = format!("\"{text}\"");
            let expected: Option<String> = serde_json::from_str(&raw).ok();
            prop_assert_eq!(decode(raw.as_bytes(), text.contains('\\')).map(Cow::into_owned), expected);
        }
    }
}
