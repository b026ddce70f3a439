//! What a token endpoint is sent: a form, and who asks (RFC 6749, sections
//! 2.3.1 and 4.4.2; RFC 8693, section 2.1; RFC 7523, section 2.1).

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use crds::snapshot::{ClientAuthentication, TokenClient, TokenGrant, TokenRequest};
use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};

/// All that a form does not bear as it is. A space too: `%20` and `+` are one to whoever reads forms, and who does not
/// decode them gets the fewer signs changed.
const ENCODED: AsciiSet = NON_ALPHANUMERIC.remove(b'-').remove(b'.').remove(b'_').remove(b'~').remove(b'*');

/// A form under way.
struct Form(String);

/// The value of `Authorization` for a client that authenticates by it. White space around a value, such as the newline
/// at the end of a file, is not part of it.
pub(super) fn basic(client: &TokenClient) -> String {
    let encoded = |text: &str| utf8_percent_encode(text.trim(), &ENCODED).to_string();
    let pair = format!("{}:{}", encoded(&client.id), encoded(&client.secret));
    format!("Basic {}", STANDARD.encode(pair))
}

/// The body of a request; `subject` is the caller's token, where one is exchanged.
pub(super) fn body(request: &TokenRequest, client: &TokenClient, subject: Option<&str>) -> String {
    let mut form = Form(String::with_capacity(256));
    match &request.grant {
        TokenGrant::ClientCredentials => form.add("grant_type", "client_credentials"),
        TokenGrant::Exchange { subject_token_type, requested_token_type } => {
            form.add("grant_type", "urn:ietf:params:oauth:grant-type:token-exchange");
            form.add("subject_token", subject.unwrap_or_default());
            form.add("subject_token_type", subject_token_type);
            form.add_if("requested_token_type", requested_token_type.as_deref());
        }
        // learn.microsoft.com/entra/identity-platform/v2-oauth2-on-behalf-of-flow
        TokenGrant::OnBehalfOf => {
            form.add("grant_type", "urn:ietf:params:oauth:grant-type:jwt-bearer");
            form.add("assertion", subject.unwrap_or_default());
            form.add("requested_token_use", "on_behalf_of");
        }
    }
    if !request.scopes.is_empty() {
        form.add("scope", &request.scopes.join(" "));
    }
    form.add_if("audience", request.audience.as_deref());
    form.add_if("resource", request.resource.as_deref());
    if request.authentication == ClientAuthentication::Post {
        form.add("client_id", client.id.trim());
        form.add("client_secret", client.secret.trim());
    }
    form.0
}

impl Form {
    fn add(&mut self, name: &str, value: &str) {
        if !self.0.is_empty() {
            self.0.push('&');
        }
        self.0.push_str(name);
        self.0.push('=');
        self.0.extend(utf8_percent_encode(value, &ENCODED));
    }

    fn add_if(&mut self, name: &str, value: Option<&str>) {
        if let Some(value) = value {
            self.add(name, value);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn client() -> TokenClient {
        TokenClient { url: String::new(), id: "my client".to_owned(), secret: "a:b+c%~\n".to_owned() }
    }

    fn request(grant: TokenGrant) -> TokenRequest {
        TokenRequest {
            origin: String::new(),
            grant,
            authentication: ClientAuthentication::Basic,
            scopes: Vec::new(),
            audience: None,
            resource: None,
        }
    }

    #[test]
    fn basic_has_both_words_encoded_so_that_a_colon_parts_them() {
        let encoded = basic(&client());
        let pair = STANDARD.decode(encoded.strip_prefix("Basic ").unwrap()).unwrap();
        assert_eq!(str::from_utf8(&pair), Ok("my%20client:a%3Ab%2Bc%25~"));
    }

    #[test]
    fn what_is_not_declared_is_not_asked_for() {
        assert_eq!(body(&request(TokenGrant::ClientCredentials), &client(), None), "grant_type=client_credentials");
    }

    #[test]
    fn scopes_are_one_word_each_and_the_client_is_in_the_body_if_it_is_to_be() {
        let asked = TokenRequest {
            authentication: ClientAuthentication::Post,
            scopes: vec!["tools:read".to_owned(), "b".to_owned()],
            audience: Some("the tools".to_owned()),
            resource: Some("https://a.example/mcp?x=1&y".to_owned()),
            ..request(TokenGrant::ClientCredentials)
        };
        let expected = "grant_type=client_credentials&scope=tools%3Aread%20b&audience=the%20tools\
            &resource=https%3A%2F%2Fa.example%2Fmcp%3Fx%3D1%26y&client_id=my%20client&client_secret=a%3Ab%2Bc%25~";
        assert_eq!(body(&asked, &client(), None), expected);
    }

    #[test]
    fn an_exchange_shows_the_callers_token_and_what_it_is() {
        let grant = TokenGrant::Exchange {
            subject_token_type: "urn:example:jwt".to_owned(),
            requested_token_type: Some("urn:example:at".to_owned()),
        };
        let expected = "grant_type=urn%3Aietf%3Aparams%3Aoauth%3Agrant-type%3Atoken-exchange&subject_token=a.b%2Fc\
            &subject_token_type=urn%3Aexample%3Ajwt&requested_token_type=urn%3Aexample%3Aat";
        assert_eq!(body(&request(grant), &client(), Some("a.b/c")), expected);
        let asked = TokenRequest { scopes: vec!["api://a/.default".to_owned()], ..request(TokenGrant::OnBehalfOf) };
        let expected = "grant_type=urn%3Aietf%3Aparams%3Aoauth%3Agrant-type%3Ajwt-bearer&assertion=a.b%2Fc\
            &requested_token_use=on_behalf_of&scope=api%3A%2F%2Fa%2F.default";
        assert_eq!(body(&asked, &client(), Some("a.b/c")), expected);
    }
}
