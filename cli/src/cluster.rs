//! The way to a cluster.

use std::future::Future;

use kube::config::KubeConfigOptions;
use kube::{Client, Config};

/// Asks a cluster something, and waits for the answer.
pub(crate) fn ask<T>(question: impl Future<Output = Result<T, String>>) -> Result<T, String> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
    runtime.map_err(|error| error.to_string())?.block_on(question)
}

/// A client of the cluster of a context of the kubeconfig, without one of that of the current context, or of the pod; and
/// the namespace that is meant, without one the context's.
pub(crate) async fn connect(context: Option<&str>, namespace: Option<&str>) -> Result<(Client, String), String> {
    let config = match context {
        None => Config::infer().await.map_err(|error| error.to_string()),
        Some(context) => {
            let options = KubeConfigOptions { context: Some(context.to_owned()), ..KubeConfigOptions::default() };
            Config::from_kubeconfig(&options).await.map_err(|error| error.to_string())
        }
    };
    let config = config.map_err(|error| format!("no cluster: {error}"))?;
    let namespace = namespace.unwrap_or(&config.default_namespace).to_owned();
    let client = Client::try_from(config).map_err(|error| format!("no client for the cluster: {error}"))?;
    Ok((client, namespace))
}
