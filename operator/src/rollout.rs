//! Writes how far the newest snapshot has come, for pipelines: a deleted object
//! has no status, so this is what `switchboard rollout status` waits for.
//!
//! In: what is written, what the pods run. Out: the ConfigMap `RELEASE-rollout`,
//! once a change has come everywhere, or has not within a second.

use std::collections::BTreeMap;
use std::time::Duration;

use crds::rollout::Rollout;
use k8s_openapi::api::core::v1::ConfigMap;
use kube::Api;
use serde_json::json;
use tokio::sync::watch;
use tokio::time::{Instant, sleep_until};

use crate::api::{self, WriteError};
use crate::apply::{Published, Writer};
use crate::pods::View;

/// How long a change may be on its way before that is written too. Most have arrived by then, and cost one write.
const ON_ITS_WAY: Duration = Duration::from_secs(1);
/// The pause after a failure.
const PAUSE: Duration = Duration::from_secs(2);

/// Writes while this process leads, until nobody tells of the pods any more.
pub(crate) async fn keep(writer: Writer, mut published: watch::Receiver<Published>, mut view: watch::Receiver<View>) {
    let maps = Api::<ConfigMap>::namespaced(writer.client.clone(), &writer.release.namespace);
    let name = Rollout::name_of(&writer.release.name);
    let mut term = writer.leadership.subscribe();
    let mut written: Option<Rollout> = None;
    let mut due: Option<Instant> = None;
    loop {
        tokio::select! {
            changed = published.changed() => if changed.is_err() { return },
            changed = view.changed() => if changed.is_err() { return },
            changed = term.changed() => match changed {
                // Who led in between may have written something else.
                Ok(()) => written = None,
                Err(_) => return,
            },
            () = sleep_until(due.unwrap_or_else(Instant::now)), if due.is_some() => {}
        }
        let revision = published.borrow_and_update().revision;
        let pods = view.borrow_and_update().clone();
        if revision == 0 || !pods.complete || !writer.leadership.may_write() {
            due = None;
            continue;
        }
        let now = Rollout::of(revision, &pods.by_name());
        if written.is_none() {
            written = maps.get_opt(&name).await.ok().flatten().and_then(|map| read(&map));
        }
        if written.as_ref() == Some(&now) {
            due = None;
            continue;
        }
        let until = *due.get_or_insert_with(|| Instant::now() + ON_ITS_WAY);
        if !now.has(revision) && Instant::now() < until {
            continue;
        }
        due = match write(&writer, &maps, &name, &now).await {
            Ok(()) => {
                written = Some(now);
                None
            }
            Err(error) => {
                tracing::warn!("{name} is not written yet: {error}");
                Some(Instant::now() + PAUSE)
            }
        };
    }
}

fn read(map: &ConfigMap) -> Option<Rollout> {
    Rollout::from_data(map.data.as_ref()?).ok()
}

async fn write(writer: &Writer, maps: &Api<ConfigMap>, name: &str, rollout: &Rollout) -> Result<(), WriteError> {
    let metadata = writer.companion.fields(name, &BTreeMap::new());
    let fields = json!({ "apiVersion": "v1", "kind": "ConfigMap", "metadata": metadata, "data": rollout.to_data() });
    api::apply(&writer.leadership, maps, name, &fields).await.map(drop)
}
