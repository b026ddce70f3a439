//! The loop from what is known to what is to be in force, and to statuses: on a
//! thread of its own, since it computes more than it waits.
//!
//! ```text
//! Changes, Claims, leadership ─► State ─► compile ─► Demand        (apply writes it)
//! Published, View ─────────────► Known ─► report ─► StatusQueue    (status writes them)
//! ```
//!
//! What may take something away is compiled at once, what is only new waits a
//! moment for what comes with it (R42). Only a leader compiles, after it has
//! listed everything anew; the others know everything, and wait.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;
use std::sync::Arc;
use std::time::Duration;

use crds::compile::{Compiled, Pepper, Scope, compile};
use crds::diagnostic::Kind;
use crds::snapshot::stored::split;
use crds::status::Statuses;
use tokio::runtime::Handle;
use tokio::sync::watch::error::RecvError;
use tokio::sync::{mpsc, watch};
use tokio::time::{Instant, sleep_until};

use crate::admin::Readiness;
use crate::apply::{Demand, Output, Published};
use crate::claims::Claims;
use crate::events::{Events, Regarding};
use crate::metrics::Metrics;
use crate::pods::View;
use crate::release::{Release, Watched};
use crate::state::{Course, Follows, State, Trouble, counts};
use crate::status::{StatusQueue, Written};
use crate::watch::{Changes, Item, Of, Stream, Told};

mod due;
mod report;

use due::Due;
use report::Reports;

/// A compilation that takes longer is not waited for by who loses everything: the pointer denies them at once (R42).
const SLOW: Duration = Duration::from_millis(50);
/// How many changes are taken in before anything else is looked at.
const BATCH: usize = 512;

/// What the loop listens to.
pub(crate) struct Sources {
    /// What the watches tell.
    pub(crate) changes: Changes,
    /// The term in which this process leads.
    pub(crate) term: watch::Receiver<Option<u64>>,
    /// Who serves which namespace.
    pub(crate) claims: watch::Receiver<Claims>,
    /// What is written.
    pub(crate) published: watch::Receiver<Published>,
    /// What the pods run.
    pub(crate) view: watch::Receiver<View>,
    /// Statuses that were written.
    pub(crate) written: mpsc::Receiver<Written>,
}

/// Where what comes of it goes.
pub(crate) struct Sinks {
    /// What is to be in force.
    pub(crate) demand: watch::Sender<Demand>,
    /// Namespaces that are to be claimed.
    pub(crate) namespaces: watch::Sender<BTreeSet<String>>,
    /// Lists everything anew.
    pub(crate) again: watch::Sender<u64>,
    /// Statuses to be written.
    pub(crate) statuses: StatusQueue,
    /// Events.
    pub(crate) events: Events,
    /// What is missing.
    pub(crate) readiness: Arc<Readiness>,
    /// Counters.
    pub(crate) metrics: Arc<Metrics>,
}

/// The loop.
pub(crate) struct Compiler {
    release: Release,
    watched: Watched,
    pepper: Pepper,
    state: State,
    sinks: Sinks,
    /// The term in which this process leads.
    term: Option<u64>,
    /// Lists of this round or later were begun in this term.
    round: u64,
    claims: Claims,
    published: Published,
    view: View,
    due: Due,
    number: u64,
    compiled: Option<Compiled>,
    /// Why what was compiled last cannot be stored.
    too_large: Option<String>,
    reports: Reports,
}

/// What has happened.
enum Woken {
    Changes,
    Written(Box<Written>),
    Term,
    Claims,
    Published,
    View,
    Time,
    Ended,
}

impl Compiler {
    /// One that knows nothing yet.
    pub(crate) fn new(release: Release, watched: Watched, pepper: Pepper, streams: &[Stream], sinks: Sinks) -> Self {
        Self {
            release,
            watched,
            pepper,
            state: State::new(streams),
            sinks,
            term: None,
            round: 0,
            claims: Claims::default(),
            published: Published::default(),
            view: View::default(),
            due: Due::default(),
            number: 0,
            compiled: None,
            too_large: None,
            reports: Reports::default(),
        }
    }

