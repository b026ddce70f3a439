//! How the gateway authenticates to a server.

use kube::KubeSchema;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::http::{FREE_HEADER, FREE_HEADER_MESSAGE};
use super::patterns::{HEADER_NAME, HEADER_VALUE};
use super::{OAuth2ClientCredentials, ONE_VALUE, ONE_VALUE_MESSAGE, TokenExchange, Value, ValueSource};

/// How the gateway authenticates to the server: a type and the member of that type, no other.
#[derive(Clone, Debug, Default, Deserialize, Eq, KubeSchema, PartialEq, Serialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
#[x_kube(
    validation = Rule::new("(self.type == 'ApiKey') == has(self.apiKey)")
        .message("`apiKey` goes with `type: ApiKey` and only with it"),
    validation = Rule::new("(self.type == 'Bearer') == has(self.bearer)")
        .message("`bearer` goes with `type: Bearer` and only with it"),
    validation = Rule::new("(self.type == 'Basic') == has(self.basic)")
        .message("`basic` goes with `type: Basic` and only with it"),
    validation = Rule::new("(self.type == 'Token') == has(self.token)")
        .message("`token` goes with `type: Token` and only with it"),
    validation = Rule::new("(self.type == 'Authorization') == has(self.authorization)")
        .message("`authorization` goes with `type: Authorization` and only with it"),
    validation = Rule::new("(self.type == 'OAuth2ClientCredentials') == has(self.oauth2ClientCredentials)")
        .message("`oauth2ClientCredentials` goes with `type: OAuth2ClientCredentials` and only with it"),
    validation = Rule::new("(self.type == 'TokenExchange') == has(self.tokenExchange)")
        .message("`tokenExchange` goes with `type: TokenExchange` and only with it"),
    validation = Rule::new("self.clientSide != 'Forward' || self.type == 'None'")
        .message("`clientSide: Forward` needs `type: None`: with a credential of our own use OneServer or Replace"),
)]
pub struct Auth {
    /// Which of the members is used. None (default): no credential is sent.
    #[serde(rename = "type", default)]
    pub type_: AuthType,
    /// With type ApiKey: sent as a header of its own.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub api_key: Option<ApiKeyAuth>,
    /// With type Bearer: sent as `Authorization: Bearer VALUE`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub bearer: Option<Value>,
    /// With type Basic: sent as `Authorization: Basic VALUE`; the value is `user:password` and is base64-encoded for you.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub basic: Option<Value>,
    /// With type Token: sent as `Authorization: token VALUE`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub token: Option<Value>,
    /// With type Authorization: sent as `Authorization: VALUE`, verbatim.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub authorization: Option<Value>,
    /// With type OAuth2ClientCredentials: a token for the gateway itself is fetched and sent as `Authorization: Bearer TOKEN`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub oauth2_client_credentials: Option<OAuth2ClientCredentials>,
    /// With type TokenExchange: the token by which a caller was identified is exchanged for one that is sent as
    /// `Authorization: Bearer TOKEN`. A caller with an API key has none: it is told that the server needs a token.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub token_exchange: Option<TokenExchange>,
    /// What a caller's `x-mcp-auth` does. OneServer (default): replaces the value if path or header leave exactly this
    /// server. Replace: also on the aggregate. Forward (type None only): sent as Authorization, verbatim. Deny: nothing.
    #[serde(default)]
    pub client_side: ClientSide,
}

/// See [`Auth::type_`].
#[derive(Clone, Copy, Debug, Default, Deserialize, Eq, JsonSchema, PartialEq, Serialize)]
pub enum AuthType {
    /// No credential.
    #[default]
    None,
    /// A header of its own.
    ApiKey,
    /// `Authorization: Bearer`.
    Bearer,
    /// `Authorization: Basic`.
    Basic,
    /// `Authorization: token`.
    Token,
    /// `Authorization`, verbatim.
    Authorization,
    /// `Authorization: Bearer`, with a token of the gateway's own (RFC 6749, client credentials).
    OAuth2ClientCredentials,
    /// `Authorization: Bearer`, with a token for each caller (RFC 8693).
    TokenExchange,
}

/// See [`Auth::client_side`].
#[derive(Clone, Copy, Debug, Default, Deserialize, Eq, JsonSchema, PartialEq, Serialize)]
pub enum ClientSide {
    /// Used if path or header leave exactly one server.
    #[default]
    OneServer,
    /// Used on the aggregate too.
    Replace,
    /// Sent as Authorization, verbatim.
    Forward,
    /// Ignored.
    Deny,
}

/// An API key in a header of its own.
#[derive(Clone, Debug, Default, Deserialize, Eq, KubeSchema, PartialEq, Serialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
#[x_kube(validation = Rule::new(ONE_VALUE).message(ONE_VALUE_MESSAGE))]
pub struct ApiKeyAuth {
    /// The header. Default: `X-API-Key`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(min = 1, max = 128), regex(pattern = HEADER_NAME))]
    #[x_kube(validation = Rule::new(FREE_HEADER).message(FREE_HEADER_MESSAGE))]
    pub header_name: Option<String>,
    /// The key itself, one line of at most 8192 characters. Exactly one of `value` and `valueFrom`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(min = 1, max = 8192), regex(pattern = HEADER_VALUE))]
    pub value: Option<String>,
    /// Where the key stands.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub value_from: Option<ValueSource>,
}
