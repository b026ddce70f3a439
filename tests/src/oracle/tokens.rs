//! Tokens that somebody could present in a world: of every user and service
//! account that it knows, with every value of every claim that it asks for,
//! and of nobody.

use std::collections::{BTreeMap, BTreeSet};

use super::Token;
use super::acceptance::account_of;
use crate::world::{Id, Subject, World};

/// A claim and its values.
type Claim = (String, Vec<String>);

/// The tokens that are worth presenting.
pub fn tokens(world: &World) -> BTreeSet<Token> {
    let (mut users, mut accounts) = (BTreeSet::from([None]), BTreeSet::from([Id::new("elsewhere", "nobody")]));
    let mut asked: BTreeSet<Claim> = BTreeSet::new();
    for binding in &world.bindings {
        match &binding.subject {
            Subject::User(user) => drop(users.insert(Some(user.clone()))),
            Subject::ServiceAccount(account) => {
                accounts.insert(account_of(binding, account));
                // An account of the same name elsewhere is another one.
                accounts.insert(Id::new("elsewhere", &account.name));
            }
            Subject::Claims(claims) => asked.extend(claims.iter().cloned()),
            _ => {}
        }
    }
    let of_claims = claim_sets(&asked);
    let with = |user: &Option<String>, service_account: Option<Id>, claims: &BTreeMap<String, Vec<String>>| Token {
        user: user.clone(),
        service_account,
        claims: claims.clone(),
    };
    let of_users = users.iter().flat_map(|user| of_claims.iter().map(move |claims| with(user, None, claims)));
    let of_accounts = accounts
        .iter()
        .flat_map(|account| of_claims.iter().map(move |claims| with(&None, Some(account.clone()), claims)));
    of_users.chain(of_accounts).collect()
}

/// No claim; each asked one alone with its last value; all, each with its first value; all with a value that nobody asks for.
fn claim_sets(asked: &BTreeSet<Claim>) -> Vec<BTreeMap<String, Vec<String>>> {
    let first = |values: &[String]| values.first().cloned().unwrap_or_default();
    let alone = asked.iter().map(|(claim, values)| {
        let last = values.last().cloned().unwrap_or_default();
        BTreeMap::from([(claim.clone(), vec!["other".to_owned(), last])])
    });
    let mut all: BTreeMap<String, Vec<String>> = BTreeMap::new();
    for (claim, values) in asked {
        all.entry(claim.clone()).or_default().push(first(values));
    }
    let wrong = all.keys().map(|claim| (claim.clone(), vec!["other".to_owned()])).collect();
    let mut sets: Vec<_> = alone.chain([BTreeMap::new(), all, wrong]).collect();
    sets.sort();
    sets.dedup();
    sets
}
