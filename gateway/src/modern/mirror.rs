//! Whether the `Mcp-Param-*` headers of a call say what its arguments say (R6; 2026-07-28, transports/streamable-http,
//! "Server Behavior for Custom Headers"). Headers that no annotation names are nobody's: they are not looked at.

use http::{HeaderMap, HeaderValue};

use super::annotation::Annotation;
use super::{decimal, header_value};
use crate::scan::{Fault, Found, Kind, Span, values};

/// Why a call is refused.
#[derive(Debug, Eq, PartialEq)]
pub(super) enum Refusal<'a> {
    /// The arguments can be read in two ways (R2).
    Ambiguous(Fault),
    /// A header and its argument differ: the header's name, and how, without the values.
    Mismatch(&'a str, &'static str),
}

/// Checks every annotated argument. `arguments`: where they stand in `body`, if there are any.
pub(super) fn check<'a>(
    annotations: &'a [Annotation],
    headers: &HeaderMap,
    body: &[u8],
    arguments: Option<Span>,
) -> Result<(), Refusal<'a>> {
    let paths: Vec<_> = annotations.iter().map(|annotation| &*annotation.path).collect();
    let found = match arguments {
        Some(span) => values(body, span, &paths).map_err(Refusal::Ambiguous)?,
        None => vec![None; paths.len()],
    };
    for (annotation, argument) in annotations.iter().zip(found) {
        let mut said = headers.get_all(&annotation.header).iter();
        let (header, another) = (said.next(), said.next());
        if let Some(words) = wrong(header, another.is_some(), argument.as_ref(), body) {
            return Err(Refusal::Mismatch(&annotation.shown, words));
        }
    }
    Ok(())
}

fn wrong(header: Option<&HeaderValue>, twice: bool, argument: Option<&Found>, body: &[u8]) -> Option<&'static str> {
    let argument = argument.filter(|argument| argument.kind != Kind::Null);
    match (header, argument) {
        _ if twice => Some("stands twice"),
        (None, None) => None,
        (None, Some(_)) => Some("is missing, and the argument that it mirrors is not"),
        (Some(_), None) => Some("is there, and the argument that it mirrors is not"),
        (Some(header), Some(argument)) => match header_value::decoded(header.as_bytes()) {
            None => Some("is not written as such a header may be"),
            Some(said) if says(&said, argument, body) => None,
            Some(_) => Some("does not equal the argument that it mirrors"),
        },
    }
}

/// What the argument is decides how they are compared; whether it is of the type that the schema gives it is for the
/// server to say. Objects and arrays cannot be mirrored.
fn says(said: &[u8], argument: &Found, body: &[u8]) -> bool {
    match argument.kind {
        Kind::String => argument.text(body).is_some_and(|text| text.as_bytes() == said),
        Kind::Number => decimal::are_equal(said, argument.span.of(body)),
        Kind::True => said == b"true",
        Kind::False => said == b"false",
        Kind::Object | Kind::Array | Kind::Null => false,
    }
}

#[cfg(test)]
mod tests;
