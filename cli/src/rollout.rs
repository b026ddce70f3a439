//! `switchboard rollout status`: waits until a revision is in force at every
//! gateway, for pipelines. It reads what the operator wrote and asks nobody else.

use std::pin::pin;
use std::process::ExitCode;
use std::time::Duration;

use crds::rollout::Rollout;
use futures_util::{StreamExt, TryStreamExt};
use k8s_openapi::api::core::v1::ConfigMap;
use kube::Api;
use kube_runtime::WatchStreamExt;
use kube_runtime::watcher::{self, watch_object};
use serde_json::json;
use tokio::time::{Instant, timeout_at};

use crate::args::{Output, RolloutStatusArgs};
use crate::{cluster, output};

/// How long the first answer of the apiserver may take, whatever the caller's patience.
const FIRST: Duration = Duration::from_secs(10);

/// Waits, and says what it waits for. Success once the revision is in force everywhere.
pub(crate) fn status(args: &RolloutStatusArgs) -> Result<ExitCode, String> {
    cluster::ask(wait(args))
}

async fn wait(args: &RolloutStatusArgs) -> Result<ExitCode, String> {
    let (client, namespace) = cluster::connect(args.context.as_deref(), args.namespace.as_deref()).await?;
    let name = Rollout::name_of(&args.release);
    let found = Api::<ConfigMap>::namespaced(client, &namespace);
    // A failed watch begins again by itself, a little later each time.
    let mut seen =
        pin!(watch_object(found, &name).default_backoff().inspect_err(|error| tell(args, &watch_failed(error))));
    let started = Instant::now();
    let until = started + Duration::from_secs(args.timeout);
    let mut wanted = args.revision;
    let mut last = None;
    loop {
        let patience = if last.is_none() { until.max(started + FIRST) } else { until };
        let Ok(Some(next)) = timeout_at(patience, seen.next()).await else { break };
        let Ok(next) = next else { continue };
        let Some(object) = next else {
            last.get_or_insert(Err(format!(
                "there is no ConfigMap {namespace}/{name}: is `{}` a release there, and does its operator run?",
                args.release
            )));
            continue;
        };
        let rollout = Rollout::from_data(&object.data.unwrap_or_default());
        let rollout = rollout.map_err(|error| format!("the ConfigMap {namespace}/{name}: {error}"))?;
        let wanted = *wanted.get_or_insert(rollout.revision);
        let done = rollout.has(wanted);
        if last.as_ref() != Some(&Ok(rollout.clone())) && args.output == Output::Text {
            output::line(&sentence(&rollout, wanted));
        }
        last = Some(Ok(rollout));
        if done || args.timeout == 0 {
            break;
        }
    }
    let rollout = last.unwrap_or_else(|| Err("the apiserver did not answer in time".to_owned()))?;
    let revision = wanted.unwrap_or(rollout.revision);
    let in_force = rollout.has(revision);
    if args.output == Output::Json {
        let found = json!({
            "revision": revision,
            "inForce": in_force,
            "newestRevision": rollout.revision,
            "revisionInForce": rollout.in_force,
            "gateways": rollout.pods,
            "behind": rollout.behind,
        });
        output::line(&found.to_string());
    } else if !in_force {
        output::error(&format!(
            "revision {revision} is not in force everywhere after {} s",
            started.elapsed().as_secs()
        ));
    }
    Ok(if in_force { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

fn watch_failed(error: &watcher::Error) -> String {
    format!("the apiserver: {error}; trying again")
}

fn tell(args: &RolloutStatusArgs, what: &str) {
    if args.output == Output::Text {
        output::note(what);
    }
}

fn sentence(rollout: &Rollout, wanted: u64) -> String {
    let Rollout { revision, pods, behind, .. } = rollout;
    if rollout.has(wanted) {
        return format!("revision {wanted} is in force at all {pods} gateways");
    }
    if *pods == 0 {
        return format!("revision {wanted}: no gateway serves");
    }
    if *revision < wanted {
        return format!("revision {wanted} is not written yet; the newest is {revision}");
    }
    format!(
        "revision {wanted}: {} of {pods} gateways wait for revision {revision}: {}",
        behind.len(),
        behind.join(", ")
    )
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use super::*;

    #[test]
    fn what_is_waited_for_is_said_in_one_sentence() {
        let of = |revision, pods: &[(&str, Option<u64>)]| {
            Rollout::of(
                revision,
                &pods.iter().map(|(name, runs)| ((*name).to_owned(), *runs)).collect::<BTreeMap<_, _>>(),
            )
        };
        assert_eq!(sentence(&of(7, &[("a", Some(7))]), 7), "revision 7 is in force at all 1 gateways");
        assert_eq!(sentence(&of(7, &[]), 7), "revision 7: no gateway serves");
        assert_eq!(sentence(&of(7, &[("a", Some(7))]), 8), "revision 8 is not written yet; the newest is 7");
        let behind = of(7, &[("a", Some(6)), ("b", Some(7)), ("c", None)]);
        assert_eq!(sentence(&behind, 7), "revision 7: 2 of 3 gateways wait for revision 7: a, c");
    }
}
