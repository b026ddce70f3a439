//! Objects in, snapshot out: pure, total, deterministic (ACCESS.md).
//!
//! ```text
//! servers, groups ─► names: who is accepted, under which published names
//! bindings ────────► subjects: who is accepted, with which keys
//!                      groups: members ─► access: what each binding may use ─► tables: every list once
//!                      parents: who is dead, until when ──┘
//! ```
//!
//! A bad object costs that object only. There is no clock: what expires goes
//! into the snapshot with its time.

use k8s_openapi::apimachinery::pkg::apis::meta::v1::Time;

use crate::diagnostic::Diagnostic;
use crate::resources::Resources;
use crate::snapshot::{Credentials, Snapshot, UnixSeconds};

mod access;
mod consent;
mod faults;
mod groups;
mod names;
mod parents;
mod reasons;
mod references;
mod secrets;
mod servers;
mod settings;
mod snapshot;
pub(crate) mod subjects;
mod tables;
pub(crate) mod tenancy;
pub(crate) mod words;

use access::Scene;
use consent::Consent;
use faults::Faults;
pub use reasons::{Reasons, Step, Why};
use tables::Tables;
use tenancy::Tenancy;

/// What holds where the settings are silent; the one difference between a laptop and a cluster.
#[derive(Clone, Debug, Eq, PartialEq)]
pub enum Scope {
    /// `switchboard run`: every namespace is a platform namespace, may start children and publish bare names.
    Local,
    /// A cluster: this namespace is the platform namespace, and none may start children or publish bare names.
    Cluster {
        /// The release's own namespace.
        namespace: String,
    },
}

/// The key under which API keys and credentials are fingerprinted. Never a default; made once and kept.
#[derive(Clone)]
pub struct Pepper(pub [u8; 32]);

/// Everything that follows from the objects.
#[derive(Clone, Debug, PartialEq)]
pub struct Compiled {
    /// What the gateway runs.
    pub snapshot: Snapshot,
    /// Secret values, apart from it, by fingerprint.
    pub credentials: Credentials,
    /// Every fault, sorted.
    pub diagnostics: Vec<Diagnostic>,
}

/// All objects at one moment, compiled. The only maker of snapshots.
pub fn compile(resources: &Resources, scope: &Scope, pepper: &Pepper) -> Compiled {
    settle(resources, scope, pepper, |_, _, _| ()).0
}

/// The same, and why everybody may use what they may.
pub fn explain(resources: &Resources, scope: &Scope, pepper: &Pepper) -> (Compiled, Reasons) {
    settle(resources, scope, pepper, reasons::gather)
}

fn settle<T>(
    resources: &Resources,
    scope: &Scope,
    pepper: &Pepper,
    look: impl FnOnce(Scene, &Tenancy, &mut Tables) -> T,
) -> (Compiled, T) {
    let mut faults = Faults::of_refused(resources);
    let tenancy = Tenancy::new(&resources.settings, scope);
    let consent = Consent::new(resources);
    let mut tables = Tables::default();

    let named = names::accept(resources, &tenancy, &mut faults);
    let subjects = subjects::accept(resources, &tenancy, pepper, &mut faults);
    let members = groups::members(&named, &consent, &mut tables, &mut faults);
    let standings = parents::stand(&subjects, &tenancy, &consent, &mut faults);

    let scene =
        Scene { named: &named, subjects: &subjects, standings: &standings, members: &members, consent: &consent };
    let uses = access::settle(scene, &mut tables, &mut faults);
    let seen = look(scene, &tenancy, &mut tables);
    let (mut snapshot, credentials) = snapshot::assemble(scene, &uses, tables, pepper, &mut faults);
    snapshot.settings = settings::wire(&resources.settings);
    (Compiled { snapshot, credentials, diagnostics: faults.into_sorted() }, seen)
}

/// From this second on what has the time is over; a fraction is cut off, so that nothing outlives its time.
fn seconds(time: &Time) -> UnixSeconds {
    time.0.as_second()
}

#[cfg(test)]
pub(crate) mod tests;
