//! How LiteLLM authenticates to a server, as far as it is said in the configuration.

use serde_json::{Map, Value, json};

use super::{scalar, texts};
use crate::import::draft::Draft;
use crate::import::value::REPLACE_ME;

/// Sets the server's auth, and lets callers bring a credential in its place on the aggregate too, as LiteLLM does (R24).
pub(super) fn write(draft: &mut Draft<'_>, entry: &Map<String, Value>) {
    let type_ = entry.get("auth_type").and_then(scalar).unwrap_or_default();
    let (kind, member) = match &*type_ {
        "" | "none" => return,
        "oauth2" => return client_credentials(draft, entry),
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
    let value = entry.get("auth_value").or(entry.get("authentication_token")).and_then(scalar).unwrap_or_else(|| {
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
    draft.auth(kind, member, &source);
    draft.spec["auth"]["clientSide"] = json!("Replace");
}

/// A token of the gateway's own, where the entry has what that takes; else somebody would sign in with a browser.
fn client_credentials(draft: &mut Draft<'_>, entry: &Map<String, Value>) {
    let text = |member: &str| entry.get(member).and_then(scalar);
    let is_of_user = text("oauth2_flow").is_some_and(|flow| flow != "client_credentials");
    let (Some(url), Some(id), Some(secret), false) =
        (text("token_url"), text("client_id"), text("client_secret"), is_of_user)
    else {
        let words = "`oauth2` in which each user signs in with a browser is not imported: callers bring their token in \
                     `x-mcp-auth`; for a token of the gateway's own set `auth` by hand";
        return draft.say("auth_type", words);
    };
    if !draft.spec.contains_key("http") {
        return draft.say("auth_type", "is for servers behind a URL: left out");
    }
    let id = draft.secret("client_id", "client-id", &id);
    let secret = draft.secret("client_secret", "client-secret", &secret);
    // As LiteLLM says who it is.
    let mut member = json!({
        "tokenUrl": url, "clientId": {"valueFrom": id}, "clientSecret": {"valueFrom": secret}, "clientAuthentication": "Post",
    });
    let scopes = texts(entry.get("scopes"));
    if !scopes.is_empty() {
        member["scopes"] = json!(scopes);
    }
    draft.spec.insert(
        "auth".to_owned(),
        json!({"type": "OAuth2ClientCredentials", "oauth2ClientCredentials": member, "clientSide": "Replace"}),
    );
}
