//! Globs: `*` is any run of characters, `?` any one, all else itself.

/// Whether `pattern` matches the whole of `text`. Case-sensitive.
pub(super) fn matches(pattern: &str, text: &str) -> bool {
    let Some(first) = pattern.chars().next() else { return text.is_empty() };
    let pattern_rest = &pattern[first.len_utf8()..];
    let Some(head) = text.chars().next() else { return first == '*' && matches(pattern_rest, text) };
    let text_rest = &text[head.len_utf8()..];
    match first {
        '*' => matches(pattern_rest, text) || matches(pattern, text_rest),
        '?' => matches(pattern_rest, text_rest),
        _ => first == head && matches(pattern_rest, text_rest),
    }
}

/// Whether one of `patterns` matches; of an absent list everything does, of an empty one nothing.
pub(super) fn any_matches(patterns: Option<&Vec<String>>, text: &str) -> bool {
    match patterns {
        None => true,
        Some(patterns) => patterns.iter().any(|pattern| matches(pattern, text)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn globs_match_as_a_reader_expects() {
        let cases = [
            ("*", "", true),
            ("*", "get", true),
            ("get", "get", true),
            ("get", "Get", false),
            ("get", "get_time", false),
            ("get*", "get", true),
            ("get*", "get_time", true),
            ("get?", "get", false),
            ("ge?", "get", true),
            ("?", "ü", true),
            ("*e*e", "get_time", true),
            ("*e*x", "get_time", false),
            ("", "", true),
            ("", "x", false),
        ];
        for (pattern, text, expected) in cases {
            assert_eq!(matches(pattern, text), expected, "{pattern} on {text}");
        }
    }
}
