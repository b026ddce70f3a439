//! Lists of exact names and globs over native names: `*` any characters, `?`
//! one character, case-sensitive, nothing else special.

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
        self.0.binary_search_by(|glob| glob.as_str().cmp(name)).is_ok()
            || self.0.iter().any(|glob| has_wildcard(glob) && glob_matches(glob, name))
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
