//! `${…}` in the values of a child's environment.
//!
//! `${SCRATCH}` is the child's private directory, `${X-Header}` the caller's
//! header of that name, in any case. Everything else stands for itself.

use std::ffi::OsString;
use std::path::Path;

/// A piece of a value.
enum Part<'a> {
    Text(&'a str),
    Scratch,
    Header(&'a str),
}

/// The callers' headers that these values name, in lower case, sorted, each once. What a child's pool key must hold (R23).
pub fn header_names(env_values: &[String]) -> Vec<String> {
    let mut names: Vec<String> = Vec::new();
    for part in env_values.iter().flat_map(|value| parts(value)) {
        if let Part::Header(name) = part {
            names.push(name.to_ascii_lowercase());
        }
    }
    names.sort();
    names.dedup();
    names
}

/// The value for one child. None: it is one `${X-Header}` and the caller sent no such header, so the variable is left
/// out (LiteLLM's rule). Within a longer text an absent header is empty.
pub(super) fn render(value: &str, scratch: &Path, headers: &[(String, String)]) -> Option<OsString> {
    let sent = |name: &str| headers.iter().find(|(sent, _)| sent.eq_ignore_ascii_case(name)).map(|(_, value)| value);
    let parts = parts(value);
    if let [Part::Header(name)] = parts[..] {
        return sent(name).map(OsString::from);
    }
    let mut rendered = OsString::new();
    for part in parts {
        match part {
            Part::Text(text) => rendered.push(text),
            Part::Scratch => rendered.push(scratch),
            Part::Header(name) => rendered.push(sent(name).map_or("", String::as_str)),
        }
    }
    Some(rendered)
}

fn parts(value: &str) -> Vec<Part<'_>> {
    let mut parts = Vec::new();
    // `text` is what precedes the variable that is looked for, `from` where to look
    let (mut text, mut from) = (value, 0);
    while let Some((start, name, end)) = variable(text, from) {
        let part = match name {
            "SCRATCH" => Part::Scratch,
            _ if name.get(..2).is_some_and(|x| x.eq_ignore_ascii_case("x-")) => Part::Header(name),
            _ => {
                from = start + 2;
                continue;
            }
        };
        if start > 0 {
            parts.push(Part::Text(&text[..start]));
        }
        parts.push(part);
        (text, from) = (&text[end..], 0);
    }
    if !text.is_empty() {
        parts.push(Part::Text(text));
    }
    parts
}

/// The first `${NAME}` at or after `from`: where it starts, its name, where it ends.
fn variable(text: &str, from: usize) -> Option<(usize, &str, usize)> {
    let start = from + text[from..].find("${")?;
    let end = start + text[start..].find('}')?;
    Some((start, &text[start + 2..end], end + 1))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(value: &str, expected: Option<&str>) {
        let headers = [("x-token".to_owned(), "t0k".to_owned()), ("x-tenant".to_owned(), "${SCRATCH}".to_owned())];
        assert_eq!(render(value, Path::new("/s"), &headers), expected.map(OsString::from), "{value}");
    }

    #[test]
    fn variables_are_filled_in_once() {
        check("", Some(""));
        check("plain $HOME ${HOME} $ { }", Some("plain $HOME ${HOME} $ { }"));
        check("${SCRATCH}/db", Some("/s/db"));
        check("${X-Token}", Some("t0k"));
        check("Bearer ${x-token}, ${X-TOKEN}${SCRATCH}", Some("Bearer t0k, t0k/s"));
        check("${a${X-Token}", Some("${at0k"));
        check("${X-Tenant}", Some("${SCRATCH}"));
        check("${X-Token", Some("${X-Token"));
    }

    #[test]
    fn an_absent_header_leaves_the_variable_out_or_empty() {
        check("${X-Absent}", None);
        check("Bearer ${X-Absent}", Some("Bearer "));
    }

    #[test]
    fn names_the_headers_that_matter() {
        let values = ["${X-Token} ${SCRATCH}", "${x-token}${X-A}", "${NOT-ONE}"].map(String::from);
        assert_eq!(header_names(&values), ["x-a", "x-token"]);
    }
}