    /// Goes on until one of its sources ends. Blocks: it wants a thread of its own.
    pub(crate) fn run(mut self, mut sources: Sources, runtime: &Handle) {
        let mut batch = Vec::with_capacity(BATCH);
        self.want_namespaces();
        loop {
            match runtime.block_on(self.wait(&mut sources, &mut batch)) {
                Woken::Changes => self.take(batch.drain(..)),
                Woken::Written(written) => self.wrote(*written),
                Woken::Term => self.lead(*sources.term.borrow_and_update()),
                Woken::Claims => self.claimed(sources.claims.borrow_and_update().clone()),
                Woken::Published => self.was_published(sources.published.borrow_and_update().clone()),
                Woken::View => self.viewed(sources.view.borrow_and_update().clone()),
                Woken::Time => {}
                Woken::Ended => return,
            }
            let now = Instant::now();
            if self.may_compile() && self.due.is_at(now) {
                self.compile();
            }
            if self.may_report() && self.reports.are_at(now) {
                self.report(now);
            }
        }
    }

    async fn wait(&self, sources: &mut Sources, batch: &mut Vec<(Stream, Told<Item>)>) -> Woken {
        let compile = self.due.at().filter(|_| self.may_compile());
        let report = self.reports.at().filter(|_| self.may_report());
        let next = compile.into_iter().chain(report).min();
        let or_end = |changed: Result<(), RecvError>, woken| if changed.is_ok() { woken } else { Woken::Ended };
        tokio::select! {
            count = sources.changes.recv_many(batch, BATCH) => if count > 0 { Woken::Changes } else { Woken::Ended },
            written = sources.written.recv() => written.map_or(Woken::Ended, |written| Woken::Written(Box::new(written))),
            changed = sources.term.changed() => or_end(changed, Woken::Term),
            changed = sources.claims.changed() => or_end(changed, Woken::Claims),
            changed = sources.published.changed() => or_end(changed, Woken::Published),
            changed = sources.view.changed() => or_end(changed, Woken::View),
            () = sleep_until(next.unwrap_or_else(Instant::now)), if next.is_some() => Woken::Time,
        }
    }

    fn take(&mut self, changes: impl Iterator<Item = (Stream, Told<Item>)>) {
        let mut denied = Vec::new();
        for (stream, told) in changes {
            let settings = stream.of == Of::Settings;
            self.tell_trouble(&stream, &told);
            for follows in self.state.take(&stream, told) {
                match follows {
                    Follows::Nothing => {}
                    Follows::Look(id) => self.reports.look(id),
                    Follows::Soon => self.due.soon(Instant::now()),
                    Follows::Now { denied: more } => {
                        denied.extend(more);
                        self.due.now(Instant::now());
                    }
                }
            }
            if settings {
                self.tell_settings();
            }
        }
        self.want_namespaces();
        self.tell_readiness();
        if !denied.is_empty() && self.term.is_some() && self.due.last_took() > SLOW {
            self.sinks.demand.send_modify(|demand| {
                if demand.output.is_some() {
                    denied.retain(|id| !demand.denied.contains(id));
                    demand.denied = demand.denied.iter().cloned().chain(denied).collect();
                }
            });
        }
    }

    fn lead(&mut self, term: Option<u64>) {
        self.term = term;
        if term.is_some() {
            self.sinks.again.send_modify(|again| *again += 1);
            self.round = *self.sinks.again.borrow();
        }
        // Nothing of an earlier term is reported, nor written.
        self.compiled = None;
        self.sinks.demand.send_replace(Demand::default());
        // Who leads next knows better what is written.
        self.sinks.statuses.clear();
        self.state.objects.values_mut().for_each(|known| known.writing = None);
        self.due.now(Instant::now());
        self.reports.all();
    }

    fn claimed(&mut self, claims: Claims) {
        self.claims = claims;
        if self.state.leave_out(self.claims.foreign()) {
            self.sinks.again.send_modify(|again| *again += 1);
        }
        self.due.now(Instant::now());
    }

    fn was_published(&mut self, published: Published) {
        for known in self.state.objects.values_mut() {
            let course = &mut known.course;
            if course.since.is_none() && course.compiled.is_some_and(|number| number <= published.number) {
                course.since = Some(published.revision);
            }
        }
        if published.blocked != self.published.blocked {
            self.reports.all();
        }
        self.published = published;
        self.reports.moved();
    }

    fn viewed(&mut self, view: View) {
        for server in view.changed_health(&self.view) {
            self.reports.look((Kind::McpServer, server));
        }
        if !self.view.complete {
            self.reports.all();
        }
        self.view = view;
        self.reports.moved();
    }

