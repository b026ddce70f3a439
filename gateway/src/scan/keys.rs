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
    str::from_utf8(key).is_ok_and(|key| alike(key, name))
}

/// Whether a decoder that ignores case or trims NULs could read one as the other; true of equal ones too.
pub(super) fn alike(key: &str, name: &str) -> bool {
    trimmed(key).chars().map(folded).eq(trimmed(name).chars().map(folded))
}

/// What is left of a text where a NUL ends it; those before it are passed over.
fn trimmed(text: &str) -> &str {
    let text = text.trim_start_matches('\0');
    text.split_once('\0').map_or(text, |(before, _)| before)
}

/// Simple case folding, by way of the other case and back, so that all that share a form in either case are one. The
/// dotted capital I becomes an i in Java only.
fn folded(char: char) -> char {
    if char == '\u{130}' {
        return 'i';
    }
    let lower = single(char, char.to_lowercase());
    let upper = single(lower, lower.to_uppercase());
    single(upper, upper.to_lowercase())
}

/// The one character that a change of case gives, else the character itself.
fn single(char: char, mut changed: impl Iterator<Item = char>) -> char {
    match (changed.next(), changed.next()) {
        (Some(one), None) => one,
        _ => char,
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
        for (one, other) in [
            ("GR\u{d6}SSE", "gr\u{f6}sse"),
            ("\u{3c3}", "\u{3c2}"),
            ("\u{1e9e}", "\u{df}"),
            ("\u{2126}", "\u{3c9}"),
            ("a\0b", "A"),
            ("\u{b5}", "\u{3bc}"),
        ] {
            assert!(alike(one, other) && alike(other, one), "{one:?} {other:?}");
        }
        assert!(!alike("gr\u{f6}sse", "grosse") && !alike("\u{df}", "ss") && !alike("", "a"));
        for other in ["methods", "metho", "m\u{e9}thod", "", "\0", "x\0method", "method "] {
            assert!(!resembles(other.as_bytes(), "method"), "{other:?}");
        }
    }
}
