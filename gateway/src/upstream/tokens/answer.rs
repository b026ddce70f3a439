//! What a token endpoint answers (RFC 6749, sections 5.1 and 5.2; RFC 8693,
//! section 2.2). Nothing of its body is ever told but which of the known errors
//! it names (R21).

use std::time::Duration;

use crds::snapshot::TokenGrant;
use http::{HeaderValue, StatusCode};
use serde::Deserialize;

use super::endpoint::TokenError;

/// How long a token counts whose endpoint does not say.
const UNSAID: Duration = Duration::from_secs(60);
/// The shortest and the longest that a token counts, whatever its endpoint says.
const SHORTEST: Duration = Duration::from_secs(1);
const LONGEST: Duration = Duration::from_secs(24 * 60 * 60);
/// The largest token, in bytes: what servers take of a header is not more.
const LARGEST: usize = 16 * 1024;

/// The errors of RFC 6749 (5.2), RFC 8693 (2.2.2), RFC 8707 (2), and of OpenID Connect, by which Microsoft Entra says that
/// the user has to sign in anew.
const ERRORS: [&str; 8] = [
    "invalid_request",
    "invalid_client",
    "invalid_grant",
    "unauthorized_client",
    "unsupported_grant_type",
    "invalid_scope",
    "invalid_target",
    "interaction_required",
];

/// The types that are taken where none was asked for: what a server can be shown.
const TAKEN: [&str; 2] = ["urn:ietf:params:oauth:token-type:access_token", "urn:ietf:params:oauth:token-type:jwt"];

/// A token that was issued.
pub(super) struct Granted {
    /// As requests bear it, `Bearer` included.
    pub(super) value: HeaderValue,
    /// How long it counts from when it was asked for.
    pub(super) lifetime: Duration,
}

/// Reads an answer to a request of this grant.
pub(super) fn read(status: StatusCode, body: &[u8], grant: &TokenGrant) -> Result<Granted, TokenError> {
    #[derive(Deserialize)]
    struct Answer {
        access_token: String,
        token_type: Option<String>,
        issued_token_type: Option<String>,
        expires_in: Option<Seconds>,
    }
    if status != StatusCode::OK {
        return Err(TokenError::Refused { status: status.as_u16(), error: error_of(body) });
    }
    let issued: Answer = serde_json::from_slice(body).map_err(|_| TokenError::Unreadable("is not a token"))?;
    check_types(issued.token_type.as_deref(), issued.issued_token_type.as_deref(), grant)?;
    Ok(Granted {
        value: header(&issued.access_token).ok_or(TokenError::Unreadable("has a token that no header can carry"))?,
        lifetime: issued.expires_in.map_or(UNSAID, Seconds::duration),
    })
}

/// A token of a type that we do not know how to show is not shown (RFC 6749, section 7.1).
fn check_types(token_type: Option<&str>, issued: Option<&str>, grant: &TokenGrant) -> Result<(), TokenError> {
    let is = |word: &str| token_type.is_none_or(|type_| type_.eq_ignore_ascii_case(word));
    let TokenGrant::Exchange { requested_token_type, .. } = grant else {
        return if is("bearer") { Ok(()) } else { Err(TokenError::Unreadable("has a token that is no bearer token")) };
    };
    if !is("bearer") && !is("n_a") {
        return Err(TokenError::Unreadable("has a token that is no bearer token"));
    }
    let is_taken = match (issued, requested_token_type) {
        (None, _) => true,
        (Some(issued), Some(requested)) => issued == requested,
        (Some(issued), None) => TAKEN.contains(&issued),
    };
    if is_taken { Ok(()) } else { Err(TokenError::Unreadable("has a token of another type than was asked for")) }
}

fn header(token: &str) -> Option<HeaderValue> {
    let is_one_word = !token.is_empty() && token.len() <= LARGEST && token.bytes().all(|byte| byte.is_ascii_graphic());
    let mut value = HeaderValue::from_str(&format!("Bearer {token}")).ok().filter(|_| is_one_word)?;
    value.set_sensitive(true);
    Some(value)
}

fn error_of(body: &[u8]) -> Option<&'static str> {
    #[derive(Deserialize)]
    struct Refusal {
        error: String,
    }
    let refusal: Refusal = serde_json::from_slice(body).ok()?;
    ERRORS.into_iter().find(|known| *known == refusal.error)
}

/// A number of seconds, which some endpoints write as a text.
#[derive(Deserialize)]
#[serde(untagged)]
enum Seconds {
    Number(f64),
    Text(String),
}

