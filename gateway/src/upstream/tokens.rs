//! The tokens of one server whose credential is fetched: which of them the
//! requests of a session bear.
//!
//! In: what the server declares, the connector, and, where callers' tokens are
//! exchanged, that of the caller. Out: a token that keeps itself fresh. A
//! server has one for itself, or one for each token of a caller; none is ever
//! met by another caller (R23).

use std::sync::Arc;

use crds::snapshot::{AuthScheme, TokenGrant};

use self::cache::Cache;
use self::endpoint::TokenEndpoint;
use super::{Endpoint, Outcome, UpstreamError};
use crate::egress::Egress;

mod answer;
mod cache;
mod endpoint;
mod form;
mod subject;
mod token;

pub use subject::{Subject, SubjectToken};
pub(crate) use token::Token;

/// Where the tokens of one server come from, and those that there are.
pub struct Tokens {
    /// Or why the server has none, as it is declared.
    endpoint: Result<Arc<TokenEndpoint>, UpstreamError>,
    whose: Whose,
}

enum Whose {
    /// The gateway's own.
    Own(Option<Arc<Token>>),
    Callers(Cache),
}

impl Tokens {
    /// Those of a server; none if its credential is not fetched.
    pub fn of(server: &Endpoint, egress: &Arc<Egress>) -> Option<Arc<Self>> {
        let AuthScheme::Fetched(request) = &server.server.auth.scheme else { return None };
        let endpoint = TokenEndpoint::new(server, request, egress.clone()).map(Arc::new);
        let whose = match request.grant {
            TokenGrant::ClientCredentials => {
                Whose::Own(endpoint.as_ref().ok().map(|endpoint| Token::new(endpoint.clone(), None)))
            }
            TokenGrant::Exchange { .. } | TokenGrant::OnBehalfOf => Whose::Callers(Cache::default()),
        };
        Some(Arc::new(Self { endpoint, whose }))
    }

    /// The token for the requests of a session, which `subject` is the caller's part of.
    pub(crate) fn token(&self, subject: Option<&Subject>) -> Result<Arc<Token>, UpstreamError> {
        let endpoint = self.endpoint.as_ref().map_err(Clone::clone)?;
        match (&self.whose, subject) {
            (Whose::Own(Some(token)), _) => Ok(token.clone()),
            (Whose::Callers(cache), Some(Subject::Token(subject))) => Ok(cache.token(endpoint, subject)),
            (Whose::Callers(_) | Whose::Own(None), _) => Err(no_subject()),
        }
    }
}

/// The failure of a request for which there is no token of the caller's to exchange.
pub(crate) fn no_subject() -> UpstreamError {
    let what = "it needs a token of the caller's own, and an API key is sent to nobody";
    UpstreamError::new(Outcome::AuthRequired, what)
}
