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
        "oauth2" | "oauth2_token_exchange" | "true_passthrough" | "oauth_delegate"
            if !draft.spec.contains_key("http") =>
        {
            return draft.say("auth_type", "is for servers behind a URL: left out");
        }
        "oauth2" => return client_credentials(draft, entry),
        "oauth2_token_exchange" => return token_exchange(draft, entry),
        _ if passes_through(entry) => return,
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

/// Whether the server gets the `Authorization` that the caller brings: a header that is forwarded.
pub(super) fn passes_through(entry: &Map<String, Value>) -> bool {
    matches!(entry.get("auth_type").and_then(scalar).as_deref(), Some("true_passthrough" | "oauth_delegate"))
}

/// A token of the gateway's own, where the entry has what that takes; else somebody would sign in with a browser.
fn client_credentials(draft: &mut Draft<'_>, entry: &Map<String, Value>) {
    let text = |member: &str| entry.get(member).and_then(scalar);
    let is_of_user = text("oauth2_flow").is_some_and(|flow| flow != "client_credentials");
    let member = if is_of_user { None } else { token_client(draft, entry, text("token_url")) };
    let Some(member) = member else {
        let words = "`oauth2` in which each user signs in with a browser is not imported: callers bring their token in \
                     `x-mcp-auth`; for a token of the gateway's own set `auth` by hand";
        return draft.say("auth_type", words);
    };
    fetched(draft, "OAuth2ClientCredentials", "oauth2ClientCredentials", &member);
}

/// A token for each caller, where the entry has what that takes.
fn token_exchange(draft: &mut Draft<'_>, entry: &Map<String, Value>) {
    let text = |member: &str| entry.get(member).and_then(scalar);
    let url = text("token_exchange_endpoint").or_else(|| text("token_url"));
    let is_on_behalf_of = text("token_exchange_profile").as_deref() == Some("entra_obo");
    if is_on_behalf_of && texts(entry.get("scopes")).is_empty() {
        return draft.say("scopes", "are missing, which say what the token is for: set `auth` by hand");
    }
    let Some(mut member) = token_client(draft, entry, url) else {
        let words = "lacks `token_exchange_endpoint` and `token_url`, `client_id` or `client_secret`: the server gets no \
                     credential; set `auth` by hand";
        return draft.say("auth_type", words);
    };
    if is_on_behalf_of {
        member.insert("flow".to_owned(), json!("OnBehalfOf"));
        // What this flow has no words for, and LiteLLM does not send.
        member.remove("audience");
    } else if let Some(type_) = text("subject_token_type") {
        member.insert("subjectTokenType".to_owned(), json!(type_));
    }
    fetched(draft, "TokenExchange", "tokenExchange", &member);
}

/// What the gateway is to a token endpoint, and what it asks for; none where the entry does not say.
fn token_client(draft: &mut Draft<'_>, entry: &Map<String, Value>, url: Option<String>) -> Option<Map<String, Value>> {
    let text = |member: &str| entry.get(member).and_then(scalar);
    let (url, id, secret) = (url?, text("client_id")?, text("client_secret")?);
    let id = draft.secret("client_id", "client-id", &id);
    let secret = draft.secret("client_secret", "client-secret", &secret);
    let is_basic = text("token_endpoint_auth_method").as_deref() == Some("client_secret_basic");
    let mut member = Map::new();
    member.insert("tokenUrl".to_owned(), json!(url));
    member.insert("clientId".to_owned(), json!({ "valueFrom": id }));
    member.insert("clientSecret".to_owned(), json!({ "valueFrom": secret }));
    member.insert("clientAuthentication".to_owned(), json!(if is_basic { "Basic" } else { "Post" }));
    let scopes = texts(entry.get("scopes"));
    if !scopes.is_empty() {
        member.insert("scopes".to_owned(), json!(scopes));
    }
    if let Some(audience) = text("audience") {
        member.insert("audience".to_owned(), json!(audience));
    }
    Some(member)
}

fn fetched(draft: &mut Draft<'_>, type_: &str, name: &str, member: &Map<String, Value>) {
    draft.spec.insert("auth".to_owned(), json!({"type": type_, name: member, "clientSide": "Replace"}));
}