    /// Whether it is our turn, and everything is known.
    fn may_compile(&self) -> bool {
        let claimed = || match &self.watched {
            Watched::All => self.claims.know(self.state.namespaces()),
            Watched::These(these) => self.claims.know(these.iter()),
        };
        self.term.is_some() && self.state.missing(self.round).is_none() && claimed()
    }

    fn compile(&mut self) {
        let Some(term) = self.term else { return };
        let began = Instant::now();
        let scope = Scope::Cluster { namespace: self.release.namespace.clone() };
        let mut compiled = compile(&self.state.resources, &scope, &self.pepper);
        let parts = split(&compiled.snapshot);
        self.number += 1;
        self.mark(&compiled);
        let credentials = std::mem::take(&mut compiled.credentials);
        self.compiled = Some(compiled);
        self.too_large = parts.as_ref().err().map(ToString::to_string);
        match parts {
            Ok(parts) => {
                let output = Some(Arc::new(Output { term, number: self.number, parts, credentials }));
                self.sinks.demand.send_replace(Demand { output, denied: Arc::default() });
            }
            // The last snapshot stays, and who was denied by it stays denied.
            Err(too_large) => tracing::error!("no snapshot can be written, the last one stays in force: {too_large}"),
        }
        self.sinks.metrics.blocked.with_label_values(&["too_large"]).set(self.too_large.is_some().into());
        for (kind, count) in counts(&self.state) {
            self.sinks.metrics.objects(kind, count);
        }
        let took = began.elapsed();
        self.sinks.metrics.compile_seconds.observe(took.as_secs_f64());
        tracing::debug!(number = self.number, ?took, "compiled");
        self.due.done(began, took);
        self.reports.all();
    }

    /// Which objects are another thing since this compilation: they wait for a revision that has them.
    fn mark(&mut self, compiled: &Compiled) {
        let statuses = Statuses::new(&self.state.resources, compiled);
        for ((kind, key), known) in &mut self.state.objects {
            let accepted = statuses.is_accepted(*kind, key);
            let course = &mut known.course;
            if course.compiled.is_none() || course.accepted != accepted {
                *course = Course { compiled: Some(self.number), accepted, since: None };
            }
        }
    }

    fn want_namespaces(&self) {
        let wanted = match &self.watched {
            // One that is another's has none of our objects any more, and is looked at all the same.
            Watched::All => self.state.namespaces().cloned().chain(self.claims.foreign()).collect(),
            Watched::These(these) => these.iter().cloned().collect::<BTreeSet<_>>(),
        };
        self.sinks.namespaces.send_if_modified(|before| {
            let news = *before != wanted;
            if news {
                *before = wanted;
            }
            news
        });
    }

    /// A stream that is refused, or is not any more, is news once.
    fn tell_trouble(&self, stream: &Stream, told: &Told<Item>) {
        let was_refused = matches!(self.state.trouble(stream), Some(Trouble::Refused(_)));
        match told {
            Told::Refused(why) if !was_refused => {
                tracing::error!("{stream} cannot be seen, and what was last seen stays in force: {why}");
            }
            Told::Well if was_refused => tracing::info!("{stream} can be seen again"),
            _ => {}
        }
    }

    fn tell_settings(&self) {
        let gauge = self.sinks.metrics.blocked.with_label_values(&["settings"]);
        let Some(fault) = &self.state.settings_fault else { return gauge.set(0) };
        gauge.set(1);
        tracing::error!("the settings are not taken, the last good ones stay: {fault}");
        let regarding = Regarding::config_map(&self.release.namespace, &self.release.settings());
        self.sinks.events.warn(regarding, "SettingsRefused", fault.to_string());
    }

    /// Says what is missing, or refused, and whether everything was known once.
    fn tell_readiness(&self) {
        let mut refused = BTreeMap::<&str, i64>::new();
        let mut detail = String::new();
        for (stream, trouble) in self.state.troubles() {
            let count = refused.entry(stream.of.as_str()).or_default();
            let why = match trouble {
                Trouble::None => continue,
                Trouble::Fails(why) => why,
                Trouble::Refused(why) => {
                    *count += 1;
                    why
                }
            };
            let _ = writeln!(detail, "{stream}: {why}");
        }
        for (resource, count) in refused {
            self.sinks.metrics.unknown.with_label_values(&[resource]).set(count);
        }
        let missing = self.state.missing(self.round);
        let ready = missing.is_none();
        if detail.is_empty() {
            detail.extend(missing.map(|missing| missing + "\n"));
        }
        self.sinks.readiness.set(ready, detail);
    }
}
