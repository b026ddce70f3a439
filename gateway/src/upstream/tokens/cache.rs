//! The tokens that a server has for callers, by the SHA-256 of the token that
//! each was given in exchange for.

use std::collections::HashMap;
use std::sync::Arc;

use parking_lot::Mutex;
use tokio::time::Instant;

use super::endpoint::TokenEndpoint;
use super::subject::SubjectToken;
use super::token::Token;

/// The most tokens that are kept of one server. One that is forgotten is asked for again.
const MOST: usize = 4096;

/// The tokens of callers.
#[derive(Default)]
pub(super) struct Cache {
    tokens: Mutex<HashMap<[u8; 32], Wanted>>,
}

/// A token, and when it was wanted last.
type Wanted = (Arc<Token>, Instant);

impl Cache {
    /// The token for a caller's, from now on if there was none.
    pub(super) fn token(&self, endpoint: &Arc<TokenEndpoint>, subject: &SubjectToken) -> Arc<Token> {
        let mut tokens = self.tokens.lock();
        let now = Instant::now();
        if let Some((token, wanted)) = tokens.get_mut(subject.digest()) {
            *wanted = now;
            return token.clone();
        }
        if tokens.len() >= MOST {
            make_room(&mut tokens, now);
        }
        let token = Token::new(endpoint.clone(), Some(subject.clone()));
        tokens.insert(*subject.digest(), (token.clone(), now));
        token
    }
}

/// Forgets what is of no use any more; if that is nothing, what was wanted least lately.
fn make_room(tokens: &mut HashMap<[u8; 32], Wanted>, now: Instant) {
    tokens.retain(|_, (token, _)| token.is_held(now));
    if tokens.len() < MOST {
        return;
    }
    let oldest = tokens.iter().min_by_key(|(_, (_, wanted))| *wanted).map(|(digest, _)| *digest);
    if let Some(oldest) = oldest {
        tokens.remove(&oldest);
    }
}

#[cfg(test)]
mod tests {
    use crds::snapshot::{
        AuthScheme, ByKind, ClientAuthentication, ClientSide, HttpWire, Secrets, Server, ServerAuth, ServerTimeouts,
        SessionMode, TokenClient, TokenGrant, TokenRequest, Transport,
    };

    use super::*;
    use crate::egress::{Egress, EgressPolicy};
    use crate::upstream::Endpoint;

    fn endpoint() -> Arc<TokenEndpoint> {
        let request = TokenRequest {
            origin: String::new(),
            grant: TokenGrant::ClientCredentials,
            authentication: ClientAuthentication::Post,
            scopes: Vec::new(),
            audience: None,
            resource: None,
        };
        let (headers, forward_headers) = (Vec::new(), Vec::new());
        let server = Server {
            id: "tools/one".to_owned(),
            alias: "one".to_owned(),
            prefix: None,
            names: Vec::new(),
            transport: Transport::Http { origin: String::new(), wire: HttpWire::Auto, headers, forward_headers },
            auth: ServerAuth { scheme: AuthScheme::Fetched(request.clone()), client_side: ClientSide::Deny },
            credential: None,
            off: false,
            sessions: SessionMode::PerCaller,
            timeouts: ServerTimeouts { connect: 1, list: 1, call: 1 },
            max_concurrent_calls: 1,
            max_response_bytes: 1,
            filters: ByKind::default(),
            uri_prefix: None,
            internal: false,
            cost: None,
        };
        let client = TokenClient { url: "http://a".to_owned(), id: String::new(), secret: String::new() };
        let secrets = Secrets { token_client: Some(client), ..Secrets::default() };
        let egress = Arc::new(Egress::new(EgressPolicy::default()));
        Arc::new(TokenEndpoint::new(&Endpoint { server, secrets }, &request, egress).unwrap())
    }

    fn subject(number: usize) -> SubjectToken {
        SubjectToken::new(number.to_string().as_bytes(), None).unwrap()
    }

    #[test]
    fn r23_the_same_token_of_a_caller_has_one_and_there_are_not_ever_more() {
        let (cache, endpoint) = (Cache::default(), endpoint());
        let first = cache.token(&endpoint, &subject(0));
        assert!(Arc::ptr_eq(&first, &cache.token(&endpoint, &subject(0))));
        assert!(!Arc::ptr_eq(&first, &cache.token(&endpoint, &subject(1))));
        for number in 2..=MOST {
            cache.token(&endpoint, &subject(number));
        }
        // None of them was ever issued: whoever comes next takes the place of all that are of no use.
        assert_eq!(cache.tokens.lock().len(), 1);
        assert!(!Arc::ptr_eq(&first, &cache.token(&endpoint, &subject(0))), "it was forgotten");
    }
}
