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

/// Whether one of `patterns` matches; of an empty list none does.
pub(super) fn any_matches(patterns: &[String], text: &str) -> bool {
    patterns.iter().any(|pattern| matches(pattern, text))
}

/// Whether one of `patterns` gives the URI. One that means another than it says is given by its own text, and by a
/// pattern that gives everything.
pub(super) fn any_gives(patterns: &[String], uri: &str) -> bool {
    if dotted(uri) {
        patterns.iter().any(|pattern| pattern == uri || pattern.chars().all(|letter| letter == '*'))
    } else {
        any_matches(patterns, uri)
    }
}

/// Whether a URI has a segment `.` or `..`, written out or percent-encoded: whoever resolves that reads another URI. Where
/// characters stand that some decoders drop, nobody knows.
pub(super) fn dotted(uri: &str) -> bool {
    if uri.trim_matches(' ') != uri || uri.chars().any(|letter| letter < ' ' || letter == '\u{7f}') {
        return true;
    }
    let decoded = uri.to_lowercase().replace("%2e", ".").replace("%2f", "/").replace("%5c", "\\");
    decoded.split(['/', '\\', ':', '?', '#', ';']).any(|segment| segment == "." || segment == "..")
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

    #[test]
    fn a_uri_that_means_another_is_told() {
        for uri in [
            "a:/..",
            "a:/b/../c",
            "a:..",
            "a:/./b",
            "a:/%2e%2E/b",
            "a:/b%2F..%5cc",
            "a:\\..\\b",
            "a:/..?q",
            "a:/..;x/b",
        ] {
            assert!(dotted(uri), "{uri}");
        }
        for uri in ["", "a:/b", "a:/..b", "a:/b..", "a:/...", "a:/b.c/.d", "a:/%2e%2e%2e", "a:/%252e%252e/b"] {
            assert!(!dotted(uri), "{uri}");
        }
        let any =
            |patterns: &[&str], uri| any_gives(&patterns.iter().map(|&it| it.to_owned()).collect::<Vec<_>>(), uri);
        assert!(any(&["a:/b/*"], "a:/b/c"));
        assert!(!any(&["a:/b/*", "a:/?/../c"], "a:/b/../c"));
        assert!(any(&["a:/b/../c"], "a:/b/../c"));
        assert!(any(&["**"], "a:/b/../c"));
    }
}