impl Seconds {
    fn duration(self) -> Duration {
        let seconds = match self {
            Seconds::Number(seconds) => Some(seconds),
            Seconds::Text(text) => text.trim().parse().ok(),
        };
        // What is less than nothing is nothing, and what is no number is not said.
        seconds.map_or(UNSAID, |seconds| {
            let bounded = seconds.clamp(SHORTEST.as_secs_f64(), LONGEST.as_secs_f64());
            Duration::try_from_secs_f64(bounded).unwrap_or(UNSAID)
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const EXCHANGE: TokenGrant = TokenGrant::Exchange { subject_token_type: String::new(), requested_token_type: None };

    fn ok(body: &str, grant: &TokenGrant) -> Result<(String, u64), String> {
        let granted = read(StatusCode::OK, body.as_bytes(), grant).map_err(|error| error.to_string())?;
        assert!(granted.value.is_sensitive());
        let value = granted.value.to_str().map_err(|error| error.to_string())?;
        Ok((value.to_owned(), granted.lifetime.as_secs()))
    }

    #[test]
    fn a_token_counts_for_as_long_as_its_endpoint_says() {
        let of = |expires: &str| {
            let body = format!(r#"{{"access_token":"t","token_type":"bearer"{expires}}}"#);
            let (value, seconds) = ok(&body, &TokenGrant::ClientCredentials).unwrap();
            assert_eq!(value, "Bearer t");
            seconds
        };
        assert_eq!(of(r#","expires_in":3600"#), 3600);
        assert_eq!(of(r#","expires_in":3599.9"#), 3599);
        assert_eq!(of(r#","expires_in":"300""#), 300);
        assert_eq!(of(r#","expires_in":"soon""#), 60);
        assert_eq!(of(r#","expires_in":"NaN""#), 60);
        assert_eq!(of(r#","expires_in":null"#), 60);
        assert_eq!(of(""), 60);
        assert_eq!(of(r#","expires_in":0"#), 1);
        assert_eq!(of(r#","expires_in":-5"#), 1);
        assert_eq!(of(r#","expires_in":1e300"#), 86_400);
    }

    #[test]
    fn only_a_bearer_token_that_a_header_can_carry_is_one() {
        let bearer = |token: &str| {
            let body = serde_json::json!({"access_token": token, "token_type": "Bearer"}).to_string();
            ok(&body, &TokenGrant::ClientCredentials).is_ok()
        };
        assert!(bearer("a.b-c_d~e+f/g="));
        for bad in ["", "a b", "a\r\nx: y", "ä", &"a".repeat(LARGEST + 1)] {
            assert!(!bearer(bad), "{bad}");
        }
        for body in [
            r#"{"access_token":"secret","token_type":"DPoP"}"#,
            r#"{"access_token":"secret","token_type":"N_A"}"#,
            r#"{"token":"secret"}"#,
            r#"{"access_token":"secret","access_token":"other"}"#,
            "secret",
        ] {
            let error = ok(body, &TokenGrant::ClientCredentials).unwrap_err();
            assert!(!error.contains("secret") && !error.contains("DPoP"), "{error}");
        }
        assert!(ok(r#"{"access_token":"t"}"#, &TokenGrant::ClientCredentials).is_ok(), "of no type is one");
    }

    #[test]
    fn an_exchange_gives_what_was_asked_for_or_what_a_server_can_be_shown() {
        let of = |issued: &str, grant: &TokenGrant| {
            let body = format!(r#"{{"access_token":"t","token_type":"N_A","issued_token_type":"{issued}"}}"#);
            ok(&body, grant).is_ok()
        };
        assert!(TAKEN.iter().all(|type_| of(type_, &EXCHANGE)));
        assert!(!of("urn:ietf:params:oauth:token-type:refresh_token", &EXCHANGE));
        let requested = "urn:example:own".to_owned();
        let own = TokenGrant::Exchange { subject_token_type: String::new(), requested_token_type: Some(requested) };
        assert!(of("urn:example:own", &own) && !of(TAKEN[0], &own));
        assert!(ok(r#"{"access_token":"t"}"#, &own).is_ok(), "it did not say");
    }

    #[test]
    fn r21_a_refusal_is_told_by_its_status_and_a_known_error_alone() {
        let refused = |body: &str| {
            let refused = read(StatusCode::BAD_REQUEST, body.as_bytes(), &TokenGrant::ClientCredentials);
            refused.err().unwrap().to_string()
        };
        let named = refused(r#"{"error":"invalid_client","error_description":"secret"}"#);
        assert_eq!(named, "its token endpoint answered HTTP 400 (invalid_client)");
        for body in [r#"{"error":"secret"}"#, r#"{"error":["secret"]}"#, "secret", ""] {
            assert_eq!(refused(body), "its token endpoint answered HTTP 400");
        }
    }
}
