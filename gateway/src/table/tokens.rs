//! Callers who are known by a token, and whose a verified one is.

use std::collections::HashMap;

use crds::snapshot::{Snapshot, TokenSubject};

use crate::token::Token;

/// Positions among the snapshot's callers.
#[derive(Default)]
pub(super) struct TokenCallers {
    users: HashMap<String, u32>,
    /// By `namespace/name`.
    accounts: HashMap<String, u32>,
    /// By their first claim, and each of its values.
    claims: HashMap<String, HashMap<String, Vec<u32>>>,
}

impl TokenCallers {
    pub(super) fn of(snapshot: &Snapshot) -> Self {
        let mut callers = Self::default();
        for (caller, at) in snapshot.callers.iter().zip(0..) {
            match &caller.token {
                None => {}
                Some(TokenSubject::User(user)) => drop(callers.users.insert(user.clone(), at)),
                Some(TokenSubject::ServiceAccount(account)) => drop(callers.accounts.insert(account.clone(), at)),
                Some(TokenSubject::Claims(claims)) => {
                    if let Some((claim, values)) = claims.first_key_value() {
                        let by_value = callers.claims.entry(claim.clone()).or_default();
                        for value in values {
                            by_value.entry(value.clone()).or_default().push(at);
                        }
                    }
                }
            }
        }
        callers
    }

    /// The exact binding of a token's user or service account, live or not.
    pub(super) fn exact(&self, token: &Token) -> Option<u32> {
        let user = token.user.as_ref().and_then(|user| self.users.get(user));
        let account = || token.account.as_ref().and_then(|account| self.accounts.get(account));
        user.or_else(account).copied()
    }

    /// All Claims bindings that a token matches, in order.
    pub(super) fn matching(&self, snapshot: &Snapshot, token: &Token) -> Vec<u32> {
        let found = token.claims.iter().filter_map(|(claim, said)| Some((self.claims.get(claim)?, said)));
        let found = found.flat_map(|(by_value, said)| said.iter().filter_map(|value| by_value.get(value)).flatten());
        let matches = |at: &u32| match snapshot.callers.get(*at as usize).and_then(|caller| caller.token.as_ref()) {
            Some(TokenSubject::Claims(claims)) => claims.iter().all(|(claim, values)| token.has(claim, values)),
            _ => false,
        };
        let mut found: Vec<u32> = found.copied().filter(matches).collect();
        found.sort_unstable();
        found.dedup();
        found
    }
}
