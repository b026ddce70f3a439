//! How LiteLLM authenticates to a server, as far as it is said in the configuration.

use serde_json::{Value, json};

use super::scalar;
use crate::import::draft::Draft;
use crate::import::value::REPLACE_ME;

/// Sets the server's auth, and lets callers bring a credential in its place on the aggregate too, as LiteLLM does (R24).
pub(super) fn write(draft: &mut Draft<'_>, type_: &str, value: Option<&Value>) {
    let (kind, member) = match type_ {
        "" | "none" => return,
        "api_key" => ("ApiKey", "apiKey"),
        "bearer_token" => ("Bearer", "bearer"),
        "basic" => ("Basic", "basic"),
        "token" => ("Token", "token"),
        "authorization" => ("Authorization", "authorization"),
        _ => {
            let words = format!("`{type_}` is not imported: the server gets no credential; set `auth` by hand");
            return draft.say("auth_type", words);
        }
    };
    if !draft.spec.contains_key("http") {
        return draft
            .say("auth_type", "is for servers behind a URL: give a child process its credential in `stdio.env`");
    }
    if draft.spec.contains_key("auth") {
        return draft.say("auth_type", "left out: the URL has a user, who is sent as Authorization");
    }
    let value = value.and_then(scalar).unwrap_or_else(|| {
        draft.say("auth_value", format!("is missing: {REPLACE_ME} stands in the Secret, put the credential there"));
        REPLACE_ME.to_owned()
    });
    let (kind, member, value) = match (kind, value.split_once(' ')) {
        ("Bearer", Some((scheme, token))) if scheme.eq_ignore_ascii_case("bearer") => (kind, member, token),
        // What names its scheme is sent as it is.
        ("Basic", Some((scheme, _))) if scheme.eq_ignore_ascii_case("basic") => {
            ("Authorization", "authorization", value.as_str())
        }
        _ => (kind, member, value.as_str()),
    };
    let source = draft.secret("auth_value", "auth", value);
    draft.auth(kind, member, source);
    draft.spec["auth"]["clientSide"] = json!("Replace");
}
