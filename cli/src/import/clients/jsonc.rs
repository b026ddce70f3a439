//! JSON as editors keep it: with comments, and with commas behind the last entry.

/// The same as plain JSON. Every character stays in its line and column, so that a fault is found where it is said to be.
pub(super) fn plain(text: &str) -> String {
    without_last_commas(&without_comments(text))
}

fn without_comments(text: &str) -> String {
    let mut plain = String::with_capacity(text.len());
    let mut rest = text;
    while let Some(first) = rest.chars().next() {
        let end = match first {
            '"' => {
                let end = end_of_string(rest);
                plain.push_str(&rest[..end]);
                rest = &rest[end..];
                continue;
            }
            '/' if rest.starts_with("//") => rest.find('\n').unwrap_or(rest.len()),
            '/' if rest.starts_with("/*") => rest.find("*/").map_or(rest.len(), |at| at + 2),
            _ => {
                plain.push(first);
                rest = &rest[first.len_utf8()..];
                continue;
            }
        };
        plain.extend(rest[..end].chars().map(|c| if c == '\n' { c } else { ' ' }));
        rest = &rest[end..];
    }
    plain
}

fn without_last_commas(text: &str) -> String {
    let mut plain = String::with_capacity(text.len());
    let mut rest = text;
    while let Some(first) = rest.chars().next() {
        let end = if first == '"' { end_of_string(rest) } else { first.len_utf8() };
        let is_last = first == ',' && rest[1..].trim_start().starts_with(['}', ']']);
        plain.push_str(if is_last { " " } else { &rest[..end] });
        rest = &rest[end..];
    }
    plain
}

/// Where the text ends that begins with a quote.
fn end_of_string(text: &str) -> usize {
    let mut is_escaped = false;
    for (at, byte) in text.bytes().enumerate().skip(1) {
        match byte {
            b'"' if !is_escaped => return at + 1,
            b'\\' => is_escaped = !is_escaped,
            _ => is_escaped = false,
        }
    }
    text.len()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_in_strings_is_no_comment() {
        let text = "{ // one\n \"a\": \"http://h/*x*/\\\"//\", /* two\n */ \"b\": [1, 2,],\n}";
        let read: serde_json::Value = serde_json::from_str(&plain(text)).unwrap();
        assert_eq!(read, serde_json::json!({ "a": "http://h/*x*/\"//", "b": [1, 2] }));
        assert_eq!(plain(text).lines().count(), text.lines().count());
    }
}
