//! Which pointer comes next, if the one that is there is not right: pure.

use crds::snapshot::stored::{DENIED_LIMIT, Parts, Plan, Pointer, READS, SCHEMA, TooLarge, plan};

use crate::pods::View;

/// No fleet has seen more changes than this. A pod that claims to is not believed: its answer is not authenticated as
/// a pointer is, and after the highest number there is no next one.
const PLAUSIBLE: u64 = 1 << 48;

/// The pointer that is there, and what is known of it.
#[derive(Clone, Debug, Default)]
pub(super) struct Live {
    /// If it is authentic.
    pub(crate) pointer: Option<Pointer>,
    /// Of each of its parts whether its slot holds it.
    pub(crate) intact: Vec<bool>,
    /// Whether its metadata are as they should be.
    pub(crate) marked: bool,
    /// The highest revision that is known to have been in force: what is lower is an old one that somebody brought back.
    pub(crate) floor: u64,
}

/// What to write; none: all is right. Its revision is above all that was ever in force.
pub(super) fn next(live: &Live, parts: &Parts, denied: &[String], schema: u32) -> Result<Option<Plan>, TooLarge> {
    let revision = live.pointer.as_ref().map_or(0, |pointer| pointer.revision).max(live.floor).saturating_add(1);
    let whole = |pointer: &Pointer| {
        let mut pointer = pointer.clone();
        // Nothing has this digest: what the slot does not hold is written, elsewhere.
        let broken = pointer.parts.iter_mut().zip(&live.intact).filter(|(_, intact)| !**intact);
        broken.for_each(|(part, _)| part.digest = [0; 32]);
        pointer
    };
    let usable = live.pointer.as_ref().map(whole);
    let mut plan = plan(usable.as_ref(), parts.of(schema), revision, schema)?;
    plan.pointer.denied = denied.iter().take(DENIED_LIMIT).cloned().collect();
    let right = live.marked
        && live.pointer.as_ref().is_some_and(|pointer| {
            let as_planned = Pointer { revision: pointer.revision, ..plan.pointer.clone() };
            pointer.revision >= live.floor && *pointer == as_planned
        });
    Ok((!right).then_some(plan))
}

/// The newest schema that every pod reads. One that serves and has not been heard yet may be of the release before:
/// until it has been, the schema is not raised.
pub(super) fn schema(view: &View, live: Option<u32>) -> u32 {
    let all_read = |schema: &u32| view.reports().all(|report| report.reads.contains(schema));
    let newest = READS.iter().copied().filter(all_read).max().or(live).unwrap_or(SCHEMA);
    match live {
        Some(live) if newest > live && !view.has_heard_all() => live,
        _ => newest,
    }
}

/// The highest revision that a pod has in force.
pub(super) fn plausible(view: &View) -> u64 {
    let revisions = view.reports().map(|report| report.revision);
    revisions.filter(|revision| *revision <= PLAUSIBLE).max().unwrap_or_default()
}

#[cfg(test)]
mod tests;
