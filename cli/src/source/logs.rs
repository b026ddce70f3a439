//! What the gateway pods of a release have logged, as far as the cluster keeps it.

use k8s_openapi::api::core::v1::Pod;
use kube::api::{ListParams, LogParams};
use kube::{Api, ResourceExt};

use crate::args::ClusterArgs;
use crate::cluster;

/// What the pods of all releases' gateways are labelled with.
const GATEWAYS: &str = "app.kubernetes.io/name=switchboard,app.kubernetes.io/component=gateway";
/// The container of the gateway in its pods.
const CONTAINER: &str = "gateway";

/// The log of each pod, and that of its container before it was started again. Whoever may not read one gets no answer.
pub(crate) fn gateway_logs(args: &ClusterArgs) -> Result<Vec<String>, String> {
    cluster::ask(logs(args))
}

async fn logs(args: &ClusterArgs) -> Result<Vec<String>, String> {
    let (client, namespace) = cluster::connect(args.context.as_deref(), args.release_namespace.as_deref()).await?;
    let pods: Api<Pod> = Api::namespaced(client, &namespace);
    let found = pods.list(&ListParams::default().labels(GATEWAYS)).await;
    let found = found.map_err(|error| format!("the pods in {namespace} cannot be listed: {error}"))?;
    let of_release = format!("{}-gateway-", args.release);
    let names: Vec<String> =
        found.iter().map(ResourceExt::name_any).filter(|name| name.starts_with(&of_release)).collect();
    if names.is_empty() {
        return Err(format!("there is no gateway pod of a release `{}` in {namespace}", args.release));
    }
    let mut logs = Vec::new();
    for name in names {
        let of = |previous| LogParams { container: Some(CONTAINER.to_owned()), previous, ..LogParams::default() };
        let current = pods.logs(&name, &of(false)).await;
        logs.push(current.map_err(|error| format!("the log of the pod {namespace}/{name} cannot be read: {error}"))?);
        // There is none of most.
        logs.extend(pods.logs(&name, &of(true)).await.ok());
    }
    Ok(logs)
}
