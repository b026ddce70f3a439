//! Which statuses are other than they should be, and since when.
//!
//! A change of the usual kind is in force on every pod within a second: its
//! status waits for that, so that it is written once and not three times (R40).

use std::borrow::Cow;
use std::collections::BTreeSet;
use std::time::Duration;

use crds::conditions::{Facts, Programmed};
use crds::diagnostic::Kind;
use crds::resources::Observed;
use crds::status::{Status, Statuses};
use k8s_openapi::apimachinery::pkg::apis::meta::v1::Condition;
use k8s_openapi::jiff::{SignedDuration, Timestamp};
use tokio::time::Instant;

use super::Compiler;
use crate::clock::since_boot;
use crate::events::{Events, Regarding};
use crate::state::{Id, Known, newer};
use crate::status::{Write, Written};

/// How long a status that is on its way to a better one waits for that.
const PATIENCE: Duration = Duration::from_secs(1);
/// The least time between two looks at many objects.
const SPACING: Duration = Duration::from_millis(100);
/// How often what waits for pods is looked at again though nothing has happened: its message begins to count them.
const AGAIN: Duration = Duration::from_secs(5);
/// How long something is not on every pod before an event says so.
const LASTING: SignedDuration = SignedDuration::from_secs(10);

/// What is to be looked at, and when.
#[derive(Default)]
pub(super) struct Reports {
    all: bool,
    these: BTreeSet<Id>,
    /// Objects that wait for pods, or for their status to be worth writing.
    waiting: BTreeSet<Id>,
    /// Whether those that wait are to be looked at.
    moved: bool,
    at: Option<Instant>,
    last: Option<Instant>,
}

impl Reports {
    /// Everything may have changed.
    pub(super) fn all(&mut self) {
        self.all = true;
        self.soon();
    }

    /// This one may have changed.
    pub(super) fn look(&mut self, id: Id) {
        self.these.insert(id);
        self.soon();
    }

    /// Something has moved that others wait for.
    pub(super) fn moved(&mut self) {
        self.moved = true;
        self.soon();
    }

    pub(super) fn at(&self) -> Option<Instant> {
        self.at
    }

    pub(super) fn are_at(&self, now: Instant) -> bool {
        self.at.is_some_and(|at| at <= now)
    }

    fn soon(&mut self) {
        let now = Instant::now();
        let at = self.last.map_or(now, |last| now.max(last + SPACING));
        self.at = Some(self.at.map_or(at, |before| before.min(at)));
    }
}

impl Compiler {
    /// Whether anything can be said of any object.
    pub(super) fn may_report(&self) -> bool {
        self.term.is_some() && self.compiled.is_some() && self.view.complete
    }

    /// Looks at what has moved, and has the statuses written that are worth it.
    pub(super) fn report(&mut self, now: Instant) {
        let Some(compiled) = &self.compiled else { return };
        let statuses = Statuses::new(&self.state.resources, compiled);
        let blocked = self.too_large.as_deref().or(self.published.blocked.as_deref());
        let (fleet, time, booted) = (self.view.fleet(), Timestamp::now(), since_boot());
        let mut hurry = false;
        let mut ids = std::mem::take(&mut self.reports.these);
        if self.reports.all {
            ids = self.state.objects.keys().cloned().collect();
            self.reports.waiting.clear();
        } else if self.reports.moved || ids.is_empty() {
            ids.append(&mut self.reports.waiting);
        }
        for id in ids {
            let Some(known) = self.state.objects.get_mut(&id) else { continue };
            // What has changed since is told after the next compilation.
            if known.course.compiled.is_none() {
                continue;
            }
            let programmed = match (known.course.since, blocked) {
                (Some(revision), _) => Programmed::Since(revision),
                (None, Some(why)) => Programmed::Blocked(why),
                (None, None) => Programmed::Pending,
            };
            let health = self.view.health.get(&id.1.to_string()).filter(|_| id.0 == Kind::McpServer);
            let facts = Facts { programmed, fleet: &fleet, health, now: time };
            let before = known.as_written();
            let status = statuses.of(&before, &facts);
            let settled = is_settled(&status);
            if status == before.status {
                known.moving = None;
            } else if settled || booted.saturating_sub(known.moving.unwrap_or(booted)) >= PATIENCE {
                tell(&self.sinks.events, &before, &status, time);
                let uid = before.uid.clone();
                known.moving = None;
                known.writing = Some(status.clone());
                self.sinks.statuses.put(id.clone(), Write { uid, status });
            } else {
                known.moving.get_or_insert(booted);
                hurry = true;
            }
            if !settled {
                self.reports.waiting.insert(id);
            }
        }
        let pause = if hurry { PATIENCE } else { AGAIN };
        let at = (!self.reports.waiting.is_empty()).then(|| now + pause);
        let waiting = std::mem::take(&mut self.reports.waiting);
        self.reports = Reports { waiting, at, last: Some(now), ..Reports::default() };
    }

