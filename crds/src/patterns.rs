//! Lists of exact names and globs over native names: `*` any characters, `?`
//! one character, case-sensitive, nothing else special.
//!
//! Resources are named by URIs, and `file:///docs/../etc/passwd` is to many who
//! resolve it a name of `file:///etc/passwd`. A URI with such dot segments gets
//! past no list: globs do not match it where a match would let it in, and a
//! list of what is kept out keeps it out.

/// A sorted list of globs; a name matches it if any glob does. Borrowed, so that matching allocates nothing.
#[derive(Clone, Copy, Debug)]
pub struct Patterns<'a>(&'a [String]);

impl<'a> Patterns<'a> {
    /// The list as it stands in a snapshot: sorted, no glob twice (`Snapshot::check` holds decoded ones to it).
    pub fn new(globs: &'a [String]) -> Self {
        debug_assert!(globs.is_sorted(), "pattern lists of a snapshot are sorted");
        Self(globs)
    }

    /// Whether any glob matches. An empty list matches nothing.
    pub fn matches(self, name: &str) -> bool {
        // A glob matches its own text, so an equal entry decides; beyond that only wildcards can.
        self.holds(name) || self.0.iter().any(|glob| has_wildcard(glob) && glob_matches(glob, name))
    }

    /// Whether the list lets a URI in: some glob matches it; one with dot segments by its very text or by `*` alone.
    pub fn lets_uri_in(self, uri: &str) -> bool {
        if has_dot_segment(uri) {
            self.holds(uri) || self.0.iter().any(|glob| matches_all(glob))
        } else {
            self.matches(uri)
        }
    }

    /// Whether the list keeps a URI out: some glob matches it, or it has dot segments and the list keeps out anything.
    pub fn keeps_uri_out(self, uri: &str) -> bool {
        self.matches(uri) || !self.0.is_empty() && has_dot_segment(uri)
    }

    fn holds(self, name: &str) -> bool {
        self.0.binary_search_by(|glob| glob.as_str().cmp(name)).is_ok()
    }
}

/// Whether a URI has a segment `.` or `..`, as it stands or percent-encoded. What some take for an end of a segment,
/// as `\` or `;`, is one. What some leave out before they look for segments (WHATWG URL: control characters anywhere,
/// spaces at both ends) may hide one.
pub(crate) fn has_dot_segment(uri: &str) -> bool {
    if uri.starts_with(' ') || uri.ends_with(' ') || uri.bytes().any(|byte| byte.is_ascii_control()) {
        return true;
    }
    // Dots since the last end of a segment; none once there was something else.
    let mut dots = Some(0_usize);
    let mut rest = uri.as_bytes();
    loop {
        let (byte, after) = match rest {
            [b'%', b'2', b'e' | b'E', after @ ..] => (b'.', after),
            [b'%', b'2', b'f' | b'F', after @ ..] => (b'/', after),
            [b'%', b'5', b'c' | b'C', after @ ..] => (b'\\', after),
            [byte, after @ ..] => (*byte, after),
            [] => return matches!(dots, Some(1 | 2)),
        };
        rest = after;
        dots = match byte {
            b'.' => dots.map(|dots| dots + 1),
            b'/' | b'\\' | b':' | b'?' | b'#' | b';' if matches!(dots, Some(1 | 2)) => return true,
            b'/' | b'\\' | b':' | b'?' | b'#' | b';' => Some(0),
            _ => None,
        };
    }
}

/// Whether the glob matches every name.
pub fn matches_all(glob: &str) -> bool {
    !glob.is_empty() && glob.bytes().all(|byte| byte == b'*')
}

fn has_wildcard(glob: &str) -> bool {
    glob.bytes().any(|byte| matches!(byte, b'*' | b'?'))
}

