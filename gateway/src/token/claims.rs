//! From the payload of a token whose signature is good to what it says of its
//! holder.

use std::collections::BTreeMap;
use std::sync::Arc;

use crds::digest::to_hex;
use crds::snapshot::{ClaimMapping, Issuer, UnixSeconds};
use serde_json::Value;
use sha2::{Digest, Sha256};

use super::jose::Payload;
use super::keys::TakenBack;
use super::{Authority, Token};
use crate::denial::Reason;

/// By how much another machine's clock may go wrong: a token that is not valid yet. What has expired has.
const SKEW: i64 = 60;
/// What stands before a service account in `sub`.
const ACCOUNT: &str = "system:serviceaccount:";

/// What a token of an issuer of the settings says, if it is valid now and has what every token must have.
pub(super) fn of_issuer(
    payload: &Payload,
    issuer: &Arc<Issuer>,
    taken_back: Arc<TakenBack>,
    now: UnixSeconds,
) -> Result<Token, Reason> {
    let mut token = read(payload, (Authority::Issuer(issuer.clone()), taken_back), &issuer.audiences, now)?;
    token.user = issuer.user.as_ref().and_then(|mapping| user(payload, mapping));
    speak(&mut token.claims, "user", token.user.iter().cloned().collect());
    for (name, mapping) in [("team", &issuer.team), ("organization", &issuer.organization)] {
        let said = mapping.as_ref().map(|ClaimMapping { claim, prefix }| {
            texts(payload.0.get(claim)).into_iter().map(|text| format!("{prefix}{text}")).collect()
        });
        speak(&mut token.claims, name, said.unwrap_or_default());
    }
    Ok(token)
}

/// The same of a token of the cluster's own service accounts.
pub(super) fn of_account(
    payload: &Payload,
    audience: String,
    taken_back: Arc<TakenBack>,
    now: UnixSeconds,
) -> Result<Token, Reason> {
    let mut token = read(payload, (Authority::Cluster(audience.clone()), taken_back), &[audience], now)?;
    let account = payload.text("sub").and_then(|subject| subject.strip_prefix(ACCOUNT)?.split_once(':'));
    let (namespace, name) = account.ok_or(Reason::TokenLacksClaim)?;
    token.account = Some(format!("{namespace}/{name}"));
    for name in ["user", "team", "organization"] {
        speak(&mut token.claims, name, Vec::new());
    }
    Ok(token)
}

fn read(
    payload: &Payload,
    (authority, taken_back): (Authority, Arc<TakenBack>),
    audiences: &[String],
    now: UnixSeconds,
) -> Result<Token, Reason> {
    let said = (payload.issuer(), payload.text("sub"), payload.moment("exp"));
    let (Some(issuer), Some(subject), Some(expires)) = said else { return Err(Reason::TokenLacksClaim) };
    let has_begun = |claim: &str| match payload.0.get(claim) {
        None => true,
        Some(_) => payload.moment(claim).is_some_and(|moment| moment <= now.saturating_add(SKEW)),
    };
    if !payload.is_for(audiences) {
        return Err(Reason::TokenAudience);
    }
    if now >= expires {
        return Err(Reason::TokenExpired);
    }
    if !has_begun("nbf") || !has_begun("iat") {
        return Err(Reason::TokenNotYet);
    }
    Ok(Token {
        authority,
        taken_back,
        id: id(issuer, subject),
        expires,
        user: None,
        account: None,
        claims: payload.0.iter().map(|(claim, said)| (claim.clone(), texts(Some(said)))).collect(),
    })
}

/// What no binding can be called: ids of bindings have their `/` after a namespace.
fn id(issuer: &str, subject: &str) -> Arc<str> {
    let digest: [u8; 32] = Sha256::new().chain_update(issuer).chain_update([0]).chain_update(subject).finalize().into();
    format!("/token/{}", to_hex(&digest)).into()
}

/// One text. That an e-mail address is somebody's own is not to be denied.
fn user(payload: &Payload, ClaimMapping { claim, prefix }: &ClaimMapping) -> Option<String> {
    let unverified = claim == "email" && payload.0.get("email_verified").is_some_and(|said| *said != Value::Bool(true));
    let said = payload.text(claim).filter(|said| !said.is_empty() && !unverified)?;
    Some(format!("{prefix}{said}"))
}

/// A text, or the texts of a list.
fn texts(said: Option<&Value>) -> Vec<String> {
    match said {
        Some(Value::String(text)) => vec![text.clone()],
        Some(Value::Array(all)) => all.iter().filter_map(Value::as_str).map(str::to_owned).collect(),
        _ => Vec::new(),
    }
}

/// What the settings make of a token stands for the claim of this name, whatever the token itself says by it.
fn speak(claims: &mut BTreeMap<String, Vec<String>>, name: &str, said: Vec<String>) {
    claims.remove(name);
    if !said.is_empty() {
        claims.insert(name.to_owned(), said);
    }
}
