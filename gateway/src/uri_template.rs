//! Whether a URI may come from a URI template (RFC 6570).

/// Whether the template's literal parts stand in the URI in their order, the first at its start and the last at its
/// end. An expression in braces stands for any text: what its values may be only the server knows.
pub fn may_make(template: &str, uri: &str) -> bool {
    let mut literals = template.split('{').enumerate().map(|(at, part)| match at {
        0 => Some(part),
        // Without its closing brace it is no template.
        _ => part.split_once('}').map(|(_, literal)| literal),
    });
    let Some(mut rest) = literals.next().flatten().and_then(|first| uri.strip_prefix(first)) else { return false };
    let Some(literals) = literals.collect::<Option<Vec<_>>>() else { return false };
    let Some((last, between)) = literals.split_last() else { return rest.is_empty() };
    for literal in between {
        let Some(at) = rest.find(literal) else { return false };
        rest = &rest[at + literal.len()..];
    }
    rest.ends_with(last)
}

#[cfg(test)]
mod tests {
    use super::may_make;

    #[test]
    fn literal_parts_stand_in_order() {
        for (template, uri, made) in [
            ("test://template/{id}/data", "test://template/7/data", true),
            ("test://template/{id}/data", "test://template//data", true),
            ("test://template/{id}/data", "test://template/7/date", false),
            ("test://template/{id}/data", "test://template/data", false),
            ("file:///{+path}", "file:///a/b", true),
            ("file:///{+path}", "http://a", false),
            ("db://{table}/{row}{?columns*}", "db://t/1?columns=a", true),
            ("test://fixed", "test://fixed", true),
            ("test://fixed", "test://fixed/more", false),
            ("a{x}b{y}b", "ab", false),
            ("a{x}b{y}b", "abb", true),
            ("a{x", "ax", false),
            ("{x}", "anything", true),
        ] {
            assert_eq!(may_make(template, uri), made, "{template} {uri}");
        }
    }
}
