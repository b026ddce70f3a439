//! Marked values, planted in places that hold secrets, to be looked for in
//! whatever leaves a process.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};

use base64::Engine;
use base64::engine::general_purpose::STANDARD;

/// Marked values, each with the place that it was planted in. Clones are one.
#[derive(Clone, Default)]
pub struct Marks(Arc<Mutex<BTreeMap<String, String>>>);

impl Marks {
    /// A value that stands nowhere else.
    pub fn plant(&self, place: &str) -> String {
        let mut marks = self.0.lock().unwrap();
        let value = format!("pl4nt3d-{:03}-s3cr3t-v4lue", marks.len());
        marks.insert(value.clone(), place.to_owned());
        value
    }

    /// A token whose signature is remembered: it is what must not be seen of it.
    pub fn token(&self, place: &str, token: String) -> String {
        let signature = token.rsplit_once('.').unwrap().1.to_owned();
        self.0.lock().unwrap().insert(signature, place.to_owned());
        token
    }

    /// Where a planted value is found, in whatever dress, in something that left the process.
    pub fn found_in(&self, what: &str, text: &str) -> Vec<String> {
        let marks = self.0.lock().unwrap();
        let dresses = |value: &str| [value.to_owned(), STANDARD.encode(value), value.to_uppercase()];
        let seen = marks.iter().filter(|(value, _)| dresses(value).iter().any(|dress| text.contains(dress)));
        seen.map(|(_, place)| format!("{place}, in {what}")).collect()
    }

    /// How many there are.
    pub fn count(&self) -> usize {
        self.0.lock().unwrap().len()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_value_is_found_in_every_dress_and_named_by_its_place() {
        let marks = Marks::default();
        let (one, _) = (marks.plant("a header"), marks.plant("a URL"));
        let token = marks.token("a token", "header.payload.signature".to_owned());
        assert_eq!(marks.count(), 3);
        for text in [format!("x{one}y"), STANDARD.encode(&one), one.to_uppercase()] {
            assert_eq!(marks.found_in("a log", &text), ["a header, in a log"]);
        }
        assert_eq!(marks.found_in("a log", &token), ["a token, in a log"]);
        assert!(marks.found_in("a log", "header.payload").is_empty());
    }
}
