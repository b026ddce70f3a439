//! `Propagated`: has every pod what follows from the object?

use k8s_openapi::jiff::SignedDuration;

use super::facts::Programmed;
use super::{Facts, Settled, before, good};
use crate::resources::Observed;

/// How long Propagated is False before its message counts pods: a rollout of a second, the usual one, costs no write in
/// between. Whoever writes statuses looks again at what is still False after this time.
pub const COUNTS_AFTER: SignedDuration = SignedDuration::from_secs(10);

/// Once True it stays True for its generation, whatever pods come later: a pod that starts loads the newest snapshot
/// before it serves. The same for a refusal that every pod has.
pub(super) fn propagated(object: &Observed, accepted: bool, facts: &Facts) -> Settled {
    let everywhere = || {
        let refused =
            || ("False", "NotAccepted", "an object that is not accepted gives nothing, on every pod".to_owned());
        if accepted { good("Propagated") } else { refused() }
    };
    if was_everywhere(object, accepted) {
        return everywhere();
    }
    let revision = match facts.programmed {
        Programmed::Since(revision) => revision,
        Programmed::Pending => return pending("the snapshot that has it is not written yet".to_owned()),
        Programmed::Blocked(_) => return ("False", "NotWritten", "the snapshot cannot be written".to_owned()),
    };
    let (serving, running) = (facts.fleet.serving(), facts.fleet.running(revision));
    if serving == 0 {
        return ("False", "NoPods", "no gateway pod serves".to_owned());
    }
    if running == serving {
        return everywhere();
    }
    pending(if is_new(object, facts) {
        "not every pod has it in force yet".to_owned()
    } else {
        let silent = match facts.fleet.silent() {
            0 => String::new(),
            silent => format!("; {silent} cannot be asked"),
        };
        format!("{running} of {serving} pods have it in force{silent}")
    })
}

fn pending(message: String) -> Settled {
    ("False", "Pending", message)
}

/// Whether the status says that every pod has had the object as it is: this generation, accepted or refused as now.
fn was_everywhere(object: &Observed, accepted: bool) -> bool {
    let of_this = |type_| before(object, type_).filter(|it| it.observed_generation == Some(object.generation));
    let word = |holds| if holds { "True" } else { "False" };
    let same = of_this("Accepted").is_some_and(|before| before.status == word(accepted));
    let reason = if accepted { "Propagated" } else { "NotAccepted" };
    same && of_this("Propagated").is_some_and(|before| before.status == word(accepted) && before.reason == reason)
}

/// Whether the condition is False for a short time only.
fn is_new(object: &Observed, facts: &Facts) -> bool {
    let since = before(object, "Propagated").filter(|before| before.status == "False");
    since.is_none_or(|before| facts.now.duration_since(before.last_transition_time.0) < COUNTS_AFTER)
}
