//! What a value is: plain, a secret until the contrary is known, or a reference to something that is not here.

use serde_json::Value;

/// What stands for what is to be filled in.
pub(super) const REPLACE_ME: &str = "REPLACE_ME";

/// What names of secrets have in them, lower case.
const SECRET_WORDS: [&str; 16] = [
    "key", "token", "secret", "pass", "pwd", "auth", "cred", "cookie", "session", "sign", "salt", "seed", "pin",
    "private", "dsn", "code",
];

/// Values that tell nobody anything, lower case.
const PLAIN_WORDS: [&str; 23] = [
    "",
    "true",
    "false",
    "yes",
    "no",
    "on",
    "off",
    "none",
    "stdio",
    "http",
    "sse",
    "json",
    "text",
    "trace",
    "debug",
    "info",
    "warn",
    "warning",
    "error",
    "production",
    "development",
    "staging",
    "test",
];

/// How secrets of well-known services begin, lower case.
const SECRET_BEGINNINGS: [&str; 12] =
    ["sk-", "sk_", "pk-", "ghp_", "gho_", "github_pat_", "glpat-", "xoxb-", "xoxp-", "eyj", "akia", "bearer "];

/// Whether a value may stand in an object that many may read: only what obviously tells nothing.
pub(super) fn is_plain(name: &str, value: &str) -> bool {
    let is_number = value.len() <= 5 && value.bytes().all(|byte| byte.is_ascii_digit());
    !is_secret_name(name) && (is_number || PLAIN_WORDS.contains(&value.to_ascii_lowercase().as_str()))
}

/// Whether something of this name is a secret as a rule.
pub(super) fn is_secret_name(name: &str) -> bool {
    let name = name.to_ascii_lowercase();
    SECRET_WORDS.iter().any(|word| name.contains(word))
}

/// Whether an argument looks like a secret by itself.
pub(super) fn looks_secret(text: &str) -> bool {
    let value = text.rsplit(['=', ':']).next().unwrap_or(text).trim();
    begins_as_secret(value) || begins_as_secret(text) || is_random(value)
}

/// Whether nothing of a URL may be a secret: no query, and no word of the path that looks like one.
pub(super) fn is_plain_url(url: &str) -> bool {
    let path = url.split_once("://").map_or(url, |(_, rest)| rest);
    !url.contains('?') && !path.split('/').skip(1).any(|word| begins_as_secret(word) || is_random(word))
}

fn begins_as_secret(text: &str) -> bool {
    let text = text.to_ascii_lowercase();
    SECRET_BEGINNINGS.iter().any(|beginning| text.starts_with(beginning))
}

/// Long, one word, and both letters and digits: nobody names a thing so.
fn is_random(word: &str) -> bool {
    word.len() >= 20
        && word.bytes().all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_' | b'.' | b'+' | b'='))
        && word.bytes().any(|byte| byte.is_ascii_digit())
        && word.bytes().any(|byte| byte.is_ascii_alphabetic())
}

/// A value with what it refers to taken out.
pub(super) struct Filled {
    /// The value, with [`REPLACE_ME`], or the default that the reference gives, where a reference stood.
    pub(super) text: String,
    /// What the references name, as in `env:TOKEN`.
    pub(super) open: Vec<String>,
    /// References that gave a default.
    pub(super) defaulted: Vec<String>,
}

/// Fills in what cannot be looked up here: `${env:X}`, `${input:X}`, `${X}`, `${X:-default}`.
pub(super) fn fill(value: &str) -> Filled {
    let mut filled = Filled { text: String::new(), open: Vec::new(), defaulted: Vec::new() };
    let mut rest = value;
    while let Some((before, reference, after)) = next_reference(rest) {
        filled.text.push_str(before);
        if is_header(reference) {
            for part in ["${", reference, "}"] {
                filled.text.push_str(part);
            }
            rest = after;
            continue;
        }
        if let Some((name, default)) = reference.split_once(":-") {
            filled.text.push_str(default);
            filled.defaulted.push(name.to_owned());
        } else {
            filled.text.push_str(REPLACE_ME);
            filled.open.push(reference.to_owned());
        }
        rest = after;
    }
    filled.text.push_str(rest);
    filled
}

/// Whether a reference is to the caller's header of that name, which is looked up here too; no variable has such a name.
fn is_header(reference: &str) -> bool {
    reference.get(..2).is_some_and(|start| start.eq_ignore_ascii_case("x-"))
}

/// Whether a value is the caller's header and nothing else.
pub(super) fn is_callers_header(value: &str) -> bool {
    next_reference(value).is_some_and(|(before, name, after)| before.is_empty() && after.is_empty() && is_header(name))
}

fn next_reference(text: &str) -> Option<(&str, &str, &str)> {
    let (before, rest) = text.split_once("${")?;
    let (reference, after) = rest.split_once('}')?;
    Some((before, reference, after))
}

/// A value of a file as text; none if it holds others.
pub(super) fn scalar(value: &Value) -> Option<String> {
    match value {
        Value::String(text) => Some(text.clone()),
        Value::Number(number) => Some(number.to_string()),
        Value::Bool(word) => Some(word.to_string()),
        Value::Null | Value::Array(_) | Value::Object(_) => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_not_obviously_harmless_is_a_secret() {
        for (name, value) in [("LOG_LEVEL", "debug"), ("PORT", "8080"), ("NODE_ENV", "production"), ("DEBUG", "1")] {
            assert!(is_plain(name, value), "{name}");
        }
        for (name, value) in [
            ("API_KEY", "1"),
            ("PIN", "4711"),
            ("GITHUB_TOKEN", ""),
            ("HOST", "db.corp"),
            ("N", "123456"),
            ("X", "sk-1"),
        ] {
            assert!(!is_plain(name, value), "{name}");
        }
    }

    #[test]
    fn secrets_in_urls_and_arguments_are_seen() {
        assert!(is_plain_url("https://mcp.example.com:8443/v1/mcp"));
        for url in ["https://h/mcp?token=a", "https://h/mcp/sk-xxxxx/sse", "https://h/s/4f1c2b7a9e8d4c1fa0b3/mcp"] {
            assert!(!is_plain_url(url), "{url}");
        }
        for text in ["--api-key=sk-abc", "Authorization: Bearer abc", "ghp_abcdefgh", "a1b2c3d4e5f6a7b8c9d0e1"] {
            assert!(looks_secret(text), "{text}");
        }
        for text in ["-y", "@modelcontextprotocol/server-filesystem@2026.1.14", "/home/me/projects", "--port=8080"] {
            assert!(!looks_secret(text), "{text}");
        }
    }

    #[test]
    fn references_are_filled_and_named() {
        let filled = fill("Bearer ${input:pat}, ${HOST:-localhost} ${env:A}${");
        assert_eq!(filled.text, "Bearer REPLACE_ME, localhost REPLACE_ME${");
        assert_eq!(
            (filled.open, filled.defaulted),
            (vec!["input:pat".into(), "env:A".into()], vec!["HOST".to_owned()])
        );
    }
}
