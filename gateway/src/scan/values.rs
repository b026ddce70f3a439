//! The values at some paths below one object: for rules that look into `arguments` (R2). Each object on the way is read
//! by name, so that no key in it may occur twice or look like a name on a path.

use std::borrow::Cow;

use super::fault::Fault;
use super::keys::alike;
use super::levels::Span;
use super::lexer::Kind;
use super::members::members;
use super::text::decode;

/// A value: what it is, and where.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Found {
    pub kind: Kind,
    pub span: Span,
}

impl Found {
    /// The text of a string in `source`, which was scanned; none for half of a surrogate pair.
    pub fn text(self, source: &[u8]) -> Option<Cow<'_, str>> {
        let token = self.span.of(source);
        decode(token, token.contains(&b'\\'))
    }
}

/// What stands at each path of names below the object at `object` in `source`; none where a step is missing or leads
/// through something else than an object. Err as [`members`], for each object on the way, and for a key that differs
/// from a name only in case or NULs. Reads the object again for each step of the longest path.
pub fn values(source: &[u8], object: Span, paths: &[&[Box<str>]]) -> Result<Vec<Option<Found>>, Fault> {
    let mut found = vec![None; paths.len()];
    let wanted: Vec<Wanted<'_>> = paths.iter().copied().enumerate().collect();
    read(source, object, &wanted, &mut found).map_err(|fault| fault.of("params.arguments"))?;
    Ok(found)
}

/// The number of a path, and what is left of it.
type Wanted<'p> = (usize, &'p [Box<str>]);

fn read(source: &[u8], object: Span, wanted: &[Wanted<'_>], found: &mut [Option<Found>]) -> Result<(), Fault> {
    for member in members(source, object)? {
        let (mut known, mut deeper) = (false, Vec::new());
        for (index, path) in wanted {
            match path.split_first() {
                Some((name, rest)) if **name == *member.name => {
                    known = true;
                    if rest.is_empty() {
                        found[*index] = Some(Found { kind: member.kind, span: member.value });
                    } else if member.kind == Kind::Object {
                        deeper.push((*index, rest));
                    }
                }
                _ => {}
            }
        }
        let resembles = |(_, path): &Wanted<'_>| path.first().is_some_and(|name| alike(&member.name, name));
        if !known && wanted.iter().any(resembles) {
            let words = "a member name differs only in case or NULs from the known one";
            return Err(Fault::invalid(words, member.key.start));
        }
        if !deeper.is_empty() {
            read(source, member.value, &deeper, found)?;
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests;
