//! Events: what a person sees in `kubectl describe` and `kubectl get events`.
//! Told once, on a transition.

use std::sync::Arc;
use std::time::Duration;

use crds::resources::Observed;
use crds::v1alpha1::API_VERSION;
use k8s_openapi::api::core::v1::ObjectReference;
use kube::Client;
use kube_runtime::events::{Event, EventType, Recorder, Reporter};
use tokio::sync::mpsc;
use tokio::time::timeout;

use crate::api::{self, MANAGER};
use crate::lease::Leadership;
use crate::metrics::Metrics;

/// How many may wait. More come at once only when everything changes, and then each says the same.
const QUEUE: usize = 256;
/// What was being done; all that the operator does.
const ACTION: &str = "Reconcile";
/// How long an answer is waited for.
const PATIENCE: Duration = Duration::from_secs(4);
/// The longest note that an apiserver takes, in bytes.
const LONGEST: usize = 1000;

/// Tells events. Cheap to clone.
#[derive(Clone)]
pub(crate) struct Events {
    tell: mpsc::Sender<(ObjectReference, Event)>,
    metrics: Arc<Metrics>,
}

/// What an event is about.
pub(crate) struct Regarding(ObjectReference);

impl Regarding {
    /// An object of one of the kinds.
    pub(crate) fn object(observed: &Observed) -> Self {
        Self(ObjectReference {
            api_version: Some(API_VERSION.to_owned()),
            kind: Some(observed.kind.as_str().to_owned()),
            namespace: Some(observed.key.namespace.clone()),
            name: Some(observed.key.name.clone()),
            uid: Some(observed.uid.clone()),
            ..ObjectReference::default()
        })
    }

    /// A ConfigMap.
    pub(crate) fn config_map(namespace: &str, name: &str) -> Self {
        Self::named("v1", "ConfigMap", namespace, name)
    }

    /// A Secret.
    pub(crate) fn secret(namespace: &str, name: &str) -> Self {
        Self::named("v1", "Secret", namespace, name)
    }

    /// A Lease.
    pub(crate) fn lease(namespace: &str, name: &str) -> Self {
        Self::named("coordination.k8s.io/v1", "Lease", namespace, name)
    }

    fn named(api_version: &str, kind: &str, namespace: &str, name: &str) -> Self {
        Self(ObjectReference {
            api_version: Some(api_version.to_owned()),
            kind: Some(kind.to_owned()),
            namespace: Some(namespace.to_owned()),
            name: Some(name.to_owned()),
            ..ObjectReference::default()
        })
    }
}

impl Events {
    /// Tells them in a task, which ends with the last clone.
    pub(crate) fn start(client: Client, identity: &str, leadership: Leadership, metrics: Arc<Metrics>) -> Self {
        let (tell, mut told) = mpsc::channel::<(ObjectReference, Event)>(QUEUE);
        let reporter = Reporter { controller: MANAGER.to_owned(), instance: Some(identity.to_owned()) };
        let recorder = Recorder::new(client, reporter);
        let of_task = metrics.clone();
        tokio::spawn(async move {
            while let Some((regarding, event)) = told.recv().await {
                if !leadership.may_write() {
                    continue;
                }
                match timeout(PATIENCE, recorder.publish(&event, &regarding)).await {
                    Ok(Ok(())) => of_task.wrote("event"),
                    failed => {
                        of_task.failed_to_write("event");
                        let why = failed
                            .map_or("no answer".to_owned(), |it| it.err().as_ref().map(api::brief).unwrap_or_default());
                        tracing::debug!("an event is not told: {why}");
                    }
                }
            }
        });
        Self { tell, metrics }
    }

    /// Something is not as it should be. `reason` is a word of the code.
    pub(crate) fn warn(&self, regarding: Regarding, reason: &str, note: String) {
        self.tell(EventType::Warning, regarding, reason, note);
    }

    /// Something is as it should be again.
    pub(crate) fn note(&self, regarding: Regarding, reason: &str, note: String) {
        self.tell(EventType::Normal, regarding, reason, note);
    }

    fn tell(&self, type_: EventType, regarding: Regarding, reason: &str, mut note: String) {
        while note.len() > LONGEST {
            note.pop();
        }
        let (reason, action) = (reason.to_owned(), ACTION.to_owned());
        let event = Event { type_, reason, note: Some(note), action, secondary: None };
        if self.tell.try_send((regarding.0, event)).is_err() {
            self.metrics.events_dropped.inc();
        }
    }
}
