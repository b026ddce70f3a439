//! Which cluster is meant.

use kube::Config;
use kube::config::KubeConfigOptions;

/// That of a context of the kubeconfig; without one that of the current context, or of the pod.
pub(crate) async fn config(context: Option<&str>) -> Result<Config, String> {
    let found = match context {
        None => Config::infer().await.map_err(|error| error.to_string()),
        Some(context) => {
            let options = KubeConfigOptions { context: Some(context.to_owned()), ..KubeConfigOptions::default() };
            Config::from_kubeconfig(&options).await.map_err(|error| error.to_string())
        }
    };
    found.map_err(|error| format!("no cluster: {error}"))
}
