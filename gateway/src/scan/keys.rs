//! The keys of one object that is read by name (R2): each key once, and none that some decoder could take for a
//! known one. Go's encoding/json ignores case by Unicode's simple folding, C programs stop at a NUL.

use std::collections::HashSet;
use std::hash::{DefaultHasher, Hash, Hasher};
use std::str;

use super::fault::Fault;
use super::lexer::Token;
use super::text::decode;

/// The members of one level that mean something here.
pub(super) type Known<M> = &'static [(&'static str, M)];

/// Most members of such an object.
const MAX_KEYS: usize = 1024;
/// Unknown keys up to which nothing is allocated.
const FEW: usize = 8;

/// What has been seen of one object. Unknown keys are kept as 64-bit hashes, so memory is bounded whatever their
/// length; should two ever collide, the message is refused, which is the safe side.
pub(super) struct Keys<M: 'static> {
    known: Known<M>,
    /// One bit for each entry of `known`.
    seen: u32,
    count: usize,
    unknown: usize,
    few: [u64; FEW],
    many: HashSet<u64>,
}

impl<M: Copy> Keys<M> {
    pub(super) fn new(known: Known<M>) -> Self {
        Self { known, seen: 0, count: 0, unknown: 0, few: [0; FEW], many: HashSet::new() }
    }

    pub(super) fn is_empty(&self) -> bool {
        self.count == 0
    }

    /// Takes the next key; says which known member it is.
    pub(super) fn take(&mut self, token: &Token<'_>) -> Result<Option<M>, Fault> {
        self.count += 1;
        if self.count > MAX_KEYS {
            return Err(Fault::invalid("an object that is read here has more than 1024 members", token.start));
        }
        let undecodable = Fault::invalid("a member name cannot be decoded", token.start);
        let decoded;
        let key = if token.escaped {
            decoded = decode(token.raw, true).ok_or(undecodable)?;
            decoded.as_bytes()
        } else {
            token.raw.get(1..token.raw.len().saturating_sub(1)).ok_or(undecodable)?
        };
        for (index, (name, member)) in self.known.iter().enumerate() {
            if name.as_bytes() == key {
                let bit = 1 << index;
                if self.seen & bit != 0 {
                    return Err(Fault::invalid("the member occurs twice", token.start).of(name));
                }
                self.seen |= bit;
                return Ok(Some(*member));
            }
        }
        if let Some((name, _)) = self.known.iter().find(|(name, _)| resembles(key, name)) {
            return Err(
                Fault::invalid("a member name differs only in case or NULs from the known one", token.start).of(name)
            );
        }
        if self.repeats(key) {
            return Err(Fault::invalid("a member name occurs twice in an object that is read here", token.start));
        }
        Ok(None)
    }

    fn repeats(&mut self, key: &[u8]) -> bool {
        let mut hasher = DefaultHasher::new();
        key.hash(&mut hasher);
        let hash = hasher.finish();
        let few = &self.few[..self.unknown.min(FEW)];
        if few.contains(&hash) {
            return true;
        }
        self.unknown += 1;
        match self.few.get_mut(self.unknown - 1) {
            Some(slot) => {
                *slot = hash;
                false
            }
            None => !self.many.insert(hash),
        }
    }
}

/// Whether a decoder that ignores case or trims NULs could read `key` as `name`, which is ASCII.
fn resembles(key: &[u8], name: &str) -> bool {
    if key.len() == name.len() && key.eq_ignore_ascii_case(name.as_bytes()) {
        return true;
    }
    if key.iter().all(|byte| byte.is_ascii() && *byte != 0) {
        return false;
    }
    let Ok(key) = str::from_utf8(key) else { return false };
    let key = key.trim_start_matches('\0');
    let key = key.split_once('\0').map_or(key, |(before, _)| before);
    key.chars().map(folded).eq(name.chars().map(folded))
}

/// Simple case folding as far as it leads to ASCII. The Turkish letters do so in Java only.
const fn folded(char: char) -> char {
    match char {
        '\u{17F}' => 's',
        '\u{212A}' => 'k',
        '\u{130}' | '\u{131}' => 'i',
        other => other.to_ascii_lowercase(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn r2_look_alikes_of_known_names() {
        for alike in ["Method", "METHOD", "method\0", "\0method", "method\0\0", "method\0x", "\0\0METHOD\0"] {
            assert!(resembles(alike.as_bytes(), "method"), "{alike:?}");
        }
        assert!(resembles("param\u{17F}".as_bytes(), "params"));
        assert!(resembles("progressTo\u{212A}en".as_bytes(), "progressToken"));
        assert!(resembles("\u{130}d".as_bytes(), "id"));
        assert!(resembles("ur\u{131}".as_bytes(), "uri"));
        for other in ["methods", "metho", "m\u{e9}thod", "", "\0", "x\0method", "method "] {
            assert!(!resembles(other.as_bytes(), "method"), "{other:?}");
        }
    }
}
