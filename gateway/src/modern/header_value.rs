//! The value of a header that mirrors a part of the body (2026-07-28, transports/streamable-http, "Value Encoding"):
//! as it is, or in base64 where a header could not carry it.

use std::borrow::Cow;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use http::HeaderValue;

/// What the header says, without optional white space and unwrapped from `=?base64?…?=`. None if it holds what such a
/// header may not, or if the base64 is not as an encoder writes it.
pub(super) fn decoded(value: &[u8]) -> Option<Cow<'_, [u8]>> {
    let value = value.trim_ascii();
    if !value.iter().all(|byte| matches!(byte, b'\t' | b' '..=b'~')) {
        return None;
    }
    match value.strip_prefix(b"=?base64?").and_then(|rest| rest.strip_suffix(b"?=")) {
        Some(encoded) => STANDARD.decode(encoded).ok().map(Cow::Owned),
        None => Some(Cow::Borrowed(value)),
    }
}

/// What the header has to say, so that [`decoded`] gives it back: as it is where a header carries it unchanged.
pub(super) fn encoded(said: &[u8]) -> Option<HeaderValue> {
    let is_plain = said.iter().all(|byte| matches!(byte, b' '..=b'~')) && said.trim_ascii() == said;
    let is_wrapped = said.starts_with(b"=?base64?") && said.ends_with(b"?=");
    if is_plain && !is_wrapped {
        return HeaderValue::from_bytes(said).ok();
    }
    HeaderValue::try_from(format!("=?base64?{}?=", STANDARD.encode(said))).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn r6_values_are_unwrapped_or_taken_as_they_are() {
        let cases: [(&[u8], Option<&str>); 20] = [
            (b"us-west1", Some("us-west1")),
            (b" \tpadded\t ", Some("padded")),
            (b"in\tside", Some("in\tside")),
            (b"", Some("")),
            ("caf\u{e9}".as_bytes(), None),
            (b"\xff", None),
            (b"a\x7f", None),
            (b"=?base64?SGVsbG8=?=", Some("Hello")),
            (b"=?base64?SGVsbG8sIOS4lueVjA==?=", Some("Hello, \u{4e16}\u{754c}")),
            (b"=?base64?IHBhZGRlZCA=?=", Some(" padded ")),
            (b"=?base64?PT9iYXNlNjQ/bGl0ZXJhbD89?=", Some("=?base64?literal?=")),
            (b"=?base64??=", Some("")),
            (b"=?base64?=", Some("=?base64?=")),
            (b"=?base64?SGVsbG8?=", None),
            (b"=?base64?SGVs!!!bG8=?=", None),
            // bits beyond the last byte
            (b"=?base64?SGVsbG9=?=", None),
            (b"=?base64?SGVs bG8=?=", None),
            (b"SGVsbG8=", Some("SGVsbG8=")),
            (b"=?base64?SGVsbG8=", Some("=?base64?SGVsbG8=")),
            (b"=?BASE64?SGVsbG8=?=", Some("=?BASE64?SGVsbG8=?=")),
        ];
        for (value, expected) in cases {
            let said = decoded(value);
            assert_eq!(said.as_deref(), expected.map(str::as_bytes), "{}", String::from_utf8_lossy(value));
        }
    }

    #[test]
    fn r6_values_are_wrapped_only_where_a_header_could_not_carry_them() {
        let cases = [
            ("us-west1", "us-west1"),
            ("", ""),
            ("a b", "a b"),
            ("Hello, \u{4e16}\u{754c}", "=?base64?SGVsbG8sIOS4lueVjA==?="),
            (" padded ", "=?base64?IHBhZGRlZCA=?="),
            ("=?base64?literal?=", "=?base64?PT9iYXNlNjQ/bGl0ZXJhbD89?="),
            ("=?base64?=", "=?base64?PT9iYXNlNjQ/PQ==?="),
            ("a\tb", "=?base64?YQli?="),
            ("a\r\nHost: b", "=?base64?YQ0KSG9zdDogYg==?="),
        ];
        for (said, expected) in cases {
            let value = encoded(said.as_bytes()).unwrap();
            assert_eq!(value.to_str().unwrap(), expected, "{said:?}");
            assert_eq!(decoded(value.as_bytes()).as_deref(), Some(said.as_bytes()), "{said:?}");
        }
    }
}
