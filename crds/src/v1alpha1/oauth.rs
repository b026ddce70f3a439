//! Where tokens for a server come from that are fetched before it is asked.

use kube::KubeSchema;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::Value;
use super::http::{NO_FRAGMENT, NO_FRAGMENT_MESSAGE, NO_USER};
use super::patterns::{ABSOLUTE_URI, PRINTABLE, SCOPE, URL};

const NO_USER_MESSAGE: &str =
    "a token endpoint's URL holds no user name or password: take them out and set `clientId` and `clientSecret`";

/// A token for the gateway itself (RFC 6749, section 4.4), the same for every caller.
#[derive(Clone, Debug, Default, Deserialize, Eq, KubeSchema, PartialEq, Serialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct OAuth2ClientCredentials {
    /// The token endpoint, http or https, at most 2048 characters, without user name, password or fragment.
    #[schemars(length(min = 1, max = 2048), regex(pattern = URL))]
    #[x_kube(validation = Rule::new(NO_USER).message(NO_USER_MESSAGE))]
    #[x_kube(validation = Rule::new(NO_FRAGMENT).message(NO_FRAGMENT_MESSAGE))]
    pub token_url: String,
    /// The client that the gateway is to the token endpoint.
    pub client_id: Value,
    /// The client's secret.
    pub client_secret: Value,
    /// How the client authenticates. Basic (default): by HTTP Basic. Post: by `client_id` and `client_secret` in the body.
    #[serde(default)]
    pub client_authentication: ClientAuthentication,
    /// The scopes that are asked for, at most 64. Default: those that the token endpoint gives by itself.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(max = 64), inner(length(min = 1, max = 256), regex(pattern = SCOPE)))]
    pub scopes: Option<Vec<String>>,
    /// `audience` of the request: whom the token is for, as the token endpoint names it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(min = 1, max = 1024), regex(pattern = PRINTABLE))]
    pub audience: Option<String>,
    /// `resource` of the request (RFC 8707): the URI of what the token is for.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(min = 1, max = 1024), regex(pattern = ABSOLUTE_URI))]
    pub resource: Option<String>,
}

/// What the flow of Microsoft Entra needs, and what it has no words for.
const ON_BEHALF_OF: &str = "self.flow != 'OnBehalfOf' || has(self.scopes) && size(self.scopes) > 0 && !has(self.audience) \
    && !has(self.resource) && !has(self.subjectTokenType) && !has(self.requestedTokenType)";
const ON_BEHALF_OF_MESSAGE: &str = "with `flow: OnBehalfOf` the `scopes` say what the token is for, and there is no audience, resource or type of token";

/// A token for each caller, in exchange for that by which the caller was identified.
#[derive(Clone, Debug, Default, Deserialize, Eq, KubeSchema, PartialEq, Serialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
#[x_kube(validation = Rule::new(ON_BEHALF_OF).message(ON_BEHALF_OF_MESSAGE))]
pub struct TokenExchange {
    /// How the token endpoint is shown a caller's token. TokenExchange (default): as `subject_token`, by RFC 8693.
    /// OnBehalfOf: as `assertion` of RFC 7523 with `requested_token_use=on_behalf_of`, as Microsoft Entra wants it; then
    /// `scopes` say what the token is for.
    #[serde(default)]
    pub flow: ExchangeFlow,
    /// The token endpoint, http or https, at most 2048 characters, without user name, password or fragment. It gets
    /// the callers' tokens.
    #[schemars(length(min = 1, max = 2048), regex(pattern = URL))]
    #[x_kube(validation = Rule::new(NO_USER).message(NO_USER_MESSAGE))]
    #[x_kube(validation = Rule::new(NO_FRAGMENT).message(NO_FRAGMENT_MESSAGE))]
    pub token_url: String,
    /// The client that the gateway is to the token endpoint.
    pub client_id: Value,
    /// The client's secret.
    pub client_secret: Value,
    /// How the client authenticates. Basic (default): by HTTP Basic. Post: by `client_id` and `client_secret` in the body.
    #[serde(default)]
    pub client_authentication: ClientAuthentication,
    /// The scopes that are asked for, at most 64. Default: those that the token endpoint gives by itself.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(max = 64), inner(length(min = 1, max = 256), regex(pattern = SCOPE)))]
    pub scopes: Option<Vec<String>>,
    /// `audience` of the request: the name of what the token is for.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(min = 1, max = 1024), regex(pattern = PRINTABLE))]
    pub audience: Option<String>,
    /// `resource` of the request: the URI of what the token is for.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(min = 1, max = 1024), regex(pattern = ABSOLUTE_URI))]
    pub resource: Option<String>,
    /// What a caller's token is to the token endpoint. Default: `urn:ietf:params:oauth:token-type:access_token`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(min = 1, max = 256), regex(pattern = ABSOLUTE_URI))]
    pub subject_token_type: Option<String>,
    /// The type of token that is asked for; another is not taken. Default: none is named, and an access token or a JWT is taken.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(min = 1, max = 256), regex(pattern = ABSOLUTE_URI))]
    pub requested_token_type: Option<String>,
}

/// How a token endpoint is shown a caller's token.
#[derive(Clone, Copy, Debug, Default, Deserialize, Eq, JsonSchema, PartialEq, Serialize)]
pub enum ExchangeFlow {
    /// By RFC 8693.
    #[default]
    TokenExchange,
    /// By the On-Behalf-Of flow of Microsoft Entra.
    OnBehalfOf,
}

/// How a client says to a token endpoint who it is (RFC 6749, section 2.3.1).
#[derive(Clone, Copy, Debug, Default, Deserialize, Eq, JsonSchema, PartialEq, Serialize)]
pub enum ClientAuthentication {
    /// By HTTP Basic, both words form-encoded first.
    #[default]
    Basic,
    /// By `client_id` and `client_secret` in the body.
    Post,
}
