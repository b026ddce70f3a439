//! How the gateway authenticates to a server, as far as that is no secret.

use serde::{Deserialize, Serialize};

/// How a credential, ours or the caller's, is rendered.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct ServerAuth {
    /// The form.
    pub scheme: AuthScheme,
    /// What a caller's own credential does.
    pub client_side: ClientSide,
}

/// The form in which a credential is sent.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub enum AuthScheme {
    /// Not at all.
    None,
    /// In this header (lower case), verbatim.
    Header(String),
    /// `Authorization: Bearer …`
    Bearer,
    /// `Authorization: Basic …`, base64-encoded for the caller.
    Basic,
    /// `Authorization: token …`
    Token,
    /// `Authorization: Bearer …`, with a token that is fetched first.
    Fetched(TokenRequest),
}

/// What a caller's own credential does (R24).
#[derive(Clone, Copy, Debug, Deserialize, Eq, PartialEq, Serialize)]
pub enum ClientSide {
    /// Replaces ours if path or header leave exactly one server.
    OneServer,
    /// Replaces ours always.
    Replace,
    /// Sent as Authorization, verbatim.
    Forward,
    /// Nothing.
    Deny,
}

/// What a token endpoint is asked for. Its URL, and the client that asks, are among the secrets.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct TokenRequest {
    /// `scheme://host[:port]` of the token endpoint.
    pub origin: String,
    /// Whose token is asked for.
    pub grant: TokenGrant,
    /// How the client authenticates.
    pub authentication: ClientAuthentication,
    /// In the order in which they were declared; none: those that the endpoint gives by itself.
    pub scopes: Vec<String>,
    /// Whom the token is for, by name.
    pub audience: Option<String>,
    /// The same, by URI.
    pub resource: Option<String>,
}

/// Whose token it is.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub enum TokenGrant {
    /// The gateway's, one for all callers (RFC 6749, section 4.4).
    ClientCredentials,
    /// A caller's, in exchange for that by which the caller was identified (RFC 8693).
    #[serde(rename_all = "camelCase")]
    Exchange {
        /// What the caller's token is to the endpoint.
        subject_token_type: String,
        /// The only type that is taken, if one is named.
        requested_token_type: Option<String>,
    },
    /// The same by the On-Behalf-Of flow of Microsoft Entra (RFC 7523, with an extension).
    OnBehalfOf,
}

impl AuthScheme {
    /// Whether it is had in exchange for the caller's own token, so that without a caller the server cannot be asked.
    pub fn is_exchanged(&self) -> bool {
        matches!(self, Self::Fetched(request) if request.grant != TokenGrant::ClientCredentials)
    }
}

/// How a client says to a token endpoint who it is (RFC 6749, section 2.3.1).
#[derive(Clone, Copy, Debug, Deserialize, Eq, PartialEq, Serialize)]
pub enum ClientAuthentication {
    /// By HTTP Basic.
    Basic,
    /// In the body.
    Post,
}