    /// Takes in what came of a write.
    pub(super) fn wrote(&mut self, written: Written) {
        let Written { id, uid, outcome } = written;
        let Some(known) = self.state.objects.get_mut(&id).filter(|known| known.observed.uid == uid) else { return };
        match outcome {
            Some((status, version)) => {
                if known.writing.as_ref() == Some(&status) {
                    known.writing = None;
                }
                if newer(&version, &known.observed.resource_version) {
                    known.observed.resource_version = version;
                    known.observed.status = status;
                }
            }
            None => known.writing = None,
        }
    }
}

impl Known {
    /// As it will be once what is on its way has arrived.
    fn as_written(&self) -> Cow<'_, Observed> {
        match &self.writing {
            None => Cow::Borrowed(&self.observed),
            Some(status) => Cow::Owned(Observed { status: status.clone(), ..self.observed.clone() }),
        }
    }
}

/// Whether a status will not become a better one by itself. One that is not accepted is not on its way, and yet waits
/// for the pods to have it no more.
fn is_settled(status: &Status) -> bool {
    let waits = |type_| condition(status, type_).is_some_and(|it| it.status != "True" && it.reason == "Pending");
    condition(status, "Reconciling").is_none() && !waits("Programmed") && !waits("Propagated")
}

fn condition<'s>(status: &'s Status, type_: &str) -> Option<&'s Condition> {
    status.conditions().iter().find(|condition| condition.type_ == type_)
}

/// Events of the transitions between two statuses: of what goes wrong, and of what is well again.
fn tell(events: &Events, before: &Observed, status: &Status, now: Timestamp) {
    for type_ in ["Accepted", "ResolvedRefs", "Propagated", "Ready"] {
        let Some(after) = condition(status, type_) else { continue };
        let earlier = condition(&before.status, type_);
        let was = |word: &str| earlier.is_some_and(|earlier| earlier.status == word);
        let is_new = match type_ {
            // What is False for a moment after each change is no news; then the message begins to count pods.
            "Propagated" => {
                let counts =
                    |condition: &Condition| condition.message.starts_with(|first: char| first.is_ascii_digit());
                counts(after) && earlier.is_some_and(|it| !counts(it) && lasts(it, now))
            }
            // The others say why it is not, and it says when that is over.
            "Ready" => {
                after.status == "True" && earlier.is_some_and(|it| it.status == "False" && it.reason != "Pending")
            }
            _ => after.status == "False" && earlier.is_none_or(|it| !was("False") || it.reason != after.reason),
        };
        if !is_new {
            continue;
        }
        let regarding = Regarding::object(before);
        if after.status == "True" {
            events.note(regarding, &after.reason, "in force on every pod".to_owned());
        } else {
            events.warn(regarding, &after.reason, after.message.clone());
        }
    }
}

fn lasts(condition: &Condition, now: Timestamp) -> bool {
    condition.status == "False" && now.duration_since(condition.last_transition_time.0) >= LASTING
}