/// Whether the glob matches the whole name.
///
/// A failure goes back to the last `*` only: an earlier one could not do better, since the later may take as much.
/// So the work is at most length of the glob times length of the name; globs are bounded, which leaves it linear.
fn glob_matches(glob: &str, name: &str) -> bool {
    let (mut pattern, mut rest) = (glob.chars(), name.chars());
    let mut last_star = None;
    loop {
        let there = rest.clone();
        match (pattern.next(), rest.next()) {
            (None, None) => return true,
            (Some('*'), _) => {
                last_star = Some((pattern.clone(), there.clone()));
                rest = there;
            }
            (Some('?'), Some(_)) => {}
            (Some(wanted), Some(found)) if wanted == found => {}
            _ => {
                let Some((after_star, mut taken)) = last_star.take() else { return false };
                if taken.next().is_none() {
                    return false;
                }
                (pattern, rest) = (after_star.clone(), taken.clone());
                last_star = Some((after_star, taken));
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::{ProptestConfig, prop_assert_eq, proptest};

    use super::*;

    fn check(glob: &str, name: &str, expected: bool) {
        assert_eq!(Patterns::new(&[glob.to_owned()]).matches(name), expected, "{glob} on {name}");
    }

    #[test]
    fn wildcards_and_case() {
        check("get", "get", true);
        check("get", "Get", false);
        check("get", "gets", false);
        check("*", "", true);
        check("get_*", "get_time", true);
        check("*convert*", "time_convert_2", true);
        check("*convert*", "time_conver", false);
        check("?et", "été", false);
        check("?t?", "été", true);
        check("a*b*c", "aXbXbXc", true);
        check("a*b*c", "aXbXbX", false);
        check("a**c", "ac", true);
        check("[a]", "a", false);
        check("[a]", "[a]", true);
        check("", "", true);
        check("", "a", false);
        assert!(!Patterns::new(&[]).matches("a"), "an empty list allows nothing");
    }

    #[test]
    fn a_uri_with_dot_segments_gets_past_no_list() {
        for uri in
            ["..", "a:..", "a:/b/../c", "a:/./b", "a:/b/%2E%2e/c", "a:/b%2f..%5C", r"a:\..\b", "a:/..?q", "a:/..;x"]
        {
            assert!(has_dot_segment(uri), "{uri}");
        }
        for uri in ["", "a:/b", "a:/..b/b..", "a:/...", "a:/b.c/.d", "a:/%2e%2e%2e/", "a:/%252e%252e/b", "a:/%2"] {
            assert!(!has_dot_segment(uri), "{uri}");
        }
        let list = |globs: &[&str]| globs.iter().map(|&glob| glob.to_owned()).collect::<Vec<_>>();
        let lets_in = |globs: &[&str], uri: &str| Patterns::new(&list(globs)).lets_uri_in(uri);
        for uri in
            ["file:///docs/.\t./etc", "file:///docs/%2\te./etc", "file:///docs/.. ", " file:///docs/a", "a:/\u{7f}"]
        {
            assert!(has_dot_segment(uri), "{uri:?}: a decoder may drop what hides it");
        }
        assert!(lets_in(&["a:/docs/*"], "a:/docs/b") && !lets_in(&["a:/docs/*", "a:/docs/?./c"], "a:/docs/../etc"));
        assert!(lets_in(&["a:/docs/../etc"], "a:/docs/../etc") && lets_in(&["**"], "a:/docs/../etc"));
        assert!(!lets_in(&[], "a:/docs/b"));
        let keeps_out = |globs: &[&str], uri: &str| Patterns::new(&list(globs)).keeps_uri_out(uri);
        assert!(keeps_out(&["a:/etc/*"], "a:/docs/../etc/b") && keeps_out(&["a:/etc/*"], "a:/etc/b"));
        assert!(!keeps_out(&["a:/etc/*"], "a:/docs/b") && !keeps_out(&[], "a:/docs/../etc/b"));
    }

    #[test]
    fn many_stars_on_a_long_name_end_soon() {
        check(&"*a".repeat(60), &"a".repeat(100_000), true);
        check(&format!("{}b", "*a".repeat(60)), &"a".repeat(100_000), false);
    }

    /// The definition, by plain recursion.
    fn reference(glob: &[char], name: &[char]) -> bool {
        match (glob.first(), name.first()) {
            (None, first) => first.is_none(),
            (Some('*'), first) => reference(&glob[1..], name) || first.is_some() && reference(glob, &name[1..]),
            (Some(wanted), Some(found)) => (*wanted == '?' || wanted == found) && reference(&glob[1..], &name[1..]),
            (Some(_), None) => false,
        }
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(1000))]
        #[test]
        fn matching_is_the_definition(glob in "[ab*?é]{0,8}", name in "[abé]{0,10}") {
            let (g, n): (Vec<char>, Vec<char>) = (glob.chars().collect(), name.chars().collect());
            prop_assert_eq!(Patterns::new(std::slice::from_ref(&glob)).matches(&name), reference(&g, &n));
            prop_assert_eq!(matches_all(&glob), !glob.is_empty() && g.iter().all(|c| *c == '*'));
        }
    }
}
