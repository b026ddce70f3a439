//! What the pods say of a server: `Available`, and a credential that has not
//! reached them all.

use super::catalogue::known;
use super::facts::{Failure, Health};
use super::{Facts, Settled, before, good};
use crate::diagnostic::Kind;
use crate::resources::Observed;

const CREDENTIAL_PENDING: &str = "CredentialPending";

/// Whether the server works. `off`: it serves nothing, since a Secret that it needs cannot be used.
pub(super) fn available(object: &Observed, accepted: bool, off: bool, facts: &Facts) -> Settled {
    if !accepted {
        return ("Unknown", "NotAccepted", "a server that is not accepted is not asked".to_owned());
    }
    if off {
        return ("False", "Off", "the server is off: ResolvedRefs says why".to_owned());
    }
    let untold = || ("Unknown", "Pending", "no pod has told yet how it is".to_owned());
    let Some(health) = facts.health else {
        // What followed from the object itself, and does not any more, was none of the pods' words.
        let told = kept(object, "Available").filter(|(_, reason, _)| !["NotAccepted", "Off"].contains(reason));
        return told.unwrap_or_else(untold);
    };
    if health.failing > 0 {
        let reason = health.failure.unwrap_or(Failure::Failing).as_str();
        return ("False", reason, format!("it fails for {} of {} pods", health.failing, pods(health)));
    }
    if health.ready > 0 {
        return good("Available");
    }
    if health.per_caller > 0 {
        return (
            "Unknown",
            "PerCaller",
            "it is asked for each caller by the caller's own token, and by nobody else".to_owned(),
        );
    }
    untold()
}

/// `ResolvedRefs` of a server of which all that it names can be used, but has not reached every pod.
pub(super) fn credential_pending(object: &Observed, facts: &Facts) -> Option<Settled> {
    if object.kind != Kind::McpServer {
        return None;
    }
    let Some(health) = facts.health else {
        return kept(object, "ResolvedRefs").filter(|(_, reason, _)| *reason == CREDENTIAL_PENDING);
    };
    let message = || format!("{} of {} pods wait for its credential", health.waiting, pods(health));
    (health.waiting > 0).then(|| ("False", CREDENTIAL_PENDING, message()))
}

/// Pods that have told how the server is.
fn pods(health: &Health) -> usize {
    health.ready + health.failing + health.waiting + health.per_caller
}

/// The condition as it is now, if its reason is one that we know.
fn kept(object: &Observed, type_: &str) -> Option<Settled> {
    let before = before(object, type_)?;
    let status = ["True", "False", "Unknown"].into_iter().find(|word| *word == before.status)?;
    Some((status, known(type_, &before.reason)?.reason, before.message.clone()))
}
