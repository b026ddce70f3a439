//! Auth types whose token is fetched before the server is asked.

use super::{Collector, origin};
use crate::compile::faults::Fault;
use crate::snapshot::{AuthScheme, ClientAuthentication, Secrets, TokenClient, TokenGrant, TokenRequest};
use crate::v1alpha1::{self, ExchangeFlow, OAuth2ClientCredentials, TokenExchange, Value};

/// What a caller's token is unless the server says otherwise (RFC 8693, section 3).
const ACCESS_TOKEN: &str = "urn:ietf:params:oauth:token-type:access_token";

/// What both types declare of the client that asks.
struct Declared<'a> {
    /// Of the member, below `spec.auth`.
    name: &'static str,
    url: &'a str,
    id: &'a Value,
    secret: &'a Value,
}

impl Collector<'_> {
    pub(super) fn client_credentials(
        &mut self,
        member: Option<&OAuth2ClientCredentials>,
        secrets: &mut Secrets,
    ) -> AuthScheme {
        let silent = OAuth2ClientCredentials::default();
        let member = member.unwrap_or(&silent);
        let OAuth2ClientCredentials { token_url: url, client_id: id, client_secret: secret, .. } = member;
        let declared = Declared { name: "oauth2ClientCredentials", url, id, secret };
        AuthScheme::Fetched(TokenRequest {
            origin: self.token_client(&declared, secrets),
            grant: TokenGrant::ClientCredentials,
            authentication: authentication(member.client_authentication),
            scopes: member.scopes.clone().unwrap_or_default(),
            audience: member.audience.clone(),
            resource: member.resource.clone(),
        })
    }

    pub(super) fn token_exchange(&mut self, member: Option<&TokenExchange>, secrets: &mut Secrets) -> AuthScheme {
        let silent = TokenExchange::default();
        let member = member.unwrap_or(&silent);
        let TokenExchange { token_url: url, client_id: id, client_secret: secret, .. } = member;
        let declared = Declared { name: "tokenExchange", url, id, secret };
        AuthScheme::Fetched(TokenRequest {
            origin: self.token_client(&declared, secrets),
            grant: match member.flow {
                ExchangeFlow::TokenExchange => TokenGrant::Exchange {
                    subject_token_type: member.subject_token_type.as_deref().unwrap_or(ACCESS_TOKEN).to_owned(),
                    requested_token_type: member.requested_token_type.clone(),
                },
                ExchangeFlow::OnBehalfOf => TokenGrant::OnBehalfOf,
            },
            authentication: authentication(member.client_authentication),
            scopes: member.scopes.clone().unwrap_or_default(),
            audience: member.audience.clone(),
            resource: member.resource.clone(),
        })
    }

    /// Takes the client among the secrets; gives what of the endpoint may be shown.
    fn token_client(&mut self, declared: &Declared, secrets: &mut Secrets) -> String {
        let Declared { name, url, id, secret } = *declared;
        let shown = origin(url).unwrap_or_else(|why| {
            self.refuse(Fault::invalid(format!("spec.auth.{name}.tokenUrl"), why));
            String::new()
        });
        // Form encoding carries any text, so the values need no check.
        let id = self.member(&format!("{name}.clientId"), Some(id), |_| Ok(()));
        let secret = self.member(&format!("{name}.clientSecret"), Some(secret), |_| Ok(()));
        let client = id.zip(secret).map(|(id, secret)| TokenClient { url: url.to_owned(), id, secret });
        secrets.token_client = client;
        shown
    }
}

fn authentication(declared: v1alpha1::ClientAuthentication) -> ClientAuthentication {
    match declared {
        v1alpha1::ClientAuthentication::Basic => ClientAuthentication::Basic,
        v1alpha1::ClientAuthentication::Post => ClientAuthentication::Post,
    }
}
